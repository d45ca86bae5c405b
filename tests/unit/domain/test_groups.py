"""Groups as objects: what their members must be (contract section 14)."""

from collections.abc import Sequence
from typing import Any

import pytest

from muniment.domain.addresses import Kind, group
from muniment.domain.commands import Command, authenticated, joined
from muniment.domain.events import ObjectChanged
from muniment.domain.groups import (
    MEMBER_BYTES_MAX,
    groups_granted,
    groups_named,
    holds,
    members_of,
    parse_group,
)
from muniment.domain.permissions import Acls, Granted
from muniment.domain.refusals import Invalid, NotAllowed
from muniment.domain.states import ABSENT, State
from muniment.domain.values import AUTHENTICATED, Principal
from tests.support.deciding import BUCKET, OMAR, acl, ask, changed, decided, present, scene

CREW = group("atlas", "crew")
OMAR_ID = Principal("account:omar")
"""A group of the bucket `atlas`, which is nadia's."""


def made(command: Command, target: State = ABSENT) -> ObjectChanged:
    return changed(scene(target, kind=Kind.GROUP), command)


def test_a_group_that_names_no_members_has_none() -> None:
    """GRP-2: with `data` the field is there, without it is not."""
    assert made(ask(address=CREW).put({"label": "Crew"})).after.data["members"] == []
    assert made(ask(address=CREW).create({})).after.data["members"] == []
    assert "members" not in made(ask(address=CREW).put()).after.data


def test_a_replaced_group_that_names_no_members_has_none() -> None:
    """GRP-2: a PUT replaces, and one without `data` keeps all."""
    before = present(CREW, members=["account:omar"])

    assert made(ask(address=CREW).put({}), before).after.data["members"] == []
    assert made(ask(address=CREW).put(), before).after.data["members"] == ["account:omar"]


def test_a_patch_that_names_no_members_keeps_them() -> None:
    """GRP-2, GRP-3: duplicates too."""
    before = present(CREW, members=["account:omar", "account:omar"])

    patched = made(ask(address=CREW).patch({"label": "Crew"}), before)

    assert patched.after.data["members"] == ["account:omar", "account:omar"]


@pytest.mark.parametrize(
    ("members", "name", "description"),
    [
        (["system.Everyone"], "data.members.0", "'system.Everyone' is not a valid user ID."),
        (["a", "/buckets/a"], "data.members.1", "'/buckets/a' is not a valid user ID."),
        ([1], "data.members.0", "1 is not a string"),
        ([None], "data.members.0", "None is not a string"),
        (None, "data.members", "None is not iterable"),
        ("account:omar", "data.members", '"account:omar" is not iterable'),
        ({"a": 1}, "data.members", "{'a': 1} is not iterable"),
        (
            ["é" * MEMBER_BYTES_MAX],
            "data.members.0",
            f"Longer than maximum length of {MEMBER_BYTES_MAX} bytes",
        ),
    ],
)
def test_members_are_a_list_of_users(members: Any, name: str, description: str) -> None:
    """GRP-1, ERR-36, row 73."""
    refusal = decided(scene(kind=Kind.GROUP), ask(address=CREW).put({"members": members}))

    assert isinstance(refusal, Invalid)
    [fault] = refusal.faults
    assert (fault.location, fault.name, fault.description) == ("body", name, description)


@pytest.mark.parametrize("members", [[], ["account:omar"], ["system.Authenticated"], ["x" * 1024]])
def test_any_user_may_be_a_member(members: Sequence[str]) -> None:
    """GRP-1; nobody asks whether there is such a user (AUTH-6)."""
    assert made(ask(address=CREW).put({"members": members})).after.data["members"] == members


def test_members_of_other_kinds_are_free() -> None:
    """Only groups have that field (E-15)."""
    assert changed(scene(), ask().put({"members": "all"})).after.data["members"] == "all"


def test_who_creates_groups_needs_the_right_to() -> None:
    """Table 7.2: `group:create` on the bucket."""
    of_omar = present(BUCKET, permissions=acl(group_create="account:omar"))
    command = ask(address=CREW, by=OMAR).put({})

    assert decided(scene(kind=Kind.GROUP), command) == NotAllowed()
    assert isinstance(decided(scene(kind=Kind.GROUP, bucket=of_omar), command), ObjectChanged)


def test_a_group_speaks_for_its_members() -> None:
    """AUTH-5."""
    assert holds(members_of({"members": ["account:omar"]}), OMAR_ID)
    assert holds(frozenset({AUTHENTICATED}), OMAR_ID)
    assert not holds(members_of({}), OMAR_ID)


def test_only_the_uri_of_a_group_names_one() -> None:
    """AUTH-6: an ACE may hold any string."""
    assert parse_group(Principal("/buckets/b/groups/g")) == ("b", "g")
    others = ("/buckets/b", "/buckets/b/groups/", "/buckets/b/groups/g/x", "account:omar", "")
    assert [parse_group(Principal(other)) for other in others] == [None] * len(others)


def test_the_groups_that_matter_are_those_that_aces_or_settings_name() -> None:
    acls = Acls(
        bucket=acl(read=["/buckets/b/groups/g", "account:omar"]),
        own=acl(write="/buckets/x/groups/y"),
    )

    by_setting = frozenset({Principal("/buckets/s/groups/s"), Principal("account:pia")})
    granted = Granted(by_kind={Kind.GROUP: {"read": by_setting}})

    named = groups_named(acls.bucket, acls.own, more=groups_granted(granted, Kind.GROUP))

    assert named == {"/buckets/b/groups/g", "/buckets/x/groups/y", "/buckets/s/groups/s"}
    assert groups_granted(granted, Kind.RECORD) == frozenset()


def test_who_joins_groups_leaves_those_of_before() -> None:
    """A command that is decided once more starts without groups."""
    omar = authenticated(OMAR_ID)
    one, other = Principal("/buckets/b/groups/1"), Principal("/buckets/b/groups/2")

    assert joined(joined(omar, [one]), [other]).principals == omar.principals | {other}
    assert joined(joined(omar, [one]), []) == omar
