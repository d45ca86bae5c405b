"""A write that is sent again under its `Idempotency-Key` happens once."""

from typing import Any

import pytest

from tests.clients.cocobase.project import Project, detail_of, new_project
from tests.clients.requester import Requester
from tests.support.stack import new_name


def keyed() -> dict[str, str]:
    """A key that nobody has used."""
    return {"Idempotency-Key": new_name()}


def test_a_document_that_is_created_again_is_the_first(project: Project) -> None:
    """Section 5: also where its collection is made on the way."""
    name, key = f"c_{new_name()}", keyed()
    path, body = f"/collections/documents?collection={name}", {"data": {"n": 1}}

    first, again = (project("POST", path, body, key) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert project.data(name) == [{"n": 1}]


def test_a_collection_that_is_created_again_is_the_first(project: Project) -> None:
    """Section 4: its name is not taken by itself."""
    key, body = keyed(), {"name": f"c_{new_name()}"}

    first, again = (project("POST", "/collections/", body, key) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()


@pytest.mark.parametrize("change", [{"n": 2}, {"$append": {"tags": "x"}}], ids=["set", "append"])
def test_an_update_that_is_sent_again_changes_nothing(project: Project, change: Any) -> None:
    """Section 5: what came between the two stays."""
    collection, key = project.collection()["id"], keyed()
    document = project.document(collection, {"n": 1})["id"]
    path = f"/collections/{collection}/documents/{document}"
    first = project("PATCH", path, {"data": change}, key)
    between = project("PATCH", path, {"data": {"n": 3, "tags": []}}).json()

    again = project("PATCH", path, {"data": change}, key)

    assert (again.status_code, again.json()) == (200, first.json())
    assert project("GET", path).json() == between


def test_a_deletion_that_is_sent_again_is_a_success(project: Project) -> None:
    """Section 5: without a key the second one finds nothing."""
    collection, key = project.collection()["id"], keyed()
    document = project.document(collection, {"n": 1})["id"]
    path = f"/collections/{collection}/documents/{document}"

    answers = [project("DELETE", path, None, headers) for headers in (key, key, {})]

    assert [each.status_code for each in answers] == [200, 200, 404]


def test_a_key_is_for_one_write(project: Project) -> None:
    """Section 2: 422 for another body under it, or for a text that is no key."""
    name, key = project.collection()["name"], keyed()
    path = f"/collections/documents?collection={name}"
    assert project("POST", path, {"data": {"n": 1}}, key).status_code == 201

    other = project("POST", path, {"data": {"n": 2}}, key)
    odd = project("POST", path, {"data": {"n": 2}}, {"Idempotency-Key": "x" * 513})

    assert (other.status_code, odd.status_code) == (422, 422)
    assert detail_of(other)[0]["loc"] == ["header", "Idempotency-Key"]
    assert project.data(name) == [{"n": 1}]


def test_what_is_no_key_leaves_no_collection_behind(project: Project) -> None:
    """Section 5: the first document that is refused makes none."""
    name = f"c_{new_name()}"
    path = f"/collections/documents?collection={name}"

    refused = project("POST", path, {"data": {"n": 1}}, {"Idempotency-Key": "x" * 513})

    assert refused.status_code == 422
    assert project("GET", f"/collections/{name}").status_code == 404


def test_a_key_is_its_projects_alone(project: Project, admin: Requester) -> None:
    """Section 1: nobody sees what another project's write came to."""
    other, key = new_project(admin), keyed()
    path, body = "/collections/documents?collection=notes", {"data": {"n": 1}}

    ids = {each("POST", path, body, key).json()["id"] for each in (project, other)}

    assert len(ids) == 2
    assert project.data("notes") == other.data("notes") == [{"n": 1}]
    other.session.close()
