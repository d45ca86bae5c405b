"""Secret texts in a webhook's data: how a sealed one looks."""

import re
from typing import Final

SEALED: Final = re.compile(r"sealed:1:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]+")
"""`sealed:1:<id of the key>:<base64url>`."""

SEALED_PREFIX: Final = "sealed:"
"""No plain text may begin with it."""


def is_sealed(text: str) -> bool:
    """Whether the text has the form of a sealed one; who sealed it is not told by that."""
    return SEALED.fullmatch(text) is not None
