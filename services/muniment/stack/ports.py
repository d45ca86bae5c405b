"""Loopback ports: is one free, who has it, and which to take instead."""

import errno
import socket

import psutil

from muniment.stack.errors import Taken

LOOPBACK = "127.0.0.1"


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now.

    Raises `OSError` when the host itself is wrong (unknown, or not of this machine).
    """
    [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    with socket.socket(family, kind, protocol) as probe:
        # As servers do: a port whose old connections linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def pick(preferred: int | None, *, but: frozenset[int] = frozenset()) -> int:
    """The preferred port if it is free, else one that the system gives."""
    if preferred is not None and preferred not in but and is_free(preferred):
        return preferred
    while (port := _any_free()) in but:
        pass
    return port


def wanted(port: int | None, *, default: int | None, what: str) -> int:
    """The port that was asked for; the default, or any free one, when none was.

    Raises `Taken` when the port that was asked for is in use.
    """
    if not port:
        return pick(default)
    if not is_free(port):
        raise Taken(
            f"Port {port} for {what} is taken{by_whom(port)}: stop what uses it, or choose another "
            f"with MUNIMENT_EMBEDDED_{what.upper()}_PORT."
        )
    return port


def by_whom(port: int) -> str:
    """Part of a sentence: by which process, where the system lets us know."""
    pid = listener_pid(port)
    if pid is None:
        return ""
    try:
        return f" by {psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f" by pid {pid}"


def listener_pid(port: int) -> int | None:
    """Which process listens on the port, where the system lets us know."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return None
    for connection in connections:
        if _listens(connection.status, connection.laddr, port):
            return connection.pid
    return None


def is_listened_on_by(pid: int, port: int) -> bool:
    """Whether that very process listens there: another may have been faster to a free port."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(_listens(found.status, found.laddr, port) for found in connections)


def _listens(status: str, address: tuple[object, ...], port: int) -> bool:
    return status == psutil.CONN_LISTEN and address[1:2] == (port,)


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
