"""A receiver of Muniment's webhooks: verify, write down, answer; work comes afterwards.

pip install --require-hashes -r requirements.txt
WEBHOOK_SECRET=whsec_… python receiver.py
"""

import json
import os
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

BODY_BYTES_MAX = 1024 * 1024
INBOX = Path(os.environ.get("INBOX", "inbox"))
# Several, parted by blanks, while one takes the place of another.
VERIFIERS = [Webhook(secret) for secret in os.environ.get("WEBHOOK_SECRET", "").split()]


def is_genuine(body: bytes, headers: dict[str, str]) -> bool:
    """Whether one of the secrets has signed it, within the last five minutes."""
    for verifier in VERIFIERS:
        try:
            verifier.verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return True
    return False


def take(message_id: str, body: bytes) -> bool:
    """Write the message to a file of its id; false for a repeat. It is on disk when this returns.

    Whoever works on it reads there, and leaves the file, as it may come again.
    """
    path = INBOX / f"{message_id}.json"
    if path.exists():
        return False
    with tempfile.NamedTemporaryFile(dir=INBOX, delete=False) as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).rename(path)
    return True


class Receiver(BaseHTTPRequestHandler):
    """One connection; many deliveries come over it."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self) -> None:
        """Answer as soon as the message is safe."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            self.answer(413 if length.isdecimal() else 411)
            return
        # The signature is of these very bytes: nothing may parse and write them anew before.
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not is_genuine(body, headers):
            self.answer(401)
            return
        is_new = take(headers["webhook-id"], body)
        self.answer(204)
        if is_new:
            print(json.loads(body).get("type"), headers["webhook-id"], flush=True)

    def answer(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Print messages, not requests."""


def main() -> None:
    """Listen until interrupted."""
    if not VERIFIERS:
        sys.exit("WEBHOOK_SECRET is not set: `muniment webhooks secret` prints it.")
    INBOX.mkdir(exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
    print(f"http://127.0.0.1:{server.server_port}/hook", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
