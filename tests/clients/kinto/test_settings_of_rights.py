"""Section 25: settings of who may do what, past what the objects say."""

from collections.abc import Generator
from typing import Any, Final

import pytest

from tests.clients.requester import Atlas, Requester, basicauth_id, data, detail, ids, refusal
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack

KINDS: Final = ("bucket", "group", "collection", "record", "account")
RIGHTS: Final = tuple(f"{kind}-{right}" for kind in KINDS for right in ("create", "read", "write"))
FOUNDER: Final = "founder"
FOUNDERS_RIGHTS: Final = {"bucket-create", "account-create", "account-write"}


def holders(right: str) -> str:
    """The user who is called as the right, and the founder where they have it too."""
    names = (right, FOUNDER) if right in FOUNDERS_RIGHTS else (right,)
    return " ".join(map(basicauth_id, names))


@pytest.fixture(scope="module")
def muniment_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """Each right is that of a user of its name."""
    settings = {f"{right.replace('-', '_')}_principals": holders(right) for right in RIGHTS} | {
        "auth_policies": "account basicauth",
        "explicit_permissions": "false",
        "default_bucket_enabled": "false",
    }
    with new_server(stack, tmp_path_factory.mktemp("rights"), settings) as server:
        yield server


@pytest.fixture
def atlas(muniment_server: MunimentServer, empty_atlas: Atlas) -> Generator[Atlas]:
    """A bucket with one of each in it, which names nobody who is asked about."""
    founder = Requester(empty_atlas.nadia.origin, FOUNDER)
    owner = {"permissions": {"write": [basicauth_id(FOUNDER)]}}
    bucket = empty_atlas.bucket
    for path in (bucket, empty_atlas.collection, f"{bucket}/groups/crew"):
        assert founder("PUT", path, owner).status_code == 201
    assert founder("PUT", f"{empty_atlas.records}/a").status_code == 201
    yield empty_atlas
    founder.close()


@pytest.fixture
def holder(atlas: Atlas, right: str) -> Generator[Requester]:
    """The user of the right."""
    requester = Requester(atlas.nadia.origin, right)
    yield requester
    requester.close()


ACTS: Final[dict[str, tuple[str, str, Any]]] = {
    "bucket-create": ("PUT", "{bucket}-new", None),
    "bucket-read": ("GET", "{bucket}", None),
    "bucket-write": ("PATCH", "{bucket}", {"data": {}}),
    "group-create": ("PUT", "{bucket}/groups/new", None),
    "group-read": ("GET", "{bucket}/groups/crew", None),
    "group-write": ("PATCH", "{bucket}/groups/crew", {"data": {}}),
    "collection-create": ("PUT", "{bucket}/collections/new", None),
    "collection-read": ("GET", "{collection}", None),
    "collection-write": ("PATCH", "{collection}", {"data": {}}),
    "record-create": ("POST", "{records}", {}),
    "record-read": ("GET", "{records}/a", None),
    "record-write": ("PATCH", "{records}/a", {"data": {}}),
}


@pytest.mark.parametrize("right", ACTS)
def test_a_right_on_all_objects_of_a_type(atlas: Atlas, holder: Requester, right: str) -> None:
    """`<type>_<permission>_principals`: PERM-1, BKT-1: what it says, on that type alone."""
    done = {
        act: holder(method, atlas.path(path), body).status_code
        for act, (method, path, body) in ACTS.items()
    }
    # Writing includes reading.
    allowed = {right, right.replace("write", "read")}

    assert {act for act, status in done.items() if status in {200, 201}} == allowed
    assert {status for act, status in done.items() if act not in allowed} == {403}


@pytest.mark.parametrize(
    ("right", "path"),
    [
        ("bucket-read", "/v1/buckets"),
        ("group-read", "{bucket}/groups"),
        ("collection-read", "{bucket}/collections"),
        ("record-read", "{records}"),
        ("record-write", "{records}"),
    ],
)
def test_a_right_shows_the_whole_list(
    atlas: Atlas, holder: Requester, right: str, path: str
) -> None:
    """PERM-1, PERM-8: not only what is shared."""
    found = ids(holder("GET", atlas.path(path)))

    assert found
    assert set(found) & {atlas.bucket.rpartition("/")[2], "crew", "stations", "a"}


@pytest.mark.parametrize("right", ["bucket-read", "bucket-write"])
def test_tombstones_of_buckets_are_shown(atlas: Atlas, holder: Requester, right: str) -> None:
    """BKT-4: to who has a right on all of them."""
    bucket = f"{atlas.bucket}-gone"
    founder = Requester(atlas.nadia.origin, FOUNDER)
    data(founder("PUT", bucket, {"permissions": {"write": [basicauth_id(FOUNDER)]}}))
    tombstone = data(founder("DELETE", bucket))
    founder.close()

    assert tombstone in data(holder("GET", "/v1/buckets?_since=0"))


@pytest.mark.parametrize(
    "right", ["bucket-read", "collection-read", "group-write", "bucket-create"]
)
def test_what_a_right_gives_is_told(atlas: Atlas, holder: Requester, right: str) -> None:
    """PRM-4: at the root what one may create; each object of the type."""
    kind, _, permission = right.partition("-")
    entries = {each["uri"]: each for each in data(holder("GET", "/v1/permissions"))}
    uris = {
        "bucket": atlas.bucket,
        "collection": atlas.collection,
        "group": f"{atlas.bucket}/groups/crew",
    }
    uri = "/" if permission == "create" else uris[kind].removeprefix("/v1")

    assert set(entries[uri]["permissions"]) & {permission, "bucket:create"}


def test_nobody_is_added_to_the_writers(atlas: Atlas) -> None:
    """`explicit_permissions`: PERM-12; the root view tells it."""
    founder = Requester(atlas.nadia.origin, FOUNDER)
    made = [
        founder("POST", atlas.records, {"permissions": {"read": ["x"]}}),
        founder("PUT", f"{atlas.records}/b"),
        founder("PATCH", f"{atlas.records}/b", {"data": {"n": 1}}),
    ]

    assert [answer.json()["permissions"] for answer in made] == [{}, {}, {}]
    shown = founder("GET", f"{atlas.bucket}/history?_limit=3").json()["data"]
    assert [each["target"]["permissions"] for each in shown] == [{}, {}, {"read": ["x"]}]
    assert founder("GET", "/v1/").json()["settings"]["explicit_permissions"] is False
    founder.close()


# --- Accounts -------------------------------------------------------------------------------------


@pytest.fixture
def account(atlas: Atlas) -> str:
    """The path of somebody's account, made by an administrator."""
    path = f"/v1/accounts/pia{atlas.bucket.rpartition('-')[2]}"
    administrator = Requester(atlas.nadia.origin, FOUNDER)
    assert administrator("PUT", path, {"data": {"password": "password"}}).status_code == 201
    administrator.close()
    return path


@pytest.mark.parametrize("right", ["account-create"])
def test_who_may_sign_up(atlas: Atlas, holder: Requester, right: str) -> None:
    """`account_create_principals`: ACC-1, ACC-3: under no name but their own; nobody else."""
    path = f"/v1/accounts/ida{atlas.bucket.rpartition('-')[2]}"
    body = {"data": {"password": "password"}}

    assert detail(holder("PUT", path, body))["name"] == "data.id"
    assert refusal(atlas.nadia("PUT", path, body)) == (403, 121)
    assert refusal(atlas.anonymous("PUT", path, body)) == (401, 104)


@pytest.mark.parametrize("right", ["account-read", "account-write"])
def test_who_reads_all_accounts(account: str, holder: Requester, right: str) -> None:
    """`account_read_principals`: ACC-6."""
    assert account.rpartition("/")[2] in ids(holder("GET", "/v1/accounts"))
    assert holder("GET", account).status_code == 200


@pytest.mark.parametrize("right", ["account-write"])
def test_who_administers_accounts(account: str, holder: Requester, right: str) -> None:
    """`account_write_principals`: ACC-1, ACC-3, ACC-7."""
    assert holder("PATCH", account, {"data": {"label": "x"}}).status_code == 200
    assert data(holder("DELETE", account))["deleted"] is True
