# ruff: noqa: INP001, T201 - a program of its own, and what it prints `docker inspect` shows
"""Whether the service in this container can work: 0 if its heartbeat says so, else 1."""

import http.client
import os
import sys

port = int(os.environ.get("MUNIMENT_HTTP_PORT", "8888"))
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=12)
try:
    connection.request("GET", "/v1/__heartbeat__")
    answer = connection.getresponse()
    print(answer.status, answer.read().decode())
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"no answer at port {port}: {error!r}")
sys.exit(answer.status != http.client.OK)
