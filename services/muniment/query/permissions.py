"""GET and HEAD of `/permissions`: what the requester is listed for, anywhere (section 19)."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from muniment.domain import accounts
from muniment.domain.accounts import AccountRights
from muniment.domain.addresses import Kind
from muniment.domain.permissions import IMPLIED, Granted
from muniment.domain.queries.selection import LAST_MODIFIED, Limits, Selection, Sort
from muniment.domain.refusals import Invalid
from muniment.domain.values import Timestamp
from muniment.query.named_objects import Part, objects_of, part_of
from muniment.query.pages import count_of, found_in, page_of
from muniment.query.store import Store
from muniment.readmodel.acls import named
from muniment.readmodel.lists.parameters import FixedFields
from muniment.readmodel.lists.sql import Columns, Values, conditions, holds_any, page
from muniment.readmodel.principals import PRINCIPALS, asker, members_for
from muniment.readmodel.sql import Statements
from muniment.web.cache import UNCACHED
from muniment.web.conditions import revision_headers
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.lists import ListRequest, answer_list, read_list_request

SQL: Final = Statements(__package__, "permissions.sql")

_NAMES: Final = (
    "uri",
    "resource_name",
    "bucket_id",
    "collection_id",
    "group_id",
    "record_id",
    "webhook_id",
)

FIELDS: Final = FixedFields(
    names=frozenset({*_NAMES, "id", "last_modified"}),
    texts=frozenset({*_NAMES, "id"}),
    order=(Sort(path=("uri",), is_descending=True),),
)
"""PRM-6: `last_modified` is accepted, and means nothing."""

_COLUMNS: Final = Columns(
    fields={name: f"to_jsonb(o.{name})" for name in _NAMES},
    texts={name: f"o.{name} {{}}" for name in _NAMES},
    orders={"uri": '(o.uri COLLATE "C")'},
)

_ROOT: Final = "root"
_ACCOUNT: Final = "account"

_PARENTS: Final[Mapping[str, str]] = {
    Kind.BUCKET: _ROOT,
    Kind.GROUP: Kind.BUCKET,
    Kind.COLLECTION: Kind.BUCKET,
    Kind.RECORD: Kind.COLLECTION,
    Kind.WEBHOOK: Kind.BUCKET,
}
"""On what the right to create an object of a kind is held."""


class PermissionReads:
    """Answers reads of `/permissions` with one statement."""

    def __init__(
        self,
        store: Store,
        *,
        granted: Granted,
        accounts: AccountRights | None,
        has_webhooks: bool,
        errors: Errors,
        limits: Limits,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Without the rights on accounts there are none."""
        self._store = store
        self._has_webhooks = has_webhooks
        self._has_accounts = accounts is not None
        self._settings = [*_settings(granted), *_settings_of_accounts(accounts)]
        self._errors = errors
        self._limits = limits
        self._now_s = now_s

    async def handle(self, request: Request) -> Response:
        """The entries, or what is wrong with the request. Raises `Unavailable`."""
        now = Timestamp(int(self._now_s() * 1000))
        asked = read_list_request(request, limits=self._limits, now=now, fixed=FIELDS)
        if asked.faults:
            return self._errors.refuse(Invalid(asked.faults), request.requester)
        asked = replace(asked, selection=_timeless(asked.selection))
        values = Values(_COLUMNS)
        statement = self._statement(asked, values)
        row = await self._store.read_list(statement, values.all)
        # There is no timeline here: the tag is new each time, and never matches one (PRM-7).
        return answer_list(asked, found_in(row), {**revision_headers(now), **UNCACHED})

    def _statement(self, asked: ListRequest, values: Values) -> str:
        requester = asked.request.requester
        direct = values.bind(sorted(requester.principals), "text[]")
        members = values.bind(members_for(requester), "text[]")
        where = conditions(asked.selection, values, with_tombstones=False)
        if asked.is_head:
            part = Part(where=where)
            found = count_of(SQL.all_entries.format(where=where))
        else:
            after, order, sort_values = page(asked.selection, values)
            limit = values.bind(asked.selection.limit, "integer")
            part = part_of(asked.selection, values, where=where, after=after, limit=limit)
            chosen = SQL.page.format(
                principals=PRINCIPALS,
                where=where,
                after=after,
                order=order,
                sort_values=sort_values,
                limit=limit,
            )
            found = page_of(chosen, limit=limit)
        return SQL.entries.format(
            asker=asker(direct=direct, members=members).rstrip(),
            principals=PRINCIPALS,
            named=named(PRINCIPALS),
            settings=_table(self._settings, 3, values),
            implied=_table(_implied(), 3, values),
            objects=" UNION ALL ".join(self._objects(part)),
            found=found,
        )

    def _objects(self, part: Part) -> Iterator[str]:
        for kind in Kind:
            if kind is not Kind.WEBHOOK or self._has_webhooks:
                yield objects_of(kind, part, is_everywhere=self._grants(kind))
        if self._has_accounts:
            visible = holds_any(accounts.PERMISSION_NAMES, PRINCIPALS)
            yield SQL.accounts.format(principals=PRINCIPALS, visible=visible)

    def _grants(self, kind: Kind) -> bool:
        """Whether the settings may give the requester something on all objects of the kind."""
        return any(name == kind for name, _, _ in self._settings)


def _settings(granted: Granted) -> Iterable[tuple[str, str, str]]:
    """What is given by settings: on which resource, which permission, to whom (PRM-4)."""
    for kind, by_name in granted.by_kind.items():
        for name, holders in by_name.items():
            for holder in holders:
                if name == "create":
                    yield _PARENTS[kind], f"{kind}:create", holder
                else:
                    yield kind, name, holder


def _settings_of_accounts(rights: AccountRights | None) -> Iterable[tuple[str, str, str]]:
    for holder in rights.create if rights else ():
        yield _ROOT, f"{_ACCOUNT}:create", holder


def _implied() -> Iterable[tuple[str, str, str]]:
    for name in (Kind.BUCKET.value, _ACCOUNT):
        yield _ROOT, f"{name}:create", f"{name}:create"
    for kind, by_name in (*IMPLIED.items(), (_ACCOUNT, accounts.IMPLIED)):
        for held, given in by_name.items():
            yield from ((kind, held, name) for name in given)


def _table(rows: Iterable[tuple[str, ...]], width: int, values: Values) -> str:
    """The rows as columns for `unnest`."""
    columns: Sequence[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * width
    return ", ".join(values.bind(list(column), "text[]") for column in columns)


def _timeless(selection: Selection) -> Selection:
    kept = tuple(each for each in selection.filters if each.path != LAST_MODIFIED)
    return replace(selection, filters=kept)
