"""The table of rights (section 7), and which role counts where there are several."""

import pytest

from muniment.dataforce.roles import (
    OrbitRole,
    OrganizationRole,
    Right,
    orbit_role,
    organization_role,
    rights_of,
)

COLLECTIONS = {Right.LIST, Right.READ, Right.CREATE, Right.UPDATE, Right.DELETE}


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ([], None),
        (["members"], OrganizationRole.MEMBER),
        (["members", "owners"], OrganizationRole.OWNER),
        (["admins", "members"], OrganizationRole.ADMIN),
        (["editors"], None),
    ],
    ids=str,
)
def test_the_mightiest_role_counts(groups: list[str], role: OrganizationRole | None) -> None:
    """Groups that somebody else made give none."""
    assert organization_role(groups) == role


def test_an_orbit_has_no_owners() -> None:
    """A group of that name in an orbit's bucket is nobody's role."""
    assert orbit_role(["owners"]) is None
    assert orbit_role(["members", "admins"]) is OrbitRole.ADMIN


@pytest.mark.parametrize("own", [None, *OrbitRole], ids=str)
def test_owners_and_admins_need_no_role_in_an_orbit(own: OrbitRole | None) -> None:
    """Only the deletion of orbits parts them."""
    assert rights_of(OrganizationRole.OWNER, own) == set(Right)
    assert rights_of(OrganizationRole.ADMIN, own) == set(Right) - {Right.DELETE_ORBIT}


def test_members_have_the_rights_of_their_role_in_the_orbit() -> None:
    """Without one they may list orbits, and see none."""
    alone = rights_of(OrganizationRole.MEMBER, None)
    member = rights_of(OrganizationRole.MEMBER, OrbitRole.MEMBER)
    admin = rights_of(OrganizationRole.MEMBER, OrbitRole.ADMIN)

    assert alone == {Right.LIST_ORBITS}
    assert member - alone == (COLLECTIONS - {Right.DELETE}) | {Right.READ_ORBIT}
    assert admin - member == {Right.DELETE, Right.UPDATE_ORBIT}
