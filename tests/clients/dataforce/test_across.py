"""One log, several views: what is made here is seen in `/v1`, and the other way (section 10)."""

from collections.abc import Generator
from typing import Any, Final
from uuid import UUID, uuid5

import pytest

from tests.clients.dataforce.site import Site, create, names
from tests.clients.requester import Requester, data
from tests.support.receiver import Receiver, running_receiver
from tests.support.server import wait_until

SECRET: Final = "whsec_" + "bXVuaW1lbnQtZGF0YWZvcmNlLXRlc3RzMDE="
NAMES: Final = ("collection.created", "collection.updated", "collection.deleted")


@pytest.fixture
def nadia(site: Site, orbit: str) -> Requester:
    """Somebody of `/v1` whom the orbit's bucket lets write."""
    requester = site.v1("nadia")
    site.let_in(requester, orbit)
    return requester


@pytest.fixture
def receiver() -> Generator[Receiver]:
    """A receiver of webhooks."""
    with running_receiver(SECRET) as running:
        yield running


def bucket_of(orbit: str) -> str:
    """The path in `/v1` of the orbit's bucket."""
    return f"/v1/buckets/{orbit.rpartition('/')[2]}"


def test_a_collection_made_here_is_one_of_v1(site: Site, orbit: str, nadia: Requester) -> None:
    """With an ETag that each change moves on, and who did it in the history."""
    made = create(site.owner, orbit, "Mine", description="d", tags=["t"])
    path = f"{bucket_of(orbit)}/collections/{made['id']}"

    first = nadia("GET", path)
    site.member("PATCH", f"{orbit}/collections/{made['id']}", {"name": "Ours"})
    second = nadia("GET", path)

    seen = data(second)
    del seen["last_modified"]
    assert seen == {
        "id": made["id"],
        "name": "Ours",
        "description": "d",
        "collection_type": "model",
        "tags": ["t"],
    }
    assert int(second.headers["ETag"].strip('"')) > int(first.headers["ETag"].strip('"'))
    entries = data(nadia("GET", f"{bucket_of(orbit)}/history?collection_id={made['id']}"))
    assert [(each["action"], each["user_id"]) for each in entries] == [
        ("update", f"user:{site.users['member']}"),
        ("create", f"user:{site.users['owner']}"),
    ]


def test_a_change_in_v1_is_seen_here(site: Site, orbit: str, nadia: Requester) -> None:
    """And refused there with an old ETag, whoever made the newer state."""
    made = create(site.owner, orbit)
    path = f"{bucket_of(orbit)}/collections/{made['id']}"
    etag = {"If-Match": nadia("GET", path).headers["ETag"]}
    site.owner("PATCH", f"{orbit}/collections/{made['id']}", {"name": "newer"})

    assert nadia("PATCH", path, {"data": {"name": "stale"}}, etag).status_code == 412
    assert nadia("PATCH", path, {"data": {"tags": ["v1"]}}).status_code == 200

    found = site.owner("GET", f"{orbit}/collections/{made['id']}").json()
    assert (found["name"], found["tags"]) == ("newer", ["v1"])


def test_a_collection_made_in_v1_is_one_here(site: Site, orbit: str, nadia: Requester) -> None:
    """Section 10: an id that is no UUID is shown as one made of bucket and id, for ever."""
    assert nadia("PUT", f"{bucket_of(orbit)}/collections/notes").status_code == 201
    public = str(uuid5(UUID(orbit.rpartition("/")[2]), "notes"))

    [found] = site.owner("GET", f"{orbit}/collections").json()

    shown = {name: found[name] for name in ("id", "name", "description", "type", "tags")}
    assert shown == {
        "id": public,
        "name": "notes",
        "description": "",
        "type": "model",
        "tags": None,
    }
    path = f"{orbit}/collections/{public}"
    assert site.owner("GET", path).json()["id"] == public
    assert site.owner("PATCH", path, {"name": "Notes"}).json()["name"] == "Notes"
    assert data(nadia("GET", f"{bucket_of(orbit)}/collections/notes"))["name"] == "Notes"
    assert site.owner("DELETE", path).status_code == 204
    assert nadia("GET", f"{bucket_of(orbit)}/collections/notes").status_code == 404


@pytest.mark.parametrize(
    "odd",
    [
        {"name": 1, "description": ["x"], "collection_type": None, "tags": "t"},
        {"tags": [1, "t", None]},
        {"name": {"a": "b"}, "tags": {"t": 1}},
    ],
    ids=str,
)
def test_whatever_v1_keeps_is_shown_in_form(
    site: Site, orbit: str, nadia: Requester, odd: Any
) -> None:
    """The models of the clients would raise for other types."""
    assert nadia("PUT", f"{bucket_of(orbit)}/collections/odd", {"data": odd}).status_code == 201

    [found] = site.owner("GET", f"{orbit}/collections", query={"search": "odd"}).json()["items"]
    assert (found["name"], found["description"], found["type"]) == ("odd", "", "model")
    assert found["tags"] in (None, ["t"])
    assert names(site.owner("GET", f"{orbit}/collections", query={"tags": "t"})) in ([], ["odd"])
    assert site.owner("GET", f"{orbit}/collections/tags").json() in ([], ["t"])
    path = f"{orbit}/collections/{found['id']}"
    changed = site.owner("PATCH", path, {"description": "d"}).json()
    assert changed == {**found, "description": "d", "updated_at": changed["updated_at"]}


def test_an_orbit_without_a_good_secret_shows_one_of_its_own(
    site: Site, orbit: str, nadia: Requester
) -> None:
    """Section 4: `bucket_secret_id` must be a UUID, whatever is written into the bucket."""
    changed = nadia("PATCH", bucket_of(orbit), {"data": {"name": 5, "bucket_secret_id": "s3"}})
    assert changed.status_code == 200

    found = site.owner("GET", orbit).json()

    assert (found["name"], found["bucket_secret_id"]) == (found["id"], found["id"])


def test_an_organization_is_shown_in_form(site: Site, nadia: Requester) -> None:
    """Section 4: its name is a text, and its logo one or null."""
    made = site.operate("POST", "/v1/__organizations__", {"name": "Odd", "logo": "l.png"})
    user = site.users["outsider"]
    path = f"/v1/__organizations__/{made['id']}"
    site.operate("PUT", f"{path}/members/{user}", {"role": "owner"})
    [before] = site.client("outsider")("GET", "/users/me/organizations").json()

    odd = {"data": {"name": [1], "logo": {"a": 1}}}
    assert nadia("PATCH", f"/v1/buckets/{made['id']}", odd).status_code == 200

    [after] = site.client("outsider")("GET", "/users/me/organizations").json()
    assert (before["name"], before["logo"]) == ("Odd", "l.png")
    assert (after["name"], after["logo"]) == (made["id"], None)
    site.operate("DELETE", path)


def test_totals_count_the_records(site: Site, orbit: str, nadia: Requester) -> None:
    """Section 4: those that live; and deleting the collection takes them along."""
    made = create(site.owner, orbit)
    empty = create(site.owner, orbit, "empty")
    records = f"{bucket_of(orbit)}/collections/{made['id']}/records"
    for name in ("a", "b", "c"):
        assert nadia("PUT", f"{records}/{name}").status_code == 201
    assert nadia("DELETE", f"{records}/b").status_code == 200

    query = {"sort_by": "total_models", "order": "desc"}
    page = site.owner("GET", f"{orbit}/collections", query=query).json()["items"]

    totals = [(each["id"], each["total_models"], each["total_artifacts"]) for each in page]
    assert totals == [(made["id"], 2, 2), (empty["id"], 0, 0)]
    assert site.owner("DELETE", f"{orbit}/collections/{made['id']}").status_code == 204
    assert nadia("GET", f"{records}/a").status_code == 404


def test_a_webhook_of_v1_hears_of_what_happens_here(
    site: Site, orbit: str, nadia: Requester, receiver: Receiver
) -> None:
    """Changes are of the log, whoever asked for them."""
    hook = {"data": {"url": receiver.url, "secret": SECRET, "events": ["collection.*"]}}
    assert nadia("POST", f"{bucket_of(orbit)}/webhooks", hook).status_code == 201

    made = create(site.owner, orbit, "Told")
    path = f"{orbit}/collections/{made['id']}"
    site.owner("PATCH", path, {"name": "Told again"})
    site.owner("DELETE", path)

    wait_until(lambda: len(receiver.accepted) == len(NAMES), what="the deliveries")
    messages = [each.message for each in receiver.accepted]
    assert [each["type"] for each in messages] == list(NAMES)
