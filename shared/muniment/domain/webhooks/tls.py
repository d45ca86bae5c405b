"""A webhook's certificates: whether they are what they should be."""

import re
from collections.abc import Mapping
from typing import Final, cast

from muniment.domain.values import JsonValue
from muniment.domain.webhooks.sealing import SEALED_PREFIX, is_sealed
from muniment.domain.webhooks.spec import Tls
from muniment.domain.webhooks.values import Wrong, unknown_part

PEM_CHARS_MAX: Final = 64 * 1_024

_PEM: Final = re.compile(r"\s*-----BEGIN [A-Z ]+-----.+-----END [A-Z ]+-----\s*", re.DOTALL)


def tls(value: JsonValue) -> Tls | Wrong:
    """The certificates; the client's key plain or sealed."""
    if not isinstance(value, Mapping):
        return Wrong("this is not an object")
    if wrong := unknown_part(value, ("client_certificate", "client_key", "ca")):
        return wrong
    for name, pem in value.items():
        if pem is not None and (why := _wrong_pem(pem, may_be_sealed=name == "client_key")):
            return Wrong(why, f".{name}")
    certificate, key, ca = (
        cast("str | None", value.get(name)) for name in ("client_certificate", "client_key", "ca")
    )
    if (certificate is None) != (key is None):
        return Wrong("a client certificate and its key come together")
    return Tls(client_certificate=certificate, client_key=key, ca=ca)


def _wrong_pem(value: JsonValue, *, may_be_sealed: bool) -> str | None:
    """What is wrong, without a word of the value itself: it may be a secret."""
    if not isinstance(value, str):
        return "this is not a string"
    if may_be_sealed and value.startswith(SEALED_PREFIX):
        return None if is_sealed(value) else "this is no sealed text"
    if len(value) > PEM_CHARS_MAX:
        return f"Longer than maximum length of {PEM_CHARS_MAX}"
    return None if _PEM.fullmatch(value) else "this is no PEM"
