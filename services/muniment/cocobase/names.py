"""Which names collections may have (contract section 4)."""

import re
from typing import Final, Literal, TypeAlias

Names: TypeAlias = Literal["strict", "lenient"]

_STRICT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_CHARS_MAX: Final = 255
_STRICT_CHARS_MAX: Final = 63
_UNADDRESSABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029/?#%&]")
_STRICT_RULE: Final = (
    "a name is a letter, then letters, digits and underscores, 63 characters at most (ASCII)"
)
_LENIENT_RULE: Final = (
    "a name has 1 to 255 characters, not only blanks, no control characters and none of / ? # % &"
)


def name_fault(name: str, names: Names) -> str | None:
    """The rule that the name breaks, and one that would do; `None` if it breaks none."""
    if not name.strip() or len(name) > _CHARS_MAX or _UNADDRESSABLE.search(name):
        return f"Invalid collection name: {_LENIENT_RULE if names == 'lenient' else _told(name)}."
    if names == "strict" and not _STRICT.fullmatch(name):
        return f"Invalid collection name: {_told(name)}."
    return None


def _told(name: str) -> str:
    return f'{_STRICT_RULE}; use "{fitting(name)}" instead'


def fitting(name: str) -> str:
    """A name by the strict rule that is as like as can be: `user_data` for `user data`."""
    made = re.sub(r"[^A-Za-z0-9]+", "_", name.strip()).strip("_")
    if not made:
        return "collection"
    return (made if made[0].isalpha() else f"c_{made}")[:_STRICT_CHARS_MAX]
