"""An OpenID Connect issuer on loopback: signs tokens, changes its keys, and counts who asks."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT_ID: Final = "muniment-tests"
CLIENT_SECRET: Final = "of the client"
OPAQUE_TOKEN: Final = "opaque"


@dataclass(slots=True)
class Issuer:
    """What it says, which tests may change as they like."""

    port: int
    keys: list[RSAKey | ECKey] = field(default_factory=list[RSAKey | ECKey])
    asked: list[str] = field(default_factory=list[str])
    """Paths, in the order in which they were asked for."""
    traded: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Forms that came to the token endpoint."""
    is_down: bool = False
    discovery_extra: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rotate(self, key: RSAKey | ECKey | None = None) -> RSAKey | ECKey:
        """Sign with a new key from now on, and forget the old ones."""
        made = key or RSAKey.generate_key(2048, auto_kid=True)
        self.keys = [made]
        return made

    def token(
        self, *, key: RSAKey | ECKey | OctKey | None = None, alg: str = "RS256", **claims: Any
    ) -> str:
        """A token that is good, but for the claims given; `None` leaves one out."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "nadia",
            "iat": now,
            "exp": now + 60,
            **claims,
        }
        signer = key or self.keys[0]
        header = {"alg": alg, "kid": signer.kid} if signer.kid else {"alg": alg}
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(header, said, signer, algorithms=[alg])

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        self.asked.append(path)
        if self.is_down:
            return 503, {}
        match path:
            case "/.well-known/openid-configuration":
                return 200, self._discovery()
            case "/keys":
                return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
            case "/userinfo" if headers.get("Authorization") == f"Bearer {OPAQUE_TOKEN}":
                return 200, {"sub": "pia", "name": "Pia"}
            case "/token":
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                self.traded.append(form)
                is_good = form.get("code") == "good"
                return (200, {"access_token": "abc"}) if is_good else (400, {"error": "invalid"})
            case _:
                return 401, {}

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            **self.discovery_extra,
        }


@contextmanager
def running_issuer() -> Generator[Issuer]:
    """An issuer with one key."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            status, content = issuer.answer(self.path, self.headers, body)
            text = orjson.dumps(content)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is theirs
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(port=server.server_port)
    issuer.rotate()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
