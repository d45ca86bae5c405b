"""Bulk deletion: who may delete what of a list, and pages whose tokens work once."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from muniment.command import bulk
from muniment.command.bulk import BulkDeletion
from muniment.command.known import Known
from muniment.command.known_objects import KnownBucket, KnownCollection
from muniment.command.tokens import USED_TOKEN
from muniment.command.waiting import Deleted
from muniment.domain.addresses import CollectionId, Kind, record
from muniment.domain.commands import ANONYMOUS, DeleteMany, Preconditions, Requester
from muniment.domain.events import Action, Cause, ObjectChanged
from muniment.domain.queries.selection import DEFAULT_ORDER, Limits
from muniment.domain.refusals import (
    CollectionMissing,
    Fault,
    Invalid,
    NotAllowed,
    ObjectModified,
    Refusal,
)
from muniment.domain.rules import Rules
from muniment.domain.states import Present
from muniment.domain.timelines import Timeline
from muniment.domain.values import Timestamp
from muniment.readmodel.lists.deletion import Found, Selected
from muniment.readmodel.lists.pages import write_token
from tests.support.deciding import (
    BUCKET,
    COLLECTION,
    COLLECTION_UID,
    EARLIER,
    LIST_AT,
    NADIA,
    NOW,
    OMAR,
    acl,
    moment,
    present,
)
from tests.support.memory_read_model import MemoryReadModel, MemoryTokens

FAULT = Fault(location="header", name="If-Match", description="bad")


class Rows(MemoryReadModel):
    """What the selection finds, told by the test; `acquire` gives nothing to ask."""

    def __init__(self, *, ids: Sequence[str] = (), is_shared: bool = False) -> None:
        super().__init__()
        self.ids = ids
        self.size_bytes = 100
        self.is_shared = is_shared
        self.asked: list[Any] = []

    @asynccontextmanager
    async def _nothing(self) -> AsyncGenerator[None]:
        yield

    def acquire(self) -> Any:
        return self._nothing()

    async def load(self, lacking: object, known: Known) -> None:
        for object_id in self.ids:
            address = record("atlas", "stations", object_id)
            known.learn_record(address, present(address), collection_uid=COLLECTION_UID)


@dataclass(slots=True)
class Deleting:
    """A bulk deletion in a collection of nadia's."""

    rows: Rows
    collection: Present | None = field(default_factory=lambda: present(COLLECTION))
    bulk: BulkDeletion = field(
        default_factory=lambda: BulkDeletion(
            Rules(),
            limits=Limits(page_max=None, fetch_max=100),
            tokens=MemoryTokens(),
            batch_bytes_max=10_000,
        )
    )
    learned: list[ObjectChanged] = field(default_factory=list[ObjectChanged])

    async def decide(self, order: DeleteMany, *, is_repeated: bool = False) -> Deleted | Refusal:
        known = Known(nodes_max=10)
        known.learn_bucket(BUCKET.bucket_id, KnownBucket(state=present(BUCKET)))
        learned = KnownCollection(records=Timeline(at=LIST_AT))
        learned.state = self.collection or learned.state
        known.learn_collection(
            BUCKET.bucket_id,
            CollectionId("stations"),
            learned,
            bucket_uid=present(BUCKET).uid,
        )

        def learn(event: ObjectChanged) -> None:
            known.apply(event, 1)
            self.learned.append(event)

        return await self.bulk.decide(
            order,
            known=known,
            read_model=self.rows,
            moment=moment,
            learn=learn,
            is_repeated=is_repeated,
        )


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    made = Rows()

    async def select_for_delete(_: object, **asked: Any) -> Selected:
        made.asked.append(asked)
        limit = asked["selection"].limit
        token = write_token(DEFAULT_ORDER, b'[5,"x"]', nonce=asked["nonce"])
        found = [Found(id=id_, size_bytes=made.size_bytes) for id_ in made.ids[:limit]]
        return Selected(found=found, next_token=token if len(made.ids) > limit else None)

    async def has_writable(_: object, **asked: Any) -> bool:
        made.asked.append(asked)
        return made.is_shared

    monkeypatch.setattr(bulk, "select_for_delete", select_for_delete)
    monkeypatch.setattr(bulk, "has_writable", has_writable)
    return made


def order(
    by: Requester = NADIA,
    *,
    query: Sequence[tuple[str, str]] = (),
    faults: tuple[Fault, ...] = (),
    preconditions: Preconditions | None = None,
) -> DeleteMany:
    return DeleteMany(
        kind=Kind.RECORD,
        bucket_id=BUCKET.bucket_id,
        collection_id=CollectionId("stations"),
        requester=by,
        cause=Cause(actor=by.user_id, request_id="r"),
        preconditions=preconditions or Preconditions(),
        faults=faults,
        query=query,
    )


async def test_each_deletion_has_a_timestamp_of_its_own(rows: Rows) -> None:
    """DELL-3, TS-10: increasing, and after all that was in the list."""
    rows.ids = ["one", "two", "three"]
    deleting = Deleting(rows)

    deleted = await deleting.decide(order())

    assert isinstance(deleted, Deleted)
    assert deleted.events == deleting.learned
    assert [event.last_modified for event in deleting.learned] == [NOW, NOW + 1, NOW + 2]
    assert {event.action for event in deleting.learned} == {Action.DELETED}
    assert deleted.list_at == NOW + 2


async def test_nothing_to_delete_leaves_the_list_timestamp(rows: Rows) -> None:
    """DELL-6."""
    deleted = await Deleting(rows).decide(order())

    assert isinstance(deleted, Deleted)
    assert (deleted.tombstones, deleted.list_at, deleted.rest) == ([], LIST_AT, None)


async def test_who_may_delete_the_list_is_not_limited_to_their_own(rows: Rows) -> None:
    await Deleting(rows).decide(order())

    assert rows.asked[-1]["writable_by"] is None


async def test_who_writes_only_some_deletes_only_those(rows: Rows) -> None:
    """PERM-7."""
    rows.is_shared = True

    await Deleting(rows).decide(order(OMAR))

    assert rows.asked[-1]["writable_by"] == OMAR.principals


@pytest.mark.parametrize("requester", [OMAR, ANONYMOUS], ids=["user", "anonymous"])
async def test_who_can_write_nothing_in_the_list_is_refused(
    rows: Rows, requester: Requester
) -> None:
    """PERM-7: before anything else is told."""
    assert await Deleting(rows).decide(order(requester, faults=(FAULT,))) == NotAllowed()


async def test_who_may_create_is_told_an_empty_list(rows: Rows) -> None:
    """PERM-7."""
    allowing = present(COLLECTION, permissions=acl(record_create="account:omar"))

    assert isinstance(await Deleting(rows, allowing).decide(order(OMAR)), Deleted)


async def test_a_missing_collection_is_told_to_who_may_delete(rows: Rows) -> None:
    """Order 2.3: the right first (step 5), then the collection (step 6)."""
    deleting = Deleting(rows)
    deleting.collection = None

    assert await deleting.decide(order()) == CollectionMissing(CollectionId("stations"))
    assert await deleting.decide(order(OMAR)) == NotAllowed()


async def test_all_that_is_wrong_is_told_at_once(rows: Rows) -> None:
    """ERR-2: headers and query string together."""
    refused = await Deleting(rows).decide(order(faults=(FAULT,), query=[("_limit", "abc")]))

    assert isinstance(refused, Invalid)
    assert [fault.name for fault in refused.faults] == ["If-Match", "_limit"]


@pytest.mark.parametrize(
    ("conditions", "is_refused"),
    [
        pytest.param(Preconditions(if_match=LIST_AT), False, id="match-the-list"),
        pytest.param(Preconditions(if_match=EARLIER), True, id="match-other"),
        pytest.param(Preconditions(if_match="*"), False, id="match-any"),
        pytest.param(Preconditions(if_none_match=LIST_AT), False, id="none-match-is-ignored"),
        pytest.param(Preconditions(if_none_match="*"), True, id="none-match-any"),
    ],
)
async def test_row_b_of_the_truth_table(
    rows: Rows, conditions: Preconditions, is_refused: bool
) -> None:
    decision = await Deleting(rows).decide(order(preconditions=conditions))

    assert (decision == ObjectModified(current=LIST_AT, existing=None)) is is_refused


async def first_page(deleting: Deleting) -> str:
    deleted = await deleting.decide(order(query=[("_limit", "1")]))
    assert isinstance(deleted, Deleted)
    assert deleted.next_token is not None
    return deleted.next_token


async def test_the_token_of_a_page_works_once(rows: Rows) -> None:
    """DELL-4, ERR-27."""
    rows.ids = ["one", "two"]
    deleting = Deleting(rows)
    next_page = order(query=[("_limit", "1"), ("_token", await first_page(deleting))])

    assert isinstance(await deleting.decide(next_page), Deleted)
    assert await deleting.decide(next_page) == USED_TOKEN


async def test_a_used_token_is_told_before_a_precondition_fails(rows: Rows) -> None:
    """DELL-4, 2.3: and a precondition that fails uses no token up."""
    rows.ids = ["one", "two"]
    deleting = Deleting(rows)
    query = [("_limit", "1"), ("_token", await first_page(deleting))]
    stale = order(query=query, preconditions=Preconditions(if_match=Timestamp(1)))

    refused = await deleting.decide(stale)
    deleted = await deleting.decide(order(query=query))

    assert isinstance(refused, ObjectModified)
    assert isinstance(deleted, Deleted)
    assert await deleting.decide(stale) == USED_TOKEN


async def test_an_order_that_is_decided_again_may_use_its_token_again(rows: Rows) -> None:
    """Its first append had no effect, which is the owner's trouble and not the client's."""
    rows.ids = ["one", "two"]
    deleting = Deleting(rows)
    next_page = order(query=[("_limit", "1"), ("_token", await first_page(deleting))])
    await deleting.decide(next_page)

    assert isinstance(await deleting.decide(next_page, is_repeated=True), Deleted)


async def test_a_token_expires(rows: Rows) -> None:
    """DELL-4: `pagination_token_validity_seconds`."""
    rows.ids = ["one", "two"]
    at_once = BulkDeletion(
        Rules(),
        limits=Limits(page_max=None, fetch_max=100),
        tokens=MemoryTokens(validity_s=-1),
        batch_bytes_max=10_000,
    )
    deleting = replace(Deleting(rows), bulk=at_once)
    next_page = order(query=[("_limit", "1"), ("_token", await first_page(deleting))])

    assert await deleting.decide(next_page) == USED_TOKEN


@pytest.mark.parametrize("nonce", [None, "made-up"])
async def test_a_token_that_was_not_given_out_is_refused(rows: Rows, nonce: str | None) -> None:
    """Also that of a GET, which has no nonce."""
    token = write_token(DEFAULT_ORDER, b'[5,"x"]', nonce=nonce)

    assert await Deleting(rows).decide(order(query=[("_token", token)])) == USED_TOKEN
