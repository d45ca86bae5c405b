"""The end of every statement of a list: a page's body made by Postgres, or how many there are."""

from typing import Final

import asyncpg

from muniment.readmodel.sql import Statements
from muniment.web.lists import Found

SQL: Final = Statements(__package__, "pages.sql")

NOT_ASKED: Final = "NULL::boolean"
"""In the place of whether there is anything that is shared with the requester."""


PAGE_BYTES_MAX: Final = 64_000_000
"""Of a page with more than one object; Postgres makes no text of more than a gigabyte."""


def page_of(
    chosen: str, *, limit: str, has_shared: str = NOT_ASKED, bytes_max: int = PAGE_BYTES_MAX
) -> str:
    """The page of what a query chooses, `limit` being a placeholder.

    It ends early, with a next page, where it would be larger than `bytes_max`.
    """
    return SQL.page.format(chosen=chosen, limit=limit, has_shared=has_shared, bytes_max=bytes_max)


def count_of(chosen: str, *, has_shared: str = NOT_ASKED) -> str:
    """The number of what a query chooses."""
    return SQL.count.format(chosen=chosen, has_shared=has_shared)


def found_in(row: asyncpg.Record) -> Found:
    """What either has told."""
    return Found(body=row["body"], last=row["last"], matches=row["matches"])
