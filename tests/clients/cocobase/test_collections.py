"""Collections over plain HTTP (contract sections 2 to 4)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import requests

from tests.clients.cocobase.project import (
    GONE,
    Json,
    Project,
    detail_of,
    new_project,
    wrapped,
)
from tests.clients.requester import Requester
from tests.support.stack import new_name


def test_a_collection_has_an_id_a_name_and_a_time(project: Project) -> None:
    """Section 4."""
    name = f"users_{new_name()}"

    answer = project("POST", "/collections/", {"name": name})

    assert answer.status_code == 201
    made = answer.json()
    assert made == {
        "id": made["id"],
        "name": name,
        "created_at": made["created_at"],
        "webhook_url": None,
        "permissions": {"create": [], "read": [], "update": [], "delete": []},
    }
    assert datetime.fromisoformat(made["created_at"]).utcoffset() is not None
    assert not made["created_at"].endswith("Z")


@pytest.mark.parametrize("is_wrapped", [False, True])
@pytest.mark.parametrize("path", ["/collections/", "/collections"])
def test_both_bodies_and_both_paths_create(project: Project, is_wrapped: bool, path: str) -> None:
    """Sections 1 and 2: the newest Python wraps; slashes differ, nobody is redirected."""
    name = f"orders_{new_name()}"
    url = "http://127.0.0.1:1/hooks?a=%20b"

    answer = project(
        "POST", path, wrapped({"name": name, "webhook_url": url, "other": 1}, is_wrapped=is_wrapped)
    )

    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["webhook_url"]) == (name, url)


def test_a_collection_is_found_by_id_and_by_name_with_its_count(project: Project) -> None:
    made = project.collection()
    project.document(made["id"], {"n": 1})

    for ref in (made["id"], made["name"]):
        answer = project("GET", f"/collections/{ref}")
        assert answer.status_code == 200
        assert answer.json() == {**made, "document_count": 1}


def test_all_collections_are_listed(admin: Requester) -> None:
    """Section 3: the seed's "check your API documentation"."""
    project = new_project(admin)
    made = [project.collection(name) for name in ("users", "products", "audit_logs")]

    for path in ("/collections/", "/collections"):
        answer = project("GET", path)
        assert (answer.status_code, answer.json()) == (200, made)


@pytest.mark.parametrize("method", ["PATCH", "POST"])
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_an_update_changes_name_and_webhook(
    project: Project, method: str, is_wrapped: bool
) -> None:
    """Section 4: old Pythons POST; documents, id and time of creation stay."""
    made = project.collection(webhook_url="http://127.0.0.1:1/old")
    document = project.document(made["id"], {"n": 1})
    path, name = f"/collections/{made['id']}", f"c_{new_name()}"

    def update(body: Json) -> requests.Response:
        return project(method, path, wrapped(body, is_wrapped=is_wrapped))

    renamed = update({"name": name})
    hooked = update({"webhook_url": "http://127.0.0.1:1/new", "name": None})
    unhooked = update({"webhook_url": ""})

    assert [each.status_code for each in (renamed, hooked, unhooked)] == [200, 200, 200]
    assert renamed.json() == {**made, "name": name}
    assert hooked.json() == {**made, "name": name, "webhook_url": "http://127.0.0.1:1/new"}
    assert unhooked.json() == {**made, "name": name, "webhook_url": None}
    assert project.data(name) == [{"n": 1}]
    assert project("GET", f"{path}/documents/{document['id']}").status_code == 200
    assert project("GET", f"/collections/{made['name']}").status_code == 404


def test_a_collection_may_be_renamed_to_its_own_name(project: Project) -> None:
    made = project.collection()

    answer = project("PATCH", f"/collections/{made['id']}", {"name": made["name"]})

    assert (answer.status_code, answer.json()) == (200, made)


def test_a_deleted_collection_takes_its_documents_and_frees_its_name(project: Project) -> None:
    """Section 4."""
    made = project.collection()
    document = project.document(made["id"], {"n": 1})

    answer = project("DELETE", f"/collections/{made['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    again = project.collection(made["name"])
    assert again["id"] != made["id"]
    assert project.data(made["name"]) == []
    for path in ("", "/documents", f"/documents/{document['id']}"):
        assert project("GET", f"/collections/{made['id']}{path}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("POST", ""),
        ("DELETE", ""),
        ("GET", "/documents"),
        ("GET", f"/documents/{GONE}"),
        ("PATCH", f"/documents/{GONE}"),
        ("DELETE", f"/documents/{GONE}"),
        ("GET", "/query/documents/count"),
        ("GET", "/query/documents/aggregate?field=n&operation=sum"),
    ],
)
@pytest.mark.parametrize("ref", ["no_such_collection", GONE])
def test_an_unknown_collection_is_not_found(
    project: Project, method: str, path: str, ref: str
) -> None:
    """Sections 4 and 5: 404, and nothing is made on the way."""
    body = {"name": "x"} if method in ("PATCH", "POST") else None

    answer = project(method, f"/collections/{ref}{path}", body)

    assert answer.status_code == 404
    assert isinstance(detail_of(answer), str)
    assert project("GET", "/collections/no_such_collection").status_code == 404


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["users", "user_sessions", "data", "items", "stuff", "A1_", "a" * 63]
)
def test_a_good_name_is_taken(admin: Requester, name: str) -> None:
    assert new_project(admin).collection(name)["name"] == name


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("user data", "user_data"),
        ("my-collection", "my_collection"),
        ("1st", "c_1st"),
        ("", None),
        ("  ", None),
        ("a" * 64, "a" * 63),
        ("a" * 256, None),
        ("a/b", "a_b"),
        ("a?b", None),
        ("a#b", None),
        ("a%b", None),
        ("a&b", None),
        ("a\nb", None),
        ("_a", "a"),
        ("naïve", None),
    ],
)
def test_a_bad_name_is_refused_and_a_good_one_told(
    project: Project, name: str, instead: str | None
) -> None:
    """Section 4, setting `strict`; of creation, renaming and first documents alike."""
    made = project.collection()

    answers = [
        project("POST", "/collections/", {"name": name}),
        project("PATCH", f"/collections/{made['id']}", {"name": name}),
    ]

    assert [each.status_code for each in answers] == [400, 400]
    told = detail_of(answers[0])
    assert "letter" in told
    assert f'"{instead or ""}' in told


@pytest.mark.parametrize(
    "body", [{"name": "a\0b"}, {"name": "a", "webhook_url": "http://a.org/\0"}]
)
def test_the_control_character_that_json_may_hold_is_a_400_too(
    project: Project, body: Json
) -> None:
    """Section 4: a forbidden name or URL, though bodies of documents with it are a 422."""
    made = project.collection()

    answers = [
        project("POST", "/collections/", body),
        project("PATCH", f"/collections/{made['id']}", body),
    ]

    assert [each.status_code for each in answers] == [400, 400]
    assert "U+0000" in detail_of(answers[0])


def test_a_bad_name_makes_no_collection_by_a_first_document(project: Project) -> None:
    answer = project("POST", "/collections/documents?collection=my-docs", {"data": {"n": 1}})

    assert answer.status_code == 400
    assert "my_docs" in detail_of(answer)


def test_a_taken_name_is_refused(project: Project) -> None:
    """Section 4; case matters."""
    one, other = project.collection(), project.collection()

    assert project("POST", "/collections/", {"name": one["name"]}).status_code == 400
    assert project("PATCH", f"/collections/{other['id']}", {"name": one["name"]}).status_code == 400
    assert project.collection(one["name"].upper())["id"] != one["id"]


def test_of_several_requests_for_one_name_one_wins(project: Project) -> None:
    """Section 4."""
    name, renamed = f"c_{new_name()}", f"c_{new_name()}"
    others = [project.collection() for _ in range(4)]

    def make(_: int) -> int:
        return project("POST", "/collections/", {"name": name}).status_code

    def rename(other: Json) -> int:
        return project("PATCH", f"/collections/{other['id']}", {"name": renamed}).status_code

    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(make, range(12)))
        changed = list(pool.map(rename, others))

    assert sorted(made) == [201] + [400] * 11
    assert sorted(changed) == [200] + [400] * 3
    listed = [each["name"] for each in project("GET", "/collections/").json()]
    assert (listed.count(name), listed.count(renamed)) == (1, 1)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        (b"", ["body"]),
        (b"[]", ["body"]),
        (b'"users"', ["body"]),
        (b"{", ["body"]),
        (b"{}", ["body", "name"]),
        (b'{"name": null}', ["body", "name"]),
        (b'{"name": 7}', ["body", "name"]),
        (b'{"data": {"webhook_url": "http://a.org"}}', ["body", "name"]),
        (b'{"name": "a", "webhook_url": 7}', ["body", "webhook_url"]),
        (b'{"name": "a", "permissions": []}', ["body", "permissions"]),
        (b'{"name": "a", "permissions": {"read": "all"}}', ["body", "permissions", "read"]),
    ],
)
def test_a_body_without_its_form_is_unprocessable(
    project: Project, body: bytes, loc: list[str]
) -> None:
    """Section 2."""
    answer = project.send("POST", "/collections/", body)

    assert answer.status_code == 422
    [told] = detail_of(answer)
    assert told["loc"] == loc
    assert {"msg", "type"} < set(told)


@pytest.mark.parametrize(
    "url",
    [
        *("nowhere", "/hooks", "ftp://a.org/x", "http://", "a.org", "http://a.org/a b"),
        "http://a.org/" + "a" * 2_048,
    ],
)
def test_a_webhook_url_that_cannot_be_called_is_refused(project: Project, url: str) -> None:
    """Section 4."""
    made = project.collection()
    body = {"name": "hooked", "webhook_url": url}

    assert project("POST", "/collections/", body).status_code == 400
    assert project("PATCH", f"/collections/{made['id']}", {"webhook_url": url}).status_code == 400
    assert project("GET", "/collections/hooked").status_code == 404


@pytest.mark.parametrize("key", [None, "", "unknown-key", "é"])
def test_without_a_good_key_nothing_is_told(project: Project, key: str | None) -> None:
    """Section 2: 401, whatever the path."""
    for method, path in (
        ("GET", "/collections/"),
        ("POST", "/collections/"),
        ("GET", "/collections/a/documents"),
        ("POST", "/collections/documents?collection=a"),
    ):
        headers = {} if key is None else {"X-API-Key": key.encode().decode("latin-1")}
        answer = project.session.request(
            method, f"{project.origin}{path}", headers=headers, timeout=15
        )
        assert answer.status_code == 401
        assert isinstance(detail_of(answer), str)


def test_one_project_sees_nothing_of_another(admin: Requester, project: Project) -> None:
    """Section 14."""
    other = new_project(admin)
    made = project.collection()

    assert other("GET", f"/collections/{made['id']}").status_code == 404
    assert other("GET", f"/collections/{made['name']}").status_code == 404
    assert other("GET", "/collections/").json() == []
    assert other.collection(made["name"])["id"] != made["id"]


def test_a_browser_may_ask_from_anywhere(project: Project) -> None:
    """Section 2: preflights need no key."""
    origin = "https://app.example.org"
    preflight = project.session.options(
        f"{project.origin}/collections/documents?collection=a",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-api-key",
        },
        timeout=15,
    )

    assert preflight.status_code in (200, 204)
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "content-type", "x-api-key"} <= set(allowed.split(", "))
    methods = preflight.headers["Access-Control-Allow-Methods"]
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(methods.split(", "))
    for answer in (
        preflight,
        project("GET", "/collections/", headers={"Origin": origin}),
        project("GET", "/collections/none", headers={"Origin": origin}),
        project("GET", "/collections/", headers={"Origin": origin, "x-api-key": "no"}),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_project_may_list_the_origins_it_knows(admin: Requester) -> None:
    """Section 2."""
    project = new_project(admin)
    known = {"data": {"origins": ["https://app.example.org"]}}
    assert admin("PATCH", f"/v1/buckets/{project.id}", known).status_code == 200

    for origin, status in (
        ("https://app.example.org", 200),
        ("https://evil.example.org", 403),
    ):
        answer = project("GET", "/collections/", headers={"Origin": origin})
        assert answer.status_code == status
    assert project("GET", "/collections/").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/collections/", 405),
        ("GET", "/collections/a/b/c", 404),
        ("DELETE", "/collections/", 405),
        ("POST", "/collections/file", 501),
        ("GET", "/collections/%FF", 400),
    ],
)
def test_what_is_no_call_is_refused(project: Project, method: str, path: str, status: int) -> None:
    answer = project(method, path)

    assert answer.status_code == status
    assert isinstance(detail_of(answer), str)
