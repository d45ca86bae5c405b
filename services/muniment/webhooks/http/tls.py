"""TLS towards receivers: who is trusted, who we are, and sessions that are resumed.

A full handshake takes 0.5 ms of CPU, twenty times what a delivery does, and a resumed one 0.34.
"""

import asyncio
import os
import ssl
import tempfile
import time
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from muniment.runtime.errors import UserError

CONTEXTS_MAX: Final = 128
SESSIONS_MAX: Final = 2_048
SESSION_AGE_S_MAX: Final = 3_600.0
"""A certificate that is revoked or expires meanwhile is looked at again after this."""


class UnfitIdentity(ValueError):
    """A certificate or key of an endpoint can't be read; the message says which."""


class UnfitAuthorities(UserError):
    """The file of authorities to trust can't be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """What one endpoint trusts beside the system's authorities, and shows of itself; all PEM."""

    ca: str | None = None
    certificate: str | None = None
    """With the chain, if there is one."""
    key: str | None = field(default=None, repr=False)


class _Session(NamedTuple):
    session: ssl.SSLSession | None
    """`None` for a host that refused the last one."""
    since: float


class _Object(ssl.SSLObject):
    """The TLS of one connection."""

    has_offered_session: bool


class Context(ssl.SSLContext):
    """A client's context that resumes the session of a host.

    Neither asyncio nor uvloop takes a session for a connection; both ask the context for the
    connection's TLS object, which is where it is put in.
    """

    sslobject_class = _Object

    def __init__(self, protocol: int) -> None:
        # All of the base class is made by its `__new__`.
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        known = self._known(str(server_hostname))
        session = None if known is None else known.session
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(made, _Object):
            made.has_offered_session = session is not None
        return made

    def keep_session(self, host: str, connection: ssl.SSLObject) -> None:
        """Have the next connections to the host go on from this one.

        To be called after an answer: the session of TLS 1.3 comes after the handshake.
        """
        if connection.session_reused:
            return
        if isinstance(connection, _Object) and connection.has_offered_session:
            # Offering one costs a third of a handshake: not again to who does not take it.
            self._sessions[host] = _Session(None, time.monotonic())
        elif self._known(host) is None:
            # Python copies a session by writing and parsing it (0.14 ms), at taking it and at
            # offering it: so one serves many connections, and is not renewed by each.
            self._sessions[host] = _Session(connection.session, time.monotonic())
        self._sessions.move_to_end(host)
        if len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)

    def _known(self, host: str) -> _Session | None:
        known = self._sessions.get(host)
        is_fresh = known is not None and time.monotonic() - known.since < SESSION_AGE_S_MAX
        return known if is_fresh else None


def keep_session(connection: ssl.SSLObject | None, host: str) -> None:
    """Keep the session of a connection that a `Context` has made, if it is one."""
    if connection is not None and isinstance(connection.context, Context):
        connection.context.keep_session(host, connection)


class Contexts:
    """The contexts of all identities; each is made once, on a thread, as that takes 20 ms."""

    def __init__(self, *, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._contexts: OrderedDict[TlsIdentity | None, Context] = OrderedDict()

    async def of(self, identity: TlsIdentity | None) -> Context:
        """The context of an endpoint; raises `UnfitIdentity` where its certificates are no such."""
        context = self._contexts.get(identity)
        if context is None:
            context = await asyncio.to_thread(self._make, identity)
            context = self._contexts.setdefault(identity, context)
            if len(self._contexts) > CONTEXTS_MAX:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(identity)
        return context

    def _make(self, identity: TlsIdentity | None) -> Context:
        context = Context(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_default_certs()
        context.set_alpn_protocols(["http/1.1"])
        if self._ca_file is not None:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:
                message = f"The file of webhooks_ca_file can't be read: {error}."
                raise UnfitAuthorities(message) from error
        if identity is not None:
            _apply(identity, context)
        return context


def _apply(identity: TlsIdentity, context: ssl.SSLContext) -> None:
    if identity.ca is not None:
        try:
            context.load_verify_locations(cadata=identity.ca)
        except (ssl.SSLError, ValueError) as error:
            raise UnfitIdentity("the authority's certificate can't be read") from error
    if identity.certificate is not None:
        pem = f"{identity.certificate}\n{identity.key or ''}\n"
        try:
            with _as_file(pem.encode()) as path:
                context.load_cert_chain(path, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise UnfitIdentity("the certificate or its key can't be read") from error


@contextmanager
def _as_file(content: bytes) -> Generator[str]:
    """OpenSSL reads keys from files only: one that no disk and nobody else ever sees."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
        return
    descriptor = os.memfd_create("key")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _no_password() -> str:
    """Without it OpenSSL asks the terminal for the password of an encrypted key."""
    return ""
