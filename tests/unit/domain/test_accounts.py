"""What may become of accounts: the rules of section 18 without a server."""

from collections.abc import Mapping
from typing import Any

import pytest

from muniment.domain.accounts import (
    AccountChanged,
    AccountDecision,
    AccountMissing,
    AccountRights,
    CreateAccount,
    DeleteAccount,
    PatchAccount,
    PutAccount,
    decide,
    scene_of,
    shown_permissions,
    user_id_of,
)
from muniment.domain.commands import (
    ANONYMOUS,
    Body,
    JsonPatch,
    MergePatch,
    Preconditions,
    Requester,
    authenticated,
)
from muniment.domain.decisions import Unchanged
from muniment.domain.refusals import Fault, Invalid, NotAllowed, ObjectModified
from muniment.domain.states import ABSENT, Present, State, Tombstone
from muniment.domain.timelines import LAST_DATE
from muniment.domain.values import EVERYONE, Principal, Timestamp

NADIA = authenticated(Principal("account:nadia"))
OMAR = authenticated(Principal("account:omar"))
ADMIN = authenticated(Principal("account:admin"))
OPEN = AccountRights(create=frozenset({EVERYONE}), write=frozenset({Principal("account:admin")}))
CLOSED = AccountRights(write=frozenset({Principal("account:admin")}))


def present(at: int = 10, permissions: Mapping[str, set[str]] | None = None, **data: Any) -> State:
    given = {"write": {"account:nadia"}} if permissions is None else permissions
    return Present(
        last_modified=Timestamp(at),
        data={"id": "nadia", "last_modified": at, **data},
        permissions={name: frozenset(map(Principal, who)) for name, who in given.items()},
    )


def decided(
    command: Any, state: State = ABSENT, *, rights: AccountRights = OPEN, at: int = 0, now: int = 20
) -> AccountDecision:
    return decide(scene_of(state, Timestamp(at)), command, Timestamp(now), rights)


def put(requester: Requester = ANONYMOUS, **fields: Any) -> PutAccount:
    body = Body(data={"password": "x", **fields})
    return PutAccount(username="nadia", body=body, requester=requester)


def post(requester: Requester = ANONYMOUS, **parts: Any) -> CreateAccount:
    body = Body(data={"id": "nadia", "password": "x"})
    given: dict[str, Any] = {"username": "nadia", "body": body, "requester": requester, **parts}
    return CreateAccount(**given)


def changed(decision: AccountDecision) -> AccountChanged:
    assert isinstance(decision, AccountChanged)
    return decision


def fault_of(decision: AccountDecision) -> Fault:
    assert isinstance(decision, Invalid)
    return decision.faults[0]


def test_the_password_travels_apart_from_the_data() -> None:
    """D-26: what is stored and shown as the account's data never held it."""
    change = changed(decided(put(colour="red")))

    assert change.password == "x"
    assert change.after.data == {"id": "nadia", "last_modified": 20, "colour": "red"}
    assert change.after.permissions == {"write": {"account:nadia"}}
    assert "x" not in repr(change).replace("next", "")


@pytest.mark.parametrize(
    ("command", "state", "rights", "expected"),
    [
        (put(), ABSENT, CLOSED, NotAllowed),
        (put(ADMIN), ABSENT, CLOSED, NotAllowed),
        (put(), present(), OPEN, NotAllowed),
        (post(), present(), OPEN, NotAllowed),
        (post(NADIA), present(), OPEN, Unchanged),
        (post(ADMIN), present(), OPEN, Unchanged),
        (put(NADIA), present(), CLOSED, AccountChanged),
        (put(ADMIN), present(), CLOSED, AccountChanged),
        (put(OMAR), present(), CLOSED, NotAllowed),
        (put(OMAR), present(), OPEN, Invalid),
        (put(OMAR), ABSENT, OPEN, Invalid),
        (post(OMAR), ABSENT, OPEN, Invalid),
        (DeleteAccount(username="nadia", requester=OMAR), present(), OPEN, NotAllowed),
        (DeleteAccount(username="nadia", requester=OMAR), ABSENT, OPEN, NotAllowed),
        (DeleteAccount(username="nadia", requester=ADMIN), ABSENT, OPEN, AccountMissing),
        (DeleteAccount(username="nadia", requester=NADIA), present(), OPEN, AccountChanged),
    ],
)
def test_who_may_do_what(command: Any, state: State, rights: AccountRights, expected: type) -> None:
    """ACC-1 to ACC-4, ACC-7."""
    assert isinstance(decided(command, state, rights=rights), expected)


def test_an_aces_holder_may_do_what_it_says() -> None:
    """Table 7.2: account.read and account.write."""
    shared = present(permissions={"write": {"account:nadia", "account:omar"}})

    deleted = decided(DeleteAccount(username="nadia", requester=OMAR), shared)

    assert isinstance(deleted, AccountChanged)


def test_faults_are_told_to_whom_may_do_what_is_asked() -> None:
    """2.3: what is wrong with a body is no stranger's to know."""
    fault = Fault(location="body", name="data", description="wrong")

    assert isinstance(decided(post(faults=(fault,)), rights=CLOSED), NotAllowed)
    assert fault_of(decided(post(faults=(fault,)))) == fault
    nameless = post(username=None, faults=(fault,))
    assert isinstance(decided(nameless, rights=CLOSED), NotAllowed)
    assert fault_of(decided(nameless)) == fault


def test_an_invalid_name_is_told_before_rights() -> None:
    """ID-3, 2.3 step 4."""
    assert fault_of(decided(post(username="n!"), rights=CLOSED)).location == "path"


def test_a_password_that_is_no_text_is_refused_without_being_repeated() -> None:
    """ERR-17, ERR-19."""
    command = PutAccount(
        username="nadia", body=Body(data={"password": ["s3cr3t"]}), requester=ANONYMOUS
    )

    fault = fault_of(decided(command))

    assert fault.name == "data.password"
    assert "s3cr3t" not in fault.description


@pytest.mark.parametrize("kind", [PutAccount, CreateAccount])
def test_wrong_fields_are_told_before_preconditions_fail(kind: Any) -> None:
    """2.3, ERR-17, ERR-19: all of them, with all else that is wrong with the request."""
    other = Fault(location="header", name="X", description="wrong")
    command = kind(
        username="nadia",
        body=Body(data={"last_modified": LAST_DATE + 1}),
        requester=NADIA,
        preconditions=Preconditions(if_match=Timestamp(1)),
        faults=(other,),
    )

    told = decided(command, present(at=10))

    assert isinstance(told, Invalid)
    assert [fault.name for fault in told.faults] == ["X", "data.last_modified", "data.password"]


def test_a_body_that_cannot_be_read_lacks_nothing() -> None:
    """ERR-6: what is told of it is that it cannot be read."""
    fault = Fault(location="body", name="", description="Invalid JSON")
    command = PutAccount(
        username="nadia", body=Body(data=None), requester=ANONYMOUS, faults=(fault,)
    )

    assert decided(command) == Invalid((fault,))


def test_a_patch_cannot_copy_the_password_out() -> None:
    """D-25: what stands for it in the document is empty."""
    change = JsonPatch(
        operations=[{"op": "copy", "from": "/data/password", "path": "/data/copied"}]
    )
    command = PatchAccount(username="nadia", change=change, requester=NADIA)

    after = changed(decided(command, present()))

    assert after.password is None
    assert after.after.data["copied"] == ""


def test_an_empty_password_given_is_a_new_one() -> None:
    """What stands for the old password is no text that a client could send."""
    change = MergePatch(body=Body(data={"password": ""}))
    command = PatchAccount(username="nadia", change=change, requester=NADIA)

    assert changed(decided(command, present())).password == ""


def test_the_timeline_outlives_the_account() -> None:
    """ACC-8, TS-2, TS-5: a new life starts after the old one, a past date moves nothing."""
    gone = Tombstone(last_modified=Timestamp(50))

    again = changed(decided(put(), gone, at=50, now=20))
    dated_back = changed(decided(put(last_modified=7), gone, at=50, now=60))

    assert again.last_modified == 51
    assert dated_back.last_modified == 7
    assert dated_back.timeline.at == 50


def test_an_account_of_the_last_date_can_still_be_changed() -> None:
    """TS-7: the timestamp that it has by itself is no wish."""
    change = MergePatch(body=Body(data={"colour": "red"}))
    command = PatchAccount(username="nadia", change=change, requester=NADIA)

    after = changed(decided(command, present(at=LAST_DATE + 1)))

    assert after.last_modified == LAST_DATE + 2


def test_a_stale_tag_changes_nothing() -> None:
    """Row U."""
    command = PutAccount(
        username="nadia",
        body=Body(data={"password": "x"}),
        requester=NADIA,
        preconditions=Preconditions(if_match=Timestamp(9)),
    )

    refused = decided(command, present(at=10))

    assert isinstance(refused, ObjectModified)
    assert refused.existing == {"id": "nadia", "last_modified": 10}


@pytest.mark.parametrize("requester", [ANONYMOUS, NADIA, ADMIN], ids=["new", "owner", "admin"])
def test_who_sees_the_permissions(requester: Requester) -> None:
    """ACC-2, PERM-19: also who has just signed up, and is not logged in yet."""
    permissions = {"write": frozenset({user_id_of("nadia")})}

    assert shown_permissions("nadia", permissions, requester, OPEN) == {"write": ["account:nadia"]}
    assert shown_permissions("nadia", permissions, OMAR, OPEN) == {}
