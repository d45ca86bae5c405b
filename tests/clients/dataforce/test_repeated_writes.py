"""A write that is sent again under its `Idempotency-Key` happens once."""

from tests.clients.dataforce.site import Client, Site, names
from tests.support.stack import new_name

BODY = {"name": "Models", "description": "", "collection_type": "model"}


def keyed(client: Client) -> None:
    """Give the client a key for what it sends from now on."""
    client.send_always("Idempotency-Key", new_name())


def test_a_collection_that_is_created_again_is_the_first(site: Site, orbit: str) -> None:
    """Section 5: names may repeat, so nothing else would tell."""
    client = site.client("owner")
    keyed(client)

    first, again = (client("POST", f"{orbit}/collections", BODY) for _ in range(2))

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert names(site.owner("GET", f"{orbit}/collections")) == ["Models"]


def test_an_update_that_is_sent_again_changes_nothing(site: Site, orbit: str) -> None:
    """Section 5: what came between the two stays."""
    id_ = site.owner("POST", f"{orbit}/collections", BODY).json()["id"]
    path, client = f"{orbit}/collections/{id_}", site.client("owner")
    keyed(client)
    first = client("PATCH", path, {"name": "Early"})
    site.owner("PATCH", path, {"name": "Late"})

    again = client("PATCH", path, {"name": "Early"})

    assert (again.status_code, again.json()) == (200, first.json())
    assert site.owner("GET", path).json()["name"] == "Late"


def test_a_key_is_for_one_write_of_one_user(site: Site, orbit: str) -> None:
    """Section 6: 422 for another body; another user's key is another one."""
    owner, admin = site.client("owner"), site.client("admin")
    owner.send_always("Idempotency-Key", "shared")
    admin.send_always("Idempotency-Key", "shared")
    path = f"{orbit}/collections"
    first = owner("POST", path, BODY)

    other, theirs = owner("POST", path, {**BODY, "name": "Other"}), admin("POST", path, BODY)

    assert other.status_code == 422
    assert other.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert theirs.status_code == 200
    assert theirs.json()["id"] != first.json()["id"]
