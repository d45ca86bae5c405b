"""The tokens of pages of bulk deletions: each is good for one page, for a while (DELL-4)."""

import secrets
from typing import Final

from cachetools import TTLCache

from muniment.domain.queries.selection import Selection
from muniment.domain.refusals import Fault, Invalid

TOKENS_MAX: Final = 10_000
USED_TOKEN: Final = Invalid(
    (
        Fault(
            location="querystring",
            name=None,
            description="_token was already used or has expired.",
        ),
    )
)


class UnusedTokens:
    """The marks of the tokens that were given out here and have not come back."""

    def __init__(self, validity_s: float) -> None:
        self._nonces: TTLCache[str, bool] = TTLCache[str, bool](TOKENS_MAX, validity_s)

    def make(self) -> str:
        """A mark for a token that may be given out."""
        return secrets.token_urlsafe(12)

    def give_out(self, nonce: str) -> None:
        """A token with this mark was given out."""
        self._nonces[nonce] = True

    def use(self, selection: Selection) -> Invalid | None:
        """Refuse a token that was used, is too old or was given out elsewhere; else use it up."""
        if selection.after is None:
            return None
        if selection.nonce is None or self._nonces.pop(selection.nonce, None) is None:
            return USED_TOKEN
        return None
