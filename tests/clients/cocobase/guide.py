"""The seed's guide and the other calls, by the real `cocobase` package of one version.

    PYTHONPATH=FOLDER python guide.py URL KEY

prints for each case what was wrong with it, or nothing. The package's address is a constant of
its module `client`: it is set to the server under test, the package itself stays as it is.
"""

import contextlib
import importlib
import io
import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import requests

TIMEOUT_S: Final = 15.0
GONE: Final = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The package, and a client of it for an empty project."""

    version: tuple[int, ...]
    url: str
    key: str
    client: Any
    package: Any
    error: Any

    @property
    def tells_all(self) -> bool:
        """Whether the client raises for every status that it does not expect."""
        return self.version >= (0, 3, 2)

    @property
    def has_batches(self) -> bool:
        return self.version >= (1, 0, 0)

    def fails(self, words: str, call: Callable[[], Any]) -> None:
        """The call raises the package's error, with these words at its beginning."""
        told = ""
        try:
            told = f"no error, but {call()!r}"
        except self.error as error:
            told = str(error)
        assert told.startswith(words), told

    def lacks(self, words: str, call: Callable[[], Any]) -> None:
        """The same for what old clients answer with nothing."""
        if self.tells_all:
            self.fails(words, call)
        else:
            assert not call()

    def get(self, path: str) -> Any:
        """Plain HTTP, for what no client calls."""
        headers = {"x-api-key": self.key}
        answer = requests.get(f"{self.url}{path}", headers=headers, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return answer.json()


Case = Callable[[Kit], None]
CASES: Final[dict[str, Case]] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def is_now(at: datetime) -> bool:
    """The client falls back to 1970 for a time that it cannot read."""
    return abs((datetime.now(UTC) - at).total_seconds()) < 600


# --- the guide, in its order ----------------------------------------------------------------------


@case
def creating_a_collection(kit: Kit) -> None:
    collection = kit.client.create_collection("users")

    assert collection.name == "users"
    assert isinstance(collection.id, str)
    assert collection.id
    assert is_now(collection.createdAt)


@case
def creating_a_collection_with_a_webhook(kit: Kit) -> None:
    url = "https://yourapp.example/webhooks/orders"

    collection = kit.client.create_collection(collection_name="orders", webhookurl=url)

    assert collection.name == "orders"
    assert kit.get(f"/collections/{collection.id}")["webhook_url"] == url


@case
def updating_a_name(kit: Kit) -> None:
    collection = kit.client.create_collection("before")

    assert kit.client.update_collection(collection_id=collection.id, collection_name="after")

    assert kit.get("/collections/after")["id"] == collection.id


@case
def updating_a_webhook(kit: Kit) -> None:
    url = "https://newurl.example/webhook"
    collection = kit.client.create_collection("hooked", webhookurl="https://old.example/webhook")

    assert kit.client.update_collection(collection_id=collection.id, webhookurl=url)

    assert kit.get("/collections/hooked")["webhook_url"] == url


@case
def updating_both(kit: Kit) -> None:
    url = "https://newurl.example/webhook"
    collection = kit.client.create_collection("before")

    result = kit.client.update_collection(
        collection_id=collection.id, collection_name="updated_collection_name", webhookurl=url
    )

    assert result
    found = kit.get("/collections/updated_collection_name")
    assert (found["id"], found["webhook_url"]) == (collection.id, url)


@case
def deleting_a_collection_with_its_documents(kit: Kit) -> None:
    collection = kit.client.create_collection("products")
    kit.client.create_document(collection.id, {"n": 1})

    assert kit.client.delete_collection(collection.id) is True

    kit.lacks("Collection not found", lambda: kit.client.delete_collection(collection.id))
    again = kit.client.create_collection("products")
    assert again.id != collection.id
    assert kit.client.list_documents(again.id) == []


@case
def listing_collections(kit: Kit) -> None:
    """The guide says to look into the documentation: no client calls it."""
    names = ["users", "products", "orders", "user_sessions", "blog_posts", "audit_logs"]
    for name in names:
        kit.client.create_collection(name)

    assert [each["name"] for each in kit.get("/collections/")] == names


@case
def vague_names(kit: Kit) -> None:
    """To be avoided, says the guide; not forbidden."""
    for name in ("data", "items", "stuff"):
        assert kit.client.create_collection(name).name == name


@case
def names_with_special_characters(kit: Kit) -> None:
    for name, better in (("user data", "user_data"), ("my-collection", "my_collection")):
        kit.fails("Invalid Request: ", partial(kit.client.create_collection, name))
        assert kit.client.create_collection(better).name == better


@case
def handling_errors(kit: Kit) -> None:
    """The texts by which the guide tells errors apart."""
    assert kit.client.create_collection("test_collection").name == "test_collection"

    kit.fails("Invalid Request: ", lambda: kit.client.create_collection("test_collection"))
    kit.fails("A field is missing: ", lambda: kit.client.create_collection(None))


@case
def managing_collections(kit: Kit) -> None:
    """The complete example, with the import that it forgets."""
    pauses: list[float] = []

    def create_with_retry(name: str, webhook: str | None, tries: int = 3) -> Any:
        for attempt in range(tries):
            try:
                return kit.client.create_collection(collection_name=name, webhookurl=webhook)
            except kit.error:
                if attempt == tries - 1:
                    raise
                pauses.append(time.monotonic())
        return None

    wanted = {
        "users": "https://app.example/webhooks/users",
        "products": "https://app.example/webhooks/products",
        "orders": "https://app.example/webhooks/orders",
        "sessions": None,
    }
    created = [create_with_retry(name, webhook) for name, webhook in wanted.items()]

    assert pauses == []
    assert [each.name for each in created] == list(wanted)
    assert kit.client.update_collection(
        collection_id=created[0].id, collection_name="updated_users"
    )
    kit.fails("Invalid Request: ", lambda: create_with_retry("orders", None))
    assert len(pauses) == 2
    assert kit.client.delete_collection(created[0].id)
    assert [each["name"] for each in kit.get("/collections/")] == list(wanted)[1:]


@case
def a_factory_of_collections(kit: Kit) -> None:
    hooked = kit.client.create_collection("users", "https://yourapp.example/webhooks/users")
    plain = kit.client.create_collection("audit_logs")

    assert kit.get(f"/collections/{hooked.id}")["webhook_url"]
    assert kit.get(f"/collections/{plain.id}")["webhook_url"] is None


# --- documents ------------------------------------------------------------------------------------


@case
def a_document_and_what_becomes_of_it(kit: Kit) -> None:
    client, collection = kit.client, kit.client.create_collection("users")
    data = {"name": "Ada", "age": 36, "score": 1.5, "active": True, "id": 7, "tags": ["a"]}

    made = client.create_document(collection.id, data)

    assert (made.data, made.collectionId) == (data, collection.id)
    assert is_now(made.createdAt)
    assert made.collection["name"] == "users"
    for found in (client.get_document(collection.id, made.id), *client.list_documents("users")):
        assert (found.id, found.data, found.createdAt) == (made.id, data, made.createdAt)
    changed = client.update_document(collection.id, made.id, {"age": 37, "tags": None})
    assert (changed.id, changed.data) == (made.id, {**data, "age": 37, "tags": None})
    assert changed.createdAt == made.createdAt
    assert client.delete_document(collection.id, made.id) is True
    assert client.list_documents(collection.id) == []


@case
def a_document_whose_only_field_is_data(kit: Kit) -> None:
    """Python 0.x loses the outer layer of exactly this shape (contract section 2)."""
    data = {"data": {"n": 1}}

    made = kit.client.create_document("wrapped", data)

    assert made.data == (data if kit.has_batches else {"n": 1})


@case
def a_first_document_makes_its_collection(kit: Kit) -> None:
    made = kit.client.create_document("events", {"n": 1})

    assert kit.get("/collections/events")["id"] == made.collectionId


@case
def queries(kit: Kit) -> None:
    """Old clients begin the query with two question marks."""
    for number, name in enumerate(("ada", "adam", "bob"), start=1):
        kit.client.create_document("people", {"name": name, "n": number, "even": number % 2 == 0})
    query = kit.package.QueryBuilder

    def names(built: Any) -> list[str]:
        return [each.data["name"] for each in kit.client.list_documents("people", built)]

    assert names(None) == ["bob", "adam", "ada"]
    assert names(query().eq("name", "ada")) == ["ada"]
    assert names(query().eq("n", 2)) == ["adam"]
    assert names(query().eq("even", True)) == ["adam"]
    assert names(query().contains("name", "AD")) == ["adam", "ada"]
    assert names(query().gt("n", 1)) == ["bob", "adam"]
    assert names(query().gte("n", 2).lt("n", 3)) == ["adam"]
    assert names(query().lte("n", 1)) == ["ada"]
    assert names(query().limit(1)) == ["bob"]
    assert names(query().limit(1).offset(1)) == ["adam"]
    assert names(query().from_dict({"name_startswith": "a", "sort": "n", "order": "asc"})) == [
        "ada",
        "adam",
    ]


@case
def what_is_not_there(kit: Kit) -> None:
    client, collection = kit.client, kit.client.create_collection("users")

    kit.lacks("Collection not found", lambda: client.update_collection(GONE, "other"))
    kit.lacks("Collection not found", lambda: client.list_documents("nothing"))
    kit.lacks("Document not found", lambda: client.get_document(collection.id, GONE))
    kit.lacks("Document not found", lambda: client.update_document(collection.id, GONE, {"a": 1}))
    kit.lacks("Document not found", lambda: client.delete_document(collection.id, GONE))


@case
def what_may_not_be(kit: Kit) -> None:
    client, collection = kit.client, kit.client.create_collection("users")
    made = client.create_document(collection.id, {"n": 1})

    kit.fails("Invalid Request: ", lambda: client.create_document(collection.id, {}))
    kit.fails("Invalid Request: ", lambda: client.update_document(collection.id, made.id, {}))
    kit.fails("Invalid Request: ", lambda: client.create_collection("hooked", "nowhere"))
    query = kit.package.QueryBuilder().limit(5000)
    kit.fails("A field is missing: ", lambda: client.list_documents(collection.id, query))


@case
def a_wrong_key(kit: Kit) -> None:
    client = kit.package.CocoBaseClient(api_key="wrong")

    kit.lacks("Unexpected status code 401", lambda: client.create_collection("users"))


@case
def batches(kit: Kit) -> None:
    if not kit.has_batches:
        return
    client = kit.client
    made = client.create_documents("rows", [{"n": n} for n in range(3)])

    assert [each.data for each in made] == [{"n": 0}, {"n": 1}, {"n": 2}]
    changed = client.update_documents("rows", {made[0].id: {"x": 1}, GONE: {"x": 1}})
    assert [(each.id, each.data) for each in changed] == [(made[0].id, {"n": 0, "x": 1})]
    gone = client.delete_documents("rows", [made[1].id, GONE])
    assert (gone["status"], gone["count"]) == ("success", 1)
    kit.fails("Batch create failed: ", lambda: client.create_documents("rows", []))
    kit.fails("Batch update failed: ", lambda: client.update_documents("nothing", {GONE: {"a": 1}}))
    kit.fails("Batch delete failed: ", lambda: client.delete_documents("nothing", [GONE]))


@case
def counts_and_aggregates(kit: Kit) -> None:
    if not kit.has_batches:
        return
    client, query = kit.client, kit.package.QueryBuilder
    client.create_documents("sales", [{"n": n, "kind": "ab"[n % 2]} for n in range(5)])

    assert client.count_documents("sales") == {"count": 5}
    assert client.count_documents("sales", query().eq("kind", "a").limit(1)) == {"count": 3}
    assert client.aggregate_documents("sales", "n", "sum") == {
        "field": "n",
        "operation": "sum",
        "result": 10,
        "collection": "sales",
    }
    found = client.aggregate_documents("sales", "n", "avg", query().eq("kind", "b"))
    assert found["result"] == 2
    kit.fails("Aggregation failed: ", lambda: client.aggregate_documents("sales", "n", "median"))
    kit.fails("Count failed: ", lambda: client.count_documents("nothing"))


# --- running --------------------------------------------------------------------------------------


def kit_of(url: str, key: str, version: str) -> Kit:
    """The package as its documentation has it imported."""
    package = importlib.import_module("cocobase_client")
    client: Any = importlib.import_module("cocobase_client.client")
    client.BASEURL = url
    return Kit(
        version=tuple(map(int, version.split("."))),
        url=url,
        key=key,
        client=client.CocoBaseClient(api_key=key),
        package=package,
        error=importlib.import_module("cocobase_client.exceptions").CocobaseError,
    )


def empty(kit: Kit) -> None:
    """Leave nothing in the project."""
    headers = {"x-api-key": kit.key}
    for each in kit.get("/collections/"):
        url = f"{kit.url}/collections/{each['id']}"
        requests.delete(url, headers=headers, timeout=TIMEOUT_S).raise_for_status()


def main(url: str, key: str, version: str) -> None:
    kit = kit_of(url, key, version)
    for name, run in CASES.items():
        error: str | None = None
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                run(kit)
            except Exception:  # noqa: BLE001 - whatever it is, the test tells of it
                error = traceback.format_exc()
            empty(kit)
        sys.stdout.write(json.dumps({"case": name, "error": error}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
