"""What becomes of objects when a principal is forgotten."""

import pytest

from muniment.domain.accounts import AccountChanged, scene_of
from muniment.domain.addresses import Address, group, webhook
from muniment.domain.events import Action, Cause, ObjectChanged
from muniment.domain.forgetting import forget, forget_account
from muniment.domain.states import ABSENT, Present, State
from muniment.domain.values import Permissions, Principal, Timestamp
from tests.support.deciding import (
    BUCKET,
    COLLECTION,
    LIST_AT,
    NOW,
    RECORD,
    acl,
    moment,
    present,
    scene,
    tombstone,
)

OMAR = Principal("account:omar")
GROUP = group("atlas", "curators")
WEBHOOK = webhook("atlas", "billing")
CAUSE = Cause(actor=Principal("account:operator"), request_id="r1")


def forgotten(target: State, address: Address = RECORD) -> ObjectChanged | None:
    around = scene(target, kind=address.kind)
    return forget(around, address, OMAR, moment=moment(), cause=CAUSE)


@pytest.mark.parametrize("address", [BUCKET, COLLECTION, GROUP, RECORD, WEBHOOK], ids=str)
def test_what_the_principal_alone_may_write_is_deleted(address: Address) -> None:
    """UD-1: readers do not keep it alive."""
    target = present(address, permissions=acl(write=OMAR, read="account:nadia"))

    event = forgotten(target, address)

    assert event is not None
    assert event.action is Action.DELETED
    assert event.after.permissions == {}
    assert event.cause == CAUSE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (acl(write=[OMAR, "account:nadia"]), acl(write="account:nadia")),
        (acl(write="account:nadia", read=OMAR), acl(write="account:nadia")),
        (acl(read=[OMAR, "account:pia"]), acl(read="account:pia")),
        (acl(record_create=OMAR), {}),
    ],
)
def test_the_principal_is_taken_out_of_all_else(before: Permissions, after: Permissions) -> None:
    """UD-1: a change like any other, with a timestamp of its own."""
    event = forgotten(present(COLLECTION, permissions=before, title="Log"), COLLECTION)

    assert event is not None
    assert event.action is Action.UPDATED
    assert event.after.permissions == after
    assert event.after.data == {"id": "stations", "last_modified": NOW, "title": "Log"}
    assert event.last_modified == NOW > LIST_AT
    assert event.records_from is None


def test_groups_lose_the_member() -> None:
    """UD-1: also where no ACE names them."""
    event = forgotten(present(GROUP, members=[OMAR, "account:pia", OMAR]), GROUP)

    assert event is not None
    assert event.after.data["members"] == ["account:pia"]


@pytest.mark.parametrize(
    "target", [present(RECORD), present(GROUP, members=["account:pia"]), tombstone()]
)
def test_what_does_not_name_the_principal_stays_as_it_is(target: State) -> None:
    """Its timestamp too."""
    assert forgotten(target) is None


def forgotten_account(target: State) -> AccountChanged | None:
    around = scene_of(target, Timestamp(LIST_AT))
    return forget_account(around, "omar", OMAR, now=Timestamp(NOW))


def account(permissions: Permissions) -> State:
    return Present(
        last_modified=Timestamp(10),
        data={"id": "omar", "last_modified": 10, "tel": 1},
        permissions=permissions,
    )


def test_an_account_that_the_principal_alone_may_write_is_deleted() -> None:
    """UD-1."""
    change = forgotten_account(account(acl(write=OMAR, read="account:pia")))

    assert change is not None
    assert change.action is Action.DELETED
    assert change.after.data == {"id": "omar", "last_modified": NOW, "deleted": True}


def test_an_account_with_another_writer_loses_the_name_alone() -> None:
    """UD-1: a change with a timestamp of its own, and the password stays."""
    change = forgotten_account(account(acl(write=[OMAR, "account:pia"])))

    assert change is not None
    assert change.action is Action.UPDATED
    assert change.after.permissions == acl(write="account:pia")
    assert change.after.data == {"id": "omar", "last_modified": NOW, "tel": 1}
    assert change.password is None


@pytest.mark.parametrize("target", [ABSENT, tombstone(), account(acl(write="account:pia"))])
def test_an_account_that_names_somebody_else_stays_as_it_is(target: State) -> None:
    assert forgotten_account(target) is None
