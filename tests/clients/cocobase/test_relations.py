"""Related documents, groups, shapes and exports over plain HTTP (contract section 11)."""

from typing import Any, Final

import pytest

from tests.clients.cocobase.project import GONE, Json, Project, new_project
from tests.clients.requester import Requester


@pytest.fixture(scope="module")
def blog(admin: Requester) -> Project:
    """A project with posts, their authors, tags and comments."""
    project = new_project(admin, "Blog")
    for name in ("authors", "tags", "posts", "comments", "category"):
        project.collection(name)
    ada = project.document("authors", {"n": "ada", "role": "admin"})["id"]
    bob = project.document("authors", {"n": "bob", "role": "writer"})["id"]
    red, blue = (project.document("tags", {"n": n})["id"] for n in ("red", "blue"))
    science = project.document("category", {"n": "science"})["id"]
    first = project.document(
        "posts", {"n": "first", "author_id": ada, "tag_ids": [blue, GONE, red], "likes": 3}
    )["id"]
    project.document("posts", {"n": "second", "author_id": bob, "category_id": science})
    project.document("posts", {"n": "third", "author_id": GONE, "likes": 3, "a.b": "own"})
    for n in ("one", "two"):
        project.document("comments", {"n": n, "post_id": first, "author_id": bob})
    return project


def rows(project: Project, query: str, collection: str = "posts") -> list[Json]:
    return project.documents(collection, f"order=asc&{query}")


def test_an_id_becomes_its_document_in_a_flat_row(blog: Project) -> None:
    first, second, third = rows(blog, "populate=author")

    assert first == {
        "id": first["id"],
        "created_at": first["created_at"],
        "n": "first",
        "author_id": first["author_id"],
        "tag_ids": first["tag_ids"],
        "likes": 3,
        "author": {
            "id": first["author_id"],
            "created_at": first["author"]["created_at"],
            "n": "ada",
            "role": "admin",
        },
    }
    assert (second["author"]["n"], third["author"]) == ("bob", None)


def test_ids_become_an_array_in_their_order(blog: Project) -> None:
    first = rows(blog, "populate=tag")[0]

    assert [each["n"] for each in first["tag"]] == ["blue", "red"]


def test_the_singular_is_looked_for_as_well(blog: Project) -> None:
    assert rows(blog, "populate=category&n=second")[0]["category"]["n"] == "science"


def test_documents_that_point_here_are_an_array(blog: Project) -> None:
    found = rows(blog, "populate=comments")

    assert [[each["n"] for each in row["comments"]] for row in found] == [["one", "two"], [], []]


def test_another_collection_may_be_named(blog: Project) -> None:
    """`author:people`."""
    assert rows(blog, "populate=author:authors&n=first")[0]["author"]["n"] == "ada"
    assert rows(blog, "populate=author:nowhere&n=first")[0]["author"] is None


def test_relations_nest(blog: Project) -> None:
    """`post.author`; several at once."""
    one = rows(blog, "populate=post.author&populate=author", "comments")[0]

    assert (one["post"]["author"]["n"], one["author"]["n"]) == ("ada", "bob")


def test_fields_are_selected(blog: Project) -> None:
    query = "populate=author&populate=tag&select=n&select=author.n&select=tag.n&n=first"

    [first] = rows(blog, query)

    assert first == {
        "id": first["id"],
        "n": "first",
        "author": {"n": "ada"},
        "tag": [{"n": "blue"}, {"n": "red"}],
    }
    assert [set(row) for row in rows(blog, "select=likes")] == [
        {"id", "likes"},
        {"id"},
        {"id", "likes"},
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("author.role=admin", {"first"}),
        ("author.n_startswith=b", {"second"}),
        ("author.role_ne=admin&category.n=science", {"second"}),
        ("[or]author.role=admin&[or]a.b=own", {"first", "third"}),
        ("a.b=own", {"third"}),
        ("author.role=nobody", set[str]()),
        ("author.role_isnull=true", set[str]()),
        ("author.nick_isnull=true", {"first", "second"}),
        ("author.nick_isnull=false", set[str]()),
        ("author.role_isnull=false", {"first", "second"}),
    ],
)
def test_a_filter_may_be_about_the_related(blog: Project, query: str, names: set[str]) -> None:
    assert blog.names("posts", query) == names
    counted = blog("GET", f"/collections/posts/query/documents/count?{query}")
    assert counted.json() == {"count": len(names)}
    grouped = blog("GET", f"/collections/posts/query/documents/group-by?field=n&{query}")
    assert {each["n"] for each in grouped.json()} == names
    exported = blog("GET", f"/collections/posts/export?{query}")
    assert {each["n"] for each in exported.json()} == names


@pytest.mark.parametrize(
    "query", ["populate=a.b.c.d.e.f", "&".join(f"populate=r{n}" for n in range(21))]
)
def test_relations_have_bounds(blog: Project, query: str) -> None:
    assert blog("GET", f"/collections/posts/documents?{query}").status_code == 400


def test_what_multiplies_is_refused_in_time(admin: Requester) -> None:
    """Each row would hold all the others, each of which holds them all again."""
    project = new_project(admin, "Many")
    author = project.document("authors", {"n": "ada"})["id"]
    documents = [{"n": n, "author_id": author, "text": "x" * 500} for n in range(400)]
    project("POST", "/collections/posts/batch/documents/create", {"documents": documents})

    answer = project("GET", "/collections/posts/documents?limit=400&populate=author.posts")

    assert answer.status_code == 400
    assert len(project.documents("posts", "limit=400&populate=author")) == 400


def test_values_are_counted(blog: Project) -> None:
    """Most frequent first, null left out."""
    path = "/collections/posts/query/documents/group-by"
    blog.document("posts", {"n": "fourth", "likes": None})

    assert blog("GET", f"{path}?field=likes").json() == [{"likes": 3, "count": 2}]
    found: list[Any] = blog("GET", f"{path}?field=n&likes=3").json()
    assert found == [{"n": "first", "count": 1}, {"n": "third", "count": 1}]
    assert blog("GET", path).status_code == 422
    assert blog("GET", f"{path.replace('posts', 'nowhere')}?field=n").status_code == 404


def test_the_shape_of_a_collection_is_told(blog: Project) -> None:
    answer = blog("GET", "/collections/comments/query/schema")

    assert answer.status_code == 200
    told = answer.json()
    assert (told["collection"], told["document_count"]) == ("comments", 2)
    assert told["fields"]["n"] == {
        "types": ["string"],
        "nullable": False,
        "samples": ["one", "two"],
    }
    assert {"field": "post_id", "collection": "posts", "type": "one"} in told[
        "detected_relationships"
    ]


EXPORTED: Final[list[Json]] = [{"n": 'a "quoted", text', "l": [1]}, {"n": "b", "x": None}]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_collection_can_be_taken_along(blog: Project, form: str) -> None:
    name = blog.collection()["name"]
    made = [blog.document(name, data) for data in EXPORTED]

    answer = blog("GET", f"/collections/{name}/export?format={form}&order=asc")

    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    if form == "json":
        assert [row["id"] for row in answer.json()] == [one["id"] for one in made]
        assert answer.json()[0]["l"] == [1]
    else:
        head, first, *_ = answer.content.decode().splitlines()
        assert head == "id,created_at,l,n,x"
        assert first == f'{made[0]["id"]},{made[0]["created_at"]},[1],"a ""quoted"", text",'
    assert blog("GET", f"/collections/{name}/export?format=xml").status_code == 422
    assert len(blog("GET", f"/collections/{name}/export?n=b").json()) == 1
