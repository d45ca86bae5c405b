"""The gateway of `deploy/`: a real nginx with our configuration, before what a test puts there."""

import os
import re
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muniment.stack import ports
from tests.support.cluster import Service
from tests.support.new_ports import new_port
from tests.support.tools import NGINX, program_of

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
BODY_BYTES_MAX: Final = 100_000
NOWHERE: Final = "127.0.0.1:1"
START_TIMEOUT_S: Final = 60.0

MAIN: Final = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/muniment.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running nginx."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def as_service(self) -> Service:
        """For clients of the cluster."""
        return Service("gateway", self.process, self.port)

    @property
    def origin(self) -> str:
        return self.as_service.origin


@contextmanager
def running_gateway(folder: Path, *, command: str, query: str) -> Generator[Gateway]:
    """An nginx with the configuration of `deploy/`, in front of these `host:port`."""
    port = new_port()
    variables = {
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_COMMAND": command,
        "GATEWAY_QUERY": query,
        "GATEWAY_RESOLVER": "127.0.0.1",
        "GATEWAY_BODY_BYTES_MAX": str(BODY_BYTES_MAX),
        "GATEWAY_RETRY_AFTER_S": "3",
        "GATEWAY_ACCESS_LOG": f"{folder}/access.log",
    }
    template = (DEPLOY / "gateway" / "nginx.conf").read_text()
    made = re.sub(r"\$\{(GATEWAY_\w+)\}", lambda found: variables[found[1]], template)
    (folder / "muniment.conf").write_text(made)
    # The workers of root are nobody's, and could not enter the test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder))
    arguments = ("-p", f"{folder}", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log")
    process = subprocess.Popen([program_of(NGINX), *arguments])
    try:
        wait_until_listening(process, port, folder)
        yield Gateway(port, folder, process)
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def wait_until_listening(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while ports.is_free(port):
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            raise AssertionError(f"nginx: {(folder / 'error.log').read_text()}")
        time.sleep(0.02)
