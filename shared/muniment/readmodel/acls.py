"""By what objects and entries are found that name a principal: said here, and in the migrations.

Most objects of a list have the same few ACEs, so what is indexed is a hash of the list and of all
of an object's ACEs together (`acl`); `ace` and `entry_ace` tell which principals those name. Hashes
collide: the ACEs themselves have the last word.
"""

from typing import Final

from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "acls.sql")


def acl_of(permissions: str, parent: str) -> str:
    """The expression that the indexes have, over expressions of types `jsonb` and `uuid`."""
    return SQL.acl_of.format(permissions=permissions, parent=parent)


def object_acl(alias: str) -> str:
    """The same of a row in a table of objects."""
    return acl_of(f"{alias}.permissions", f"{alias}.parent")


def entry_acl(alias: str) -> str:
    """The same of a row of the history."""
    return acl_of(f"{alias}.permissions", entry_place(alias))


def entry_place(alias: str) -> str:
    """The life that an entry is of: its collection's, else its bucket's."""
    return f"coalesce({alias}.collection_uid, {alias}.bucket_uid)"


def named(principals: str) -> str:
    """The principals of an expression of type `text[]` as an array of what `ace` has of them."""
    return SQL.named.format(principals=principals)
