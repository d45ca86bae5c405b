"""An organization with orbits and users, made as an operator makes them."""

from collections.abc import Mapping
from typing import Any, Final

import requests

from muniment.web.operator_requests import operator_headers
from muniment.web.webhook_orders import InternalKey
from tests.clients.requester import Requester
from tests.support.server import MunimentServer
from tests.support.stack import new_name

TIMEOUT_S: Final = 15.0
ORGANIZATION: Final = "My Personal Organization"
DEFAULT_ORBIT: Final = "Default Orbit"
SECOND_ORBIT: Final = "Second Orbit"


class Client:
    """Sends requests with a key, exactly as the SDKs do: their headers, and no others."""

    def __init__(self, origin: str, key: str | None, *, prefix: str = "", agent: str) -> None:
        self.origin = origin
        self.prefix = prefix
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": agent,
        }
        if key is not None:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def __call__(
        self, method: str, path: str, body: Any = None, *, query: Any = None
    ) -> requests.Response:
        return self._session.request(
            method,
            f"{self.origin}{self.prefix}{path}",
            json=body,
            params=query,
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )

    def authorize(self, text: str) -> None:
        """Send this in place of the key."""
        self._session.headers["Authorization"] = text

    def send_always(self, name: str, text: str) -> None:
        """Send a header with each request."""
        self._session.headers[name] = text

    def close(self) -> None:
        self._session.close()


class Site:
    """A server, an organization in it, and who may do what there."""

    def __init__(self, server: MunimentServer) -> None:
        self.server = server
        self.origin = server.origin
        self._secret = (server.data_dir / "secret_key").read_text().strip().encode()
        self._clients: list[Client | Requester] = []
        self.keys: dict[str, str] = {}
        self.users: dict[str, str] = {}
        for name in ("owner", "admin", "member", "orbit_admin", "orbitless", "outsider"):
            made = self.operate("POST", "/v1/__users__", {"name": name})
            self.users[name], self.keys[name] = made["id"], made["key"]["key"]
        body = {"name": ORGANIZATION, "owner": self.users["owner"]}
        self.organization: str = self.operate("POST", "/v1/__organizations__", body)["id"]
        self.set_role("admin", "admin")
        for name in ("member", "orbit_admin", "orbitless"):
            self.set_role(name, "member")
        self.default_orbit = self.new_orbit(DEFAULT_ORBIT)
        self.second_orbit = self.new_orbit(SECOND_ORBIT)
        self.owner = self.client("owner")
        self.member = self.client("member")

    @property
    def orbits(self) -> str:
        """The path of the organization's orbits."""
        return f"/organizations/{self.organization}/orbits"

    def new_orbit(self, name: str | None = None) -> str:
        """The path of a new orbit; `member` and `orbit_admin` are in it."""
        body = {"name": name or new_name()}
        path = f"/v1/__organizations__/{self.organization}/orbits"
        id_ = self.operate("POST", path, body)["id"]
        for user, role in (("member", "member"), ("orbit_admin", "admin")):
            self.operate("PUT", f"/v1/__orbits__/{id_}/members/{self.users[user]}", {"role": role})
        return f"{self.orbits}/{id_}"

    def set_role(self, user: str, role: str) -> None:
        """Make a user be something in the organization."""
        path = f"/v1/__organizations__/{self.organization}/members/{self.users[user]}"
        self.operate("PUT", path, {"role": role})

    def client(self, user: str | None, *, prefix: str = "", key: str | None = None) -> Client:
        """Who asks with that user's key; under `/v1` as the newest generation, else as G2."""
        made = Client(
            self.origin,
            key if user is None else self.keys[user],
            prefix=prefix,
            agent="luml-sdk/0.1.0",
        )
        self._clients.append(made)
        return made

    def v1(self, name: str) -> Requester:
        """A user of `/v1`, by Basic credentials."""
        requester = Requester(self.origin, name)
        self._clients.append(requester)
        return requester

    def let_in(self, requester: Requester, orbit: str) -> None:
        """Let a user of `/v1` write all that is in an orbit: who writes an object may go on."""
        path = f"/v1/buckets/{orbit.rpartition('/')[2]}"
        assert requester("PATCH", path, {"data": {}}).status_code == 200

    def operate(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The `data` of what the operator is told."""
        response = self.ask_as_operator(method, path, body)
        assert response.ok, response.text
        return response.json()["data"]

    def ask_as_operator(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> requests.Response:
        request = requests.Request(method, f"{self.origin}{path}", json=body).prepare()
        content = request.body or b""
        assert isinstance(content, bytes)
        key = InternalKey(self._secret)
        request.headers.update(operator_headers(key, method, path, content))
        with requests.Session() as session:
            session.trust_env = False
            return session.send(request, timeout=TIMEOUT_S)

    def close(self) -> None:
        for each in self._clients:
            each.close()


def new_site(server: MunimentServer) -> Site:
    """An organization of its own."""
    return Site(server)


def create(
    client: Client, orbit: str, name: str = "My Collection", **more: Any
) -> Mapping[str, Any]:
    """A new collection."""
    body = {"name": name, "description": "", "collection_type": "model", **more}
    response = client("POST", f"{orbit}/collections", body)
    assert response.status_code == 200, response.text
    made: Mapping[str, Any] = response.json()
    return made


def names(response: requests.Response) -> list[str]:
    """The names on a page or in an array."""
    is_array = response.content.startswith(b"[")
    found: Any = response.json() if is_array else response.json()["items"]
    return [each["name"] for each in found]
