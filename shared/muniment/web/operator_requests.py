"""Requests of whoever has the deployment's secret key: its operator, at the command line.

They are signed, as an operator needs no account; `muniment.cli` writes such requests.
"""

import time
from collections.abc import Mapping
from typing import Final

from muniment.web.http import Headers
from muniment.web.webhook_orders import SIGNATURE, InternalKey, Unsigned

_PURPOSE: Final = "operator"


def operator_headers(key: InternalKey, method: str, path: str, body: bytes) -> Mapping[str, str]:
    """What says that the operator asks; `path` as it is sent, without a query."""
    return {SIGNATURE: key.sign(_signed(method, path, body), at_s=int(time.time()))}


def is_operators(
    key: InternalKey, method: str, path: str, headers: Headers | Mapping[str, str], body: bytes
) -> bool:
    """Whether the operator asked this, a short while ago."""
    try:
        key.check(_signed(method, path, body), headers.get(SIGNATURE, ""), now_s=time.time())
    except Unsigned:
        return False
    return True


def _signed(method: str, path: str, body: bytes) -> bytes:
    """The purpose comes first: no order between instances begins with it."""
    return f"{_PURPOSE} {method} {path}\n".encode() + body
