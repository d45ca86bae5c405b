"""URLs told to people: never with the password in them."""

import re
from typing import Final

MASK: Final = "••••••"

# A password may hold an @ where the parser of the URL goes by the last one.
_PASSWORD: Final = re.compile(
    r"((?<=://)[^:@/?#\s]*):[^/?#\s]*@|((?<=[?&])(?:ssl)?password=)[^&#\s]*"
)


def masked(text: str) -> str:
    """The text, with a mask in the place of a URL's password; what is no URL stays as it is."""
    return _PASSWORD.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    user, parameter = found.groups()
    return f"{user}:{MASK}@" if parameter is None else f"{parameter}{MASK}"
