"""A webhook's certificates: whether they are what they should be, and belong together."""

from collections.abc import Mapping
from typing import Final, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from muniment.domain.values import JsonObject, JsonValue
from muniment.domain.webhooks.sealing import SEALED_PREFIX, is_sealed
from muniment.domain.webhooks.spec import Tls
from muniment.domain.webhooks.values import Wrong, unknown_part

PEM_CHARS_MAX: Final = 64 * 1_024

_PARTS: Final = ("client_certificate", "client_key", "ca")


def tls(value: JsonValue) -> Tls | Wrong:
    """The certificates; the client's key plain or sealed. Nothing wrong is told with its value."""
    if not isinstance(value, Mapping):
        return Wrong("this is not an object")
    if wrong := unknown_part(value, _PARTS) or _wrong_text(value):
        return wrong
    certificate, key, ca = (cast("str | None", value.get(name)) for name in _PARTS)
    if (certificate is None) != (key is None):
        return Wrong("a client certificate and its key come together")
    if ca is not None and not _certificates(ca):
        return Wrong("this is no certificate in PEM", ".ca")
    if certificate is not None and key is not None:
        chain = _certificates(certificate)
        if not chain:
            return Wrong("this is no certificate in PEM", ".client_certificate")
        if not is_sealed(key) and (why := _wrong_key(key, chain[0])):
            return Wrong(why, ".client_key")
    return Tls(client_certificate=certificate, client_key=key, ca=ca)


def _wrong_text(parts: JsonObject) -> Wrong | None:
    for name, pem in parts.items():
        if pem is None:
            continue
        if not isinstance(pem, str):
            return Wrong("this is not a string", f".{name}")
        if len(pem) > PEM_CHARS_MAX:
            return Wrong(f"Longer than maximum length of {PEM_CHARS_MAX}", f".{name}")
        if pem.startswith(SEALED_PREFIX) and not (name == "client_key" and is_sealed(pem)):
            return Wrong("this is no PEM", f".{name}")
    return None


def _certificates(pem: str) -> list[Certificate]:
    """The certificate and its chain; none for what is no PEM of any."""
    try:
        return load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []


def _wrong_key(pem: str, certificate: Certificate) -> str | None:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
        is_its_key = key.public_key() == certificate.public_key()
    except TypeError:
        return "this key has a password, which nobody would be asked for"
    except (ValueError, UnsupportedAlgorithm):
        return "this is no private key in PEM"
    return None if is_its_key else "this is not the key of the client certificate"
