"""The principals of a request, found by the statement that answers it: no query more (AUTH-5).

So memberships are of the same snapshot as what they give access to, and a change counts from the
next request on wherever that arrives (AUTH-8).
"""

from collections.abc import Sequence
from typing import Final

from muniment.domain.commands import Requester
from muniment.domain.values import AUTHENTICATED, Principal
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "principals.sql")

PRINCIPALS: Final = "(SELECT principals FROM asker)"
"""In a statement that `asker` begins: an array of all principals of the request."""


def members_for(requester: Requester) -> Sequence[Principal]:
    """As whose member a group speaks for the requester."""
    return [] if requester.user_id is None else [requester.user_id, AUTHENTICATED]


def groups(members: str) -> str:
    """An expression for the URIs of the groups; `members` is a placeholder for `members_for`."""
    return SQL.groups.format(members=members)


def asker(*, direct: str, members: str) -> str:
    """The beginning of a statement; `direct` is a placeholder for the principals without groups."""
    return SQL.asker.format(direct=direct, groups=groups(members))
