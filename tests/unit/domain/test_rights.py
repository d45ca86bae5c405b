"""Who may do what: table 7.2 of the contract, and the rules PERM-1 to PERM-5."""

from collections.abc import Mapping

import pytest

from muniment.domain.addresses import Address, Kind
from muniment.domain.commands import ANONYMOUS, Command, Requester
from muniment.domain.decisions import Unchanged
from muniment.domain.events import ObjectChanged
from muniment.domain.permissions import (
    Acls,
    Granted,
    Right,
    listed,
    may,
    parse_permissions,
    visible_permissions,
)
from muniment.domain.refusals import NotAllowed, ObjectMissing
from muniment.domain.rules import Rules
from muniment.domain.states import ABSENT, State
from muniment.domain.values import Permissions, Principal
from tests.support.deciding import (
    BUCKET,
    COLLECTION,
    NADIA,
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

NOBODY = Granted(by_kind={})

GRANTS: Mapping[tuple[Kind, Right], str] = {
    (Kind.BUCKET, Right.READ): "own.write own.read own.collection:create own.group:create",
    (Kind.BUCKET, Right.WRITE): "own.write",
    (Kind.COLLECTION, Right.CREATE): "bucket.write bucket.collection:create",
    (Kind.COLLECTION, Right.READ): "bucket.write bucket.read own.write own.read own.record:create",
    (Kind.COLLECTION, Right.WRITE): "bucket.write own.write",
    (Kind.COLLECTION, Right.LIST): "bucket.write bucket.read",
    (Kind.COLLECTION, Right.DELETE_LIST): "bucket.write",
    (Kind.GROUP, Right.CREATE): "bucket.write bucket.group:create",
    (Kind.GROUP, Right.READ): "bucket.write bucket.read own.write own.read",
    (Kind.GROUP, Right.WRITE): "bucket.write own.write",
    (Kind.GROUP, Right.LIST): "bucket.write bucket.read",
    (Kind.GROUP, Right.DELETE_LIST): "bucket.write",
    (Kind.WEBHOOK, Right.CREATE): "bucket.write",
    (Kind.WEBHOOK, Right.READ): "bucket.write own.write own.read",
    (Kind.WEBHOOK, Right.WRITE): "bucket.write own.write",
    (Kind.WEBHOOK, Right.LIST): "bucket.write",
    (Kind.WEBHOOK, Right.DELETE_LIST): "bucket.write",
    (Kind.RECORD, Right.CREATE): "bucket.write collection.write collection.record:create",
    (Kind.RECORD, Right.LIST): "bucket.write bucket.read collection.write collection.read",
    (Kind.RECORD, Right.DELETE_LIST): "bucket.write collection.write",
    (Kind.RECORD, Right.READ): (
        "bucket.write bucket.read collection.write collection.read own.write own.read"
    ),
    (Kind.RECORD, Right.WRITE): "bucket.write collection.write own.write",
}
"""Table 7.2 as the contract has it, and webhooks: any one of these is enough."""

NAMES = {
    "bucket": ("read", "write", "collection:create", "group:create"),
    "collection": ("read", "write", "record:create"),
    "own": ("read", "write", "collection:create", "group:create", "record:create"),
}


@pytest.mark.parametrize("holder", ["account:omar", "system.Authenticated", "system.Everyone"])
@pytest.mark.parametrize(
    ("kind", "right"), [pytest.param(*key, id="-".join(key)) for key in GRANTS]
)
def test_one_of_the_permissions_named_is_enough_and_no_other(
    kind: Kind, right: Right, holder: str
) -> None:
    """Each permission of each object, held alone, by name or through `system.*`."""
    enough = {
        f"{where}.{name}"
        for where, names in NAMES.items()
        for name in names
        if may(
            OMAR.principals,
            right,
            kind,
            Acls(**{where: {name: frozenset({Principal(holder)})}}),
            NOBODY,
        )
    }

    assert enough == set(GRANTS[kind, right].split())


@pytest.mark.parametrize(
    ("requester", "is_allowed"),
    [
        pytest.param(NADIA, False, id="another-user"),
        pytest.param(ANONYMOUS, False, id="anonymous"),
        pytest.param(OMAR, True, id="the-holder"),
    ],
)
def test_a_permission_is_its_holders(requester: Requester, is_allowed: bool) -> None:
    acls = Acls(own=acl(write="account:omar"))

    assert may(requester.principals, Right.WRITE, Kind.RECORD, acls, NOBODY) is is_allowed


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        pytest.param("write", {"read", "write", "list", "delete_list"}, id="write-also-reads"),
        pytest.param("read", {"read", "list"}, id="read"),
        pytest.param("create", {"create"}, id="create"),
    ],
)
def test_a_setting_grants_on_all_objects_of_its_kind_alone(name: str, rights: set[str]) -> None:
    """PERM-1: what it gives on collections says nothing of records."""
    granted = Granted(by_kind={Kind.COLLECTION: {name: frozenset({Principal("account:omar")})}})

    given = {
        (kind, right)
        for kind in Kind
        for right in Right
        if may(OMAR.principals, right, kind, Acls(), granted)
    }

    assert given == {(Kind.COLLECTION, Right(right)) for right in rights}


@pytest.mark.parametrize(
    ("requester", "is_allowed"),
    [pytest.param(OMAR, True, id="user"), pytest.param(ANONYMOUS, False, id="anonymous")],
)
def test_users_may_create_buckets_by_default(requester: Requester, is_allowed: bool) -> None:
    """BKT-1."""
    decision = decided(scene(kind=Kind.BUCKET), ask(address=BUCKET, by=requester).put({}))

    assert isinstance(decision, ObjectChanged) is is_allowed


def test_permissions_are_shown_to_the_objects_own_writers_only() -> None:
    """PERM-18, PERM-19."""
    permissions = acl(read="account:omar", write="account:nadia")

    assert visible_permissions(permissions, NADIA.principals) == {
        "read": ["account:omar"],
        "write": ["account:nadia"],
    }
    assert visible_permissions(permissions, OMAR.principals) == {}


def test_listed_permissions_are_parsed_again() -> None:
    permissions = acl(read=["b", "a"], write="c")

    assert listed(permissions) == {"read": ["a", "b"], "write": ["c"]}
    assert parse_permissions(listed(permissions)) == permissions
    assert listed({"read": frozenset()}) == {}


# --- what a command needs -------------------------------------------------------------------------

OF_OMAR = {
    "nothing": {},
    "own read": {"own": "read"},
    "own write": {"own": "write"},
    "collection read": {"collection": "read"},
    "collection write": {"collection": "write"},
    "collection record:create": {"collection": "record:create"},
    "bucket read": {"bucket": "read"},
    "bucket write": {"bucket": "write"},
    "bucket collection:create": {"bucket": "collection:create"},
}

MAY_WRITE = {"own write", "collection write", "bucket write"}
MAY_READ = {"own read", "own write", "collection read", "collection write", "bucket read"} | {
    "bucket write"
}
MAY_CREATE = {"collection write", "collection record:create", "bucket write"}
MAY_LIST = {"collection read", "collection write", "bucket read", "bucket write"}

THERE: State = present()
"""A record that is there; `asked` gives omar what he holds on it."""

BY_OMAR = Asked(by=OMAR)


def outcome(command: Command, target: State, held: Mapping[str, str]) -> object:
    def permissions(where: str) -> Permissions:
        name = held.get(where)
        return {name: frozenset({Principal("account:omar")})} if name else {}

    if target is THERE:
        target = present(permissions=permissions("own"))
    around = scene(
        target,
        bucket=present(BUCKET, permissions=permissions("bucket")),
        collection=present(COLLECTION, permissions=permissions("collection")),
    )
    return decided(around, command)


@pytest.mark.parametrize(
    ("command", "target", "allowed"),
    [
        pytest.param(BY_OMAR.put({}), THERE, MAY_WRITE, id="PERM-3-put-on-existing"),
        pytest.param(BY_OMAR.put({}), ABSENT, MAY_CREATE, id="PERM-3-put-on-missing"),
        pytest.param(BY_OMAR.put({}), tombstone(), MAY_CREATE, id="PERM-3-put-on-deleted"),
        pytest.param(
            Asked(by=OMAR, if_none_match="*").put({}), THERE, MAY_CREATE, id="PERM-3-put-if-new"
        ),
        pytest.param(BY_OMAR.create({}), THERE, MAY_READ, id="PERM-4-post-of-existing"),
        pytest.param(BY_OMAR.create({}), ABSENT, MAY_CREATE, id="PERM-4-post-of-unknown"),
        pytest.param(BY_OMAR.patch({}), THERE, MAY_WRITE, id="PERM-5-patch-on-existing"),
        pytest.param(BY_OMAR.patch({}), ABSENT, MAY_LIST, id="PERM-5-patch-on-missing"),
        pytest.param(BY_OMAR.delete(), THERE, MAY_WRITE, id="PERM-5-delete-of-existing"),
        pytest.param(BY_OMAR.delete(), tombstone(), MAY_LIST, id="PERM-5-delete-of-deleted"),
    ],
)
def test_what_a_command_needs(command: Command, target: State, allowed: set[str]) -> None:
    """PERM-3 to PERM-5: who lacks it learns nothing, not even whether the object is there."""
    passed = {
        name for name, held in OF_OMAR.items() if outcome(command, target, held) != NotAllowed()
    }

    assert passed == allowed


def test_who_may_read_an_object_gets_it_for_a_post_of_its_id() -> None:
    """PERM-4: nothing is written."""
    assert isinstance(outcome(BY_OMAR.create({}), THERE, {"own": "read"}), Unchanged)


def test_who_may_list_is_told_that_an_object_is_missing() -> None:
    """PERM-2, PERM-5."""
    assert outcome(BY_OMAR.delete(), ABSENT, {"bucket": "read"}) == ObjectMissing(RECORD)


@pytest.mark.parametrize("address", [COLLECTION], ids=["collection"])
def test_everything_under_a_missing_bucket_is_forbidden(address: Address) -> None:
    """BKT-5: nothing grants anything there, but a setting."""
    under_nothing = scene(kind=Kind.COLLECTION, bucket=None)
    granting = Rules(
        granted=Granted(
            by_kind={Kind.COLLECTION: {"create": frozenset({Principal("account:omar")})}}
        )
    )
    command = ask(address=address, by=OMAR).put({})

    assert decided(under_nothing, command) == NotAllowed()
    assert decided(under_nothing, command, rules=granting) == ObjectMissing(BUCKET)
