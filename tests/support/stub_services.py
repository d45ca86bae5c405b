"""`muniment up` with services that do nothing but live, to test how they are kept.

Run as a program it is `muniment` with these services; `service NAME` is one of them.
"""

import json
import os
import signal
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Final

from typing_extensions import override

import muniment.cli.up
from muniment.cli.main import main
from muniment.cli.up import Service

PROGRAM: Final = (sys.executable, __file__)
RANKS: Final = {"api": 10, "webhooks": 20, "projector": 30}


def stub(name: str) -> Service:
    return Service(name, (*PROGRAM, "service", name), RANKS[name], listens=name == "api")


class Api(BaseHTTPRequestHandler):
    """Answers every GET with the settings it was given, and warns of those of `/warn`."""

    def do_GET(self) -> None:
        if self.path == "/v1/warn":
            print(json.dumps({"level": "warning", "event": "stub.asked", "by": "test"}), flush=True)
        given = {name: text for name, text in os.environ.items() if name.startswith("MUNIMENT_")}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(given).encode())

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def serve(name: str) -> None:
    signal.signal(signal.SIGTERM, end)
    print(json.dumps({"level": "warning", "event": "stub.started"}), flush=True)
    if name == "api":
        address = ("127.0.0.1", int(os.environ["MUNIMENT_HTTP_PORT"]))
        ThreadingHTTPServer(address, Api).serve_forever()
    threading.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "service":
        serve(sys.argv[2])
    else:
        muniment.cli.up.up = partial(muniment.cli.up.up, services=[stub(name) for name in RANKS])
        main()
