"""`If-Match` and `If-None-Match` on writes: rows U, C, M, P1 and P2 of the contract's 9.4."""

from typing import Literal

import pytest

from muniment.domain.decisions import Unchanged
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.refusals import NotAllowed, ObjectMissing, ObjectModified
from muniment.domain.states import ABSENT, State
from tests.support.deciding import (
    BUCKET,
    COLLECTION,
    EARLIER,
    LIST_AT,
    OMAR,
    RECORD,
    Asked,
    acl,
    ask,
    decided,
    present,
    scene,
    tombstone,
)

EXISTING = present(name="Cove")
REFUSED_WITH_IT = ObjectModified(current=EARLIER, existing=EXISTING.data)
REFUSED_BY_LIST = ObjectModified(current=LIST_AT, existing=None)
OTHER = EARLIER + 1

Headers = tuple[int | Literal["*"] | None, int | Literal["*"] | None]

STATES = pytest.mark.parametrize(
    "missing", [pytest.param(ABSENT, id="never-was"), pytest.param(tombstone(), id="deleted")]
)


def asked(headers: Headers) -> Asked:
    if_match, if_none_match = headers
    return ask(if_match=if_match, if_none_match=if_none_match)


@pytest.mark.parametrize("method", ["put", "patch", "merge", "delete"])
@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        pytest.param((OTHER, None), True, id="match-other"),
        pytest.param((EARLIER, None), False, id="match-current"),
        pytest.param(("*", None), False, id="match-any"),
        pytest.param((None, EARLIER), False, id="none-match-current-is-ignored"),
        pytest.param((None, OTHER), False, id="none-match-other-is-ignored"),
        pytest.param((None, "*"), True, id="none-match-any"),
        pytest.param((EARLIER, "*"), True, id="both-none-match-wins"),
        pytest.param((OTHER, EARLIER), True, id="both-match-is-judged"),
    ],
)
def test_row_u_an_object_that_exists(method: str, headers: Headers, is_refused: bool) -> None:
    """Equality decides, not order; a refusal shows what is there (PRE-1, PRE-2)."""
    asking = asked(headers)
    command = asking.delete() if method == "delete" else getattr(asking, method)({"name": "Bay"})

    decision = decided(scene(EXISTING), command)

    assert decision == REFUSED_WITH_IT if is_refused else isinstance(decision, ObjectChanged)


@STATES
@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        pytest.param((OTHER, None), True, id="match-a-number"),
        pytest.param((LIST_AT, None), True, id="match-the-list"),
        pytest.param(("*", None), True, id="match-any"),
        pytest.param((None, OTHER), False, id="none-match-a-number"),
        pytest.param((None, "*"), False, id="none-match-any"),
        pytest.param((None, None), False, id="none"),
    ],
)
def test_row_c_put_of_an_object_that_is_missing(
    missing: State, headers: Headers, is_refused: bool
) -> None:
    """Nothing can match what is not there: 412 without details (PUT-7, PUT-8)."""
    decision = decided(scene(missing), asked(headers).put({"name": "Bay"}))

    if is_refused:
        assert decision == REFUSED_BY_LIST
    else:
        assert isinstance(decision, ObjectChanged)
        assert decision.action is Action.CREATED


@STATES
@pytest.mark.parametrize("method", ["patch", "merge", "delete"])
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((OTHER, None), id="match-a-number"),
        pytest.param(("*", None), id="match-any"),
        pytest.param((None, OTHER), id="none-match-a-number"),
        pytest.param((None, "*"), id="none-match-any"),
    ],
)
def test_row_m_patch_and_delete_of_an_object_that_is_missing(
    missing: State, method: str, headers: Headers
) -> None:
    """404 comes before the preconditions (PAT-1, DEL-2)."""
    asking = asked(headers)
    command = asking.delete() if method == "delete" else getattr(asking, method)({"name": "Bay"})

    assert decided(scene(missing), command) == ObjectMissing(RECORD)


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        pytest.param((OTHER, None), True, id="match-other"),
        pytest.param((EARLIER, None), False, id="match-current"),
        pytest.param(("*", None), False, id="match-any"),
        pytest.param((None, EARLIER), False, id="none-match-is-ignored"),
        pytest.param((None, "*"), True, id="none-match-any"),
    ],
)
def test_row_p1_post_of_an_id_that_exists(headers: Headers, is_refused: bool) -> None:
    """Without a refusal the object comes back as it is, and nothing happens (POST-2, POST-3)."""
    decision = decided(scene(EXISTING), asked(headers).create({"id": "st-042", "name": "Bay"}))

    assert decision == (REFUSED_WITH_IT if is_refused else Unchanged(EXISTING))


@STATES
@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        pytest.param((OTHER, None), True, id="match-other"),
        pytest.param((EARLIER, None), True, id="match-the-tombstone"),
        pytest.param((LIST_AT, None), False, id="match-the-list"),
        pytest.param(("*", None), False, id="match-any"),
        pytest.param((None, LIST_AT), False, id="none-match-is-ignored"),
        pytest.param((None, "*"), False, id="none-match-any"),
    ],
)
def test_row_p2_post_of_an_id_that_is_unknown(
    missing: State, headers: Headers, is_refused: bool
) -> None:
    """`If-Match` is compared with the list (D-14)."""
    decision = decided(scene(missing), asked(headers).create({"id": "st-042"}))

    if is_refused:
        assert decision == REFUSED_BY_LIST
    else:
        assert isinstance(decision, ObjectChanged)


def test_who_may_only_create_is_not_shown_what_exists() -> None:
    """The status tells that it is there, the body nothing of it (D-15)."""
    allowing = present(COLLECTION, permissions=acl(record_create="account:omar"))
    command = ask(by=OMAR, if_none_match="*").put({"name": "Bay"})

    decision = decided(scene(EXISTING, collection=allowing), command)

    assert decision == ObjectModified(current=EARLIER, existing=None)


def test_who_may_write_one_object_but_not_create_beside_it_is_refused() -> None:
    """PUT with `If-None-Match: *` asks for the right to create (PERM-3, BKT-2)."""
    shared = present(permissions=acl(write="account:omar"))

    assert decided(scene(shared), ask(by=OMAR, if_none_match="*").put({})) == NotAllowed()


def test_a_bucket_name_that_is_taken_is_told_to_who_may_create_buckets() -> None:
    """Not 403: the requester holds `bucket:create` (BKT-2)."""
    taken = present(BUCKET)
    command = ask(address=BUCKET, by=OMAR, if_none_match="*").put({})

    decision = decided(scene(taken, kind=BUCKET.kind), command)

    assert decision == ObjectModified(current=EARLIER, existing=None)
