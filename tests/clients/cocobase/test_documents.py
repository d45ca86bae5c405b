"""Documents over plain HTTP, one by one and in batches (contract sections 2, 5 and 7)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.clients.cocobase.project import GONE, Json, Project, detail_of, wrapped
from tests.support.stack import new_name

ANYTHING: dict[str, Any] = {
    "id": 7,
    "last_modified": "never",
    "schema": {"a": 1},
    "deleted": False,
    "created_at": "yesterday",
    "data": {"data": 1},
    "": "empty",
    "a.b": 1,
    "$set": {"x": 1},
    "__proto__": None,
    "number": 1.0,
    "fraction": 0.1,
    "big": 2**53 - 1,
    "negative": -1e-7,
    "list": [1, "1", None, True, [], {}],
    "text": "ünïcode \U0001f600 'quoted' \"twice\" \\ \n",
}
PYTHON = {"User-Agent": "python-requests/2.32.3"}


@pytest.fixture
def collection(project: Project) -> str:
    id_: str = project.collection()["id"]
    return id_


def test_a_document_keeps_what_its_user_put_into_it(project: Project) -> None:
    """Section 5: any key, any value, kinds of numbers kept."""
    collection = project.collection()

    made = project.document(collection["name"], ANYTHING)

    assert made == {
        "id": made["id"],
        "collection_id": collection["id"],
        "data": ANYTHING,
        "created_at": made["created_at"],
        "updated_at": None,
        "collection": collection,
    }
    assert datetime.fromisoformat(made["created_at"]).utcoffset() is not None
    path = f"/collections/{collection['id']}/documents"
    for answer in (project("GET", f"{path}/{made['id']}").json(), *project("GET", path).json()):
        assert answer == made
        assert isinstance(answer["data"]["number"], float)
        assert isinstance(answer["data"]["id"], int)


@pytest.mark.parametrize(
    ("body", "headers", "data"),
    [
        ({"data": {"a": 1}}, {}, {"a": 1}),
        ({"a": 1}, {}, {"a": 1}),
        ({"data": {"data": {"a": 1}}}, PYTHON, {"a": 1}),
        ({"data": {"data": {"data": {"a": 1}}}}, PYTHON, {"data": {"a": 1}}),
        ({"data": {"data": {"a": 1}}}, {}, {"data": {"a": 1}}),
        ({"data": {"data": {"a": 1}}}, {"User-Agent": "node"}, {"data": {"a": 1}}),
        ({"data": {"data": 1}}, PYTHON, {"data": 1}),
        ({"data": {"data": {"a": 1}, "b": 1}}, PYTHON, {"data": {"a": 1}, "b": 1}),
        ({"data": {"a": 1}, "b": 1}, {}, {"a": 1}),
    ],
)
def test_a_document_is_taken_out_of_its_wrapping(
    project: Project, collection: str, body: Json, headers: Json, data: Json
) -> None:
    """Section 2."""
    path = f"/collections/documents?collection={collection}"

    answer = project("POST", path, body, headers)

    assert (answer.status_code, answer.json()["data"]) == (201, data)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"data": {}}', 400),
        (b"{}", 400),
        (b'{"data": null}', 422),
        (b'{"data": []}', 422),
        (b'{"data": "text"}', 422),
        (b"[]", 422),
        (b"", 422),
        (b'{"data": {"a": "\\u0000"}}', 422),
    ],
)
def test_what_is_no_document_leaves_nothing_behind(
    project: Project, body: bytes, status: int
) -> None:
    """Section 5: nor does it make the collection."""
    name = f"c_{new_name()}"

    answer = project.send("POST", f"/collections/documents?collection={name}", body)

    assert answer.status_code == status
    detail_of(answer)
    assert project("GET", f"/collections/{name}").status_code == 404


def test_a_document_needs_a_collection(project: Project) -> None:
    answer = project("POST", "/collections/documents", {"data": {"a": 1}})

    assert answer.status_code == 422
    assert detail_of(answer)[0]["loc"] == ["query", "collection"]


def test_first_documents_at_once_make_one_collection(project: Project) -> None:
    """Section 5."""
    name = f"c_{new_name()}"

    def make(n: int) -> Json:
        return project.document(name, {"n": n})

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(16)))

    assert len({each["collection_id"] for each in made}) == 1
    assert sorted(each["n"] for each in project.data(name)) == list(range(16))


def test_documents_are_made_while_their_collection_is_deleted(project: Project) -> None:
    """Section 5: it is made anew, so 404 never occurs."""
    name = f"c_{new_name()}"
    document = ("POST", f"/collections/documents?collection={name}", {"data": {"n": 1}})
    batch = ("POST", f"/collections/{name}/batch/documents/create", {"documents": [{"n": 1}]})
    delete = ("DELETE", f"/collections/{name}", None)

    def send(asked: tuple[str, str, Json | None]) -> int:
        return project(*asked).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(send, [*(document, batch) * 4, delete] * 4))

    del answers[8::9]  # Of the deletions.
    assert answers == [201, 200] * 16


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        ({"a": 2}, {"a": 2, "o": {"x": 1}, "l": [1, 2, 2], "s": "t"}),
        ({"o": {"y": 1}}, {"a": 1, "o": {"y": 1}, "l": [1, 2, 2], "s": "t"}),
        ({"a": None}, {"a": None, "o": {"x": 1}, "l": [1, 2, 2], "s": "t"}),
        ({"id": 1, "deleted": 2}, None),
        ({"$remove": {"l": 2, "none": 1, "s": "t"}}, {"l": [1]}),
        ({"$remove": {"l": [1, 2]}}, {"l": []}),
        ({"$append": {"l": [2, 3], "new": 1, "s": "u"}}, {"l": [1, 2, 2, 3], "new": [1], "s": 0}),
        ({"$remove": {"l": 1}, "$append": {"l": 1}, "a": 9}, {"l": [2, 2, 1], "a": 9}),
        ({"$append": {"l": 5}, "l": "over"}, {"l": "over"}),
    ],
)
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_an_update_merges_at_the_top(
    project: Project, collection: str, is_wrapped: bool, patch: Json, after: Json | None
) -> None:
    """Section 5."""
    before = {"a": 1, "o": {"x": 1}, "l": [1, 2, 2], "s": "t"}
    made = project.document(collection, before)
    path = f"/collections/{collection}/documents/{made['id']}"

    answer = project("PATCH", path, wrapped(patch, is_wrapped=is_wrapped))

    wanted = {**before, **(patch if after is None else after)}
    if wanted["s"] == 0:
        wanted["s"] = ["t", "u"]
    assert answer.status_code == 200
    told = answer.json()
    assert told == {**made, "data": wanted, "updated_at": told["updated_at"]}
    assert told["updated_at"] is not None
    assert project("GET", path).json() == told


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"data": {}}, 400),
        ({"data": []}, 422),
        ([], 422),
        ({"$append": [1]}, 422),
        ({"data": {"$remove": "a"}}, 422),
    ],
)
def test_an_update_that_changes_nothing_is_refused(
    project: Project, collection: str, body: Any, status: int
) -> None:
    made = project.document(collection, {"a": 1})
    path = f"/collections/{collection}/documents/{made['id']}"

    assert project("PATCH", path, body).status_code == status
    assert project("GET", path).json() == made


def test_patches_of_one_document_at_once_all_survive(project: Project, collection: str) -> None:
    """Section 5."""
    made = project.document(collection, {"items": []})
    path = f"/collections/{collection}/documents/{made['id']}"

    def patch(n: int) -> int:
        return project("PATCH", path, {f"f{n}": n, "$append": {"items": n}}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(patch, range(24)))

    assert statuses == {200}
    data = project("GET", path).json()["data"]
    assert sorted(data.pop("items")) == list(range(24))
    assert data == {f"f{n}": n for n in range(24)}


def test_a_deleted_document_is_gone(project: Project, collection: str) -> None:
    """Section 3: 200 with a JSON object."""
    made = project.document(collection, {"a": 1})
    path = f"/collections/{collection}/documents/{made['id']}"

    answer = project("DELETE", path)

    assert answer.status_code == 200
    assert answer.json()["status"] == "success"
    assert isinstance(answer.json()["message"], str)
    for method, body in (("GET", None), ("PATCH", {"a": 2}), ("DELETE", None)):
        gone = project(method, path, body)
        assert (gone.status_code, detail_of(gone)) == (404, "Document not found")


@pytest.mark.parametrize("id_", [GONE, "no%20id", "%F0%9F%98%80", "a" * 600])
def test_an_unknown_document_is_not_found(project: Project, collection: str, id_: str) -> None:
    path = f"/collections/{collection}/documents/{id_}"

    for method, body in (("GET", None), ("PATCH", {"a": 2}), ("DELETE", None)):
        assert project(method, path, body).status_code == 404


def test_a_document_of_another_collection_is_not_found(project: Project, collection: str) -> None:
    """Section 2."""
    made = project.document(project.collection()["id"], {"a": 1})

    path = f"/collections/{collection}/documents/{made['id']}"

    assert project("GET", path).status_code == 404
    assert project("PATCH", path, {"a": 2}).status_code == 404
    assert project("DELETE", path).status_code == 404


def test_a_document_of_a_mebibyte_is_kept(project: Project, collection: str) -> None:
    """Section 5."""
    text = "x" * 1_048_576

    assert project.document(collection, {"text": text})["data"]["text"] == text


# --- batches --------------------------------------------------------------------------------------


def batch(project: Project, collection: str, what: str, body: Any) -> Any:
    return project("POST", f"/collections/{collection}/batch/documents/{what}", body)


def test_a_batch_creates_in_order_and_makes_its_collection(project: Project) -> None:
    """Section 7."""
    name = f"c_{new_name()}"
    documents = [{"n": n, "id": n} for n in range(1000)]

    answer = batch(project, name, "create", {"documents": documents})

    assert answer.status_code == 200
    assert [each["data"] for each in answer.json()] == documents
    assert project.data(name, "limit=1000&order=asc") == documents
    assert {each["collection"]["name"] for each in answer.json()} == {name}


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("create", {}, 422),
        ("create", {"documents": {}}, 422),
        ("create", {"documents": []}, 400),
        ("create", {"documents": [{"n": 1}] * 1001}, 400),
        ("create", {"documents": [{"n": 1}, {}]}, 400),
        ("create", {"documents": [{"n": 1}, 2]}, 422),
        ("update", {}, 422),
        ("update", {"updates": []}, 422),
        ("update", {"updates": {}}, 400),
        ("update", {"updates": {GONE: 1}}, 422),
        ("update", {"updates": {GONE: {}}}, 400),
        ("delete", {}, 422),
        ("delete", {"document_ids": {}}, 422),
        ("delete", {"document_ids": []}, 400),
        ("delete", {"document_ids": [1]}, 422),
        ("update", {"updates": {str(n): {"n": 1} for n in range(10_001)}}, 400),
        ("delete", {"document_ids": [str(n) for n in range(10_001)]}, 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_batch_out_of_form_changes_nothing(
    project: Project, collection: str, what: str, body: Any, status: int
) -> None:
    answer = batch(project, collection, what, body)

    assert answer.status_code == status
    detail_of(answer)
    assert project.data(collection) == []


def test_a_batch_updates_in_both_forms_and_skips_the_unknown(
    project: Project, collection: str
) -> None:
    """Section 7."""
    made = [project.document(collection, {"n": n, "l": [0]}) for n in range(4)]
    updates = {
        made[0]["id"]: {"a": 1},
        made[1]["id"]: {"data": {"a": 2}, "$append": {"l": 1}},
        made[2]["id"]: {"data": "text"},
        GONE: {"a": 3},
        "no id": {"a": 4},
    }

    answer = batch(project, collection, "update", {"updates": updates})

    assert answer.status_code == 200
    told = {each["id"]: each for each in answer.json()}
    assert {id_: each["data"] for id_, each in told.items()} == {
        made[0]["id"]: {"n": 0, "l": [0], "a": 1},
        made[1]["id"]: {"n": 1, "l": [0, 1], "a": 2},
        made[2]["id"]: {"n": 2, "l": [0], "data": "text"},
    }
    assert told[made[0]["id"]]["created_at"] == made[0]["created_at"]
    listed = {each["id"]: each for each in project.documents(collection)}
    assert listed == {**told, made[3]["id"]: made[3]}


def test_a_batch_deletes_and_counts_what_was_there(project: Project, collection: str) -> None:
    """Section 7."""
    made = [project.document(collection, {"n": n}) for n in range(3)]
    ids = [made[0]["id"], made[1]["id"], made[0]["id"], GONE, "no id"]

    answer = batch(project, collection, "delete", {"document_ids": ids})

    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["count"], type(told["message"])) == ("success", 2, str)
    assert project.data(collection) == [{"n": 2}]


@pytest.mark.parametrize(
    ("what", "body"),
    [("update", {"updates": {GONE: {"a": 1}}}), ("delete", {"document_ids": [GONE]})],
)
def test_a_batch_of_an_unknown_collection_is_not_found(
    project: Project, what: str, body: Json
) -> None:
    answer = batch(project, "nowhere", what, body)

    assert (answer.status_code, detail_of(answer)) == (404, "Collection not found")


@pytest.mark.parametrize("kept", ["create", "read", "update", "delete"])
def test_what_is_left_to_app_users_a_key_alone_may_not_do(project: Project, kept: str) -> None:
    """Section 11: a list of roles without a token is 401; empty lists let everyone with the key."""
    collection = project.collection(permissions={kept: ["editor"]})
    path = f"/collections/{collection['id']}"
    named = {"data": {"n": 1}}
    of_create: list[tuple[str, str, Any]] = [
        ("POST", f"/collections/documents?collection={collection['name']}", named),
        ("POST", f"{path}/batch/documents/create", {"documents": [{"n": 1}]}),
    ]
    of_read: list[tuple[str, str, Any]] = [
        ("GET", f"{path}/documents", None),
        ("GET", f"{path}/documents/{GONE}", None),
        ("GET", f"{path}/query/documents/count", None),
        ("GET", f"{path}/query/documents/aggregate?field=n&operation=sum", None),
        ("GET", f"{path}/query/documents/group-by?field=n", None),
        ("GET", f"{path}/query/schema", None),
        ("GET", f"{path}/export", None),
    ]
    of_update: list[tuple[str, str, Any]] = [
        ("PATCH", f"{path}/documents/{GONE}", named),
        ("POST", f"{path}/batch/documents/update", {"updates": {GONE: {"n": 2}}}),
    ]
    of_delete: list[tuple[str, str, Any]] = [
        ("DELETE", f"{path}/documents/{GONE}", None),
        ("POST", f"{path}/batch/documents/delete", {"document_ids": [GONE]}),
    ]
    asked = {"create": of_create, "read": of_read, "update": of_update, "delete": of_delete}

    for action, calls in asked.items():
        for method, url, body in calls:
            answer = project(method, url, body)
            assert (answer.status_code == 401) is (action == kept), (url, answer.text)
            assert action != kept or "editor" in detail_of(answer)
