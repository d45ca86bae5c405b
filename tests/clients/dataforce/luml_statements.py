"""What the clients of PyPI's luml-api do against Muniment; run by Python 3.12 or newer.

    python luml_statements.py sync|async < world.json

The world has the server's address, the organization and the keys. A line of JSON is printed for
each case, with what was wrong or null. Both clients go through the same cases: what is awaitable
is awaited on the way.
"""

import asyncio
import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID, uuid4

luml: Final[Any] = importlib.import_module("luml_api")
errors: Final[Any] = importlib.import_module("luml_api._exceptions")
types: Final[Any] = importlib.import_module("luml_api._types")
loop: Final = asyncio.new_event_loop()


class Settled:
    """A client or a part of one, whose asynchronous methods answer at once."""

    def __init__(self, inner: Any) -> None:
        object.__setattr__(self, "inner", inner)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if callable(found):

            def call(*args: Any, **kwargs: Any) -> Any:
                return settle(found(*args, **kwargs))

            return call
        is_part = type(found).__module__.startswith("luml_api.resources")
        return Settled(found) if is_part else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.inner, name, value)


class World:
    """Makes clients."""

    def __init__(self, told: Mapping[str, Any], *, is_async: bool) -> None:
        self.organization: str = told["organization"]
        self._told = told
        self._is_async = is_async

    def client(self, user: str = "owner", **chosen: str | None) -> Any:
        """A client as its users make it."""
        return self.client_of(self._told["keys"][user], **chosen)

    def client_of(self, key: str, **chosen: str | None) -> Any:
        url = self._told["url"]
        if not self._is_async:
            return Settled(luml.LumlClient(base_url=url, api_key=key, **chosen))
        client = luml.AsyncLumlClient(base_url=url, api_key=key)
        settle(client.setup_config(**chosen))
        return Settled(client)

    def in_new_orbit(self) -> Any:
        """The owner's client, in an orbit without collections."""
        client = self.client()
        client.orbit = client.orbits.create(f"orbit {uuid4()}", str(uuid4())).id
        return client


def settle(value: Any) -> Any:
    """What comes of it in the end."""
    if inspect.isawaitable(value):
        return loop.run_until_complete(_awaited(value))
    if inspect.isasyncgen(value):
        return loop.run_until_complete(_gathered(value))
    return list(value) if inspect.isgenerator(value) else value


async def _awaited(value: Any) -> Any:
    return await value


async def _gathered(values: Any) -> list[Any]:
    return [each async for each in values]


@contextmanager
def raises(name: str) -> Generator[None]:
    """Hold that the block raises the client's exception of that name."""
    try:
        yield
    except getattr(errors, name):
        return
    message = f"{name} was not raised"
    raise AssertionError(message)


def create(client: Any, name: str = "My Collection", **more: Any) -> Any:
    given = {"description": "Dataset for ML models", "type": types.CollectionType.MODEL, **more}
    return client.collections.create(name=name, **given)


def case_the_only_organization_is_the_default(world: World) -> None:
    client = world.client()
    assert client.organization == world.organization
    assert (client.orbit, client.collection) == (None, None)


def case_defaults_are_found_by_name_and_by_id(world: World) -> None:
    by_name = world.client(organization="My Personal Organization", orbit="Default Orbit")
    by_id = world.client(organization=by_name.organization, orbit=by_name.orbit)
    assert by_name.organization == world.organization
    assert (by_id.organization, by_id.orbit) == (by_name.organization, by_name.orbit)


def case_unknown_defaults_are_refused(world: World) -> None:
    for unknown in ("No Such", str(uuid4())):
        with raises("OrganizationResourceNotFoundError"):
            world.client(organization=unknown)
        with raises("OrbitResourceNotFoundError"):
            world.client(orbit=unknown)
    with raises("CollectionResourceNotFoundError"):
        world.client(orbit="Default Orbit", collection=str(uuid4()))


def case_a_collection_is_the_default_by_name_or_id(world: World) -> None:
    owner = world.in_new_orbit()
    orbit: Any = owner.orbit
    assert world.client(orbit=orbit).collection is None
    made = create(owner, "One")
    assert world.client(orbit=orbit).collection == made.id
    assert world.client(orbit=orbit, collection="One").collection == made.id
    assert world.client(orbit=orbit, collection=made.id).collection == made.id
    assert world.client(orbit=orbit, collection="Nothing").collection is None
    create(owner, "One")
    assert world.client(orbit=orbit).collection is None
    with raises("CollectionResourceNotFoundError"):
        world.client(orbit=orbit, collection="One")


def case_a_wrong_key_is_no_authentication(world: World) -> None:
    with raises("AuthenticationError"):
        world.client_of("muni_wrong")


def case_organizations_and_orbits_are_read(world: World) -> None:
    client = world.client(orbit="Default Orbit")
    [organization] = client.organizations.list()
    assert (organization.id, organization.name) == (world.organization, "My Personal Organization")
    names = [each.name for each in client.orbits.list()]
    assert {"Default Orbit", "Second Orbit"} <= set(names)
    assert client.orbits.get().name == "Default Orbit"
    assert client.orbits.get("Second Orbit").name == "Second Orbit"
    assert client.orbits.get("No Such") is None


def case_a_collection_is_created_as_the_guide_says(world: World) -> None:
    client = world.in_new_orbit()
    made = create(
        client,
        "Training Dataset",
        description="Dataset for model training",
        type=types.CollectionType.DATASET,
        tags=["ml", "training"],
    )
    assert UUID(made.id).version == 7
    assert made.orbit_id == client.orbit
    assert (made.name, made.description) == ("Training Dataset", "Dataset for model training")
    assert (made.type, made.tags) == ("dataset", ["ml", "training"])
    assert (made.total_artifacts, made.updated_at) == (0, None)


def case_a_collection_is_got_by_name_and_by_id(world: World) -> None:
    client = world.in_new_orbit()
    made = create(client, "My Collection")
    create(client, "my collection")
    create(client, "My Collection 2")
    assert client.collections.get("My Collection").id == made.id
    assert client.collections.get(made.id).name == "My Collection"
    assert client.collections.get("My") is None
    assert client.collections.get(str(uuid4())) is None
    client.collection = made.id
    assert client.collections.get().id == made.id


def case_an_update_leaves_the_rest(world: World) -> None:
    client = world.in_new_orbit()
    made = create(client, "Before", tags=["ml"])
    changed = client.collections.update(
        collection_id=made.id, name="Updated Dataset", tags=["ml", "updated"]
    )
    assert (changed.name, changed.tags) == ("Updated Dataset", ["ml", "updated"])
    assert (changed.description, changed.type) == (made.description, made.type)
    assert changed.created_at == made.created_at
    assert changed.updated_at is not None
    client.collection = made.id
    changed = client.collections.update(description="Updated description")
    assert (changed.name, changed.description) == ("Updated Dataset", "Updated description")
    assert client.collections.update(tags=[]).tags == []


def case_a_collection_is_deleted(world: World) -> None:
    client = world.in_new_orbit()
    first, second = create(client, "a"), create(client, "b")
    assert client.collections.delete(collection_id=first.id) is None
    assert client.collections.get(first.id) is None
    client.collection = second.id
    client.collections.delete()
    assert client.collections.list().items == []
    with raises("NotFoundError"):
        client.collections.update(collection_id=first.id, name="x")
    with raises("NotFoundError"):
        client.collections.delete(collection_id=first.id)


def case_without_a_target_the_client_refuses(world: World) -> None:
    client = world.in_new_orbit()
    for change in (client.collections.update, client.collections.delete):
        with raises("ConfigurationError"):
            change()


def case_pages_follow_each_other(world: World) -> None:
    client = world.in_new_orbit()
    names = [f"{number}" for number in range(5)]
    for name in names:
        create(client, name)
    first = client.collections.list(limit=2)
    second = client.collections.list(limit=2, start_after=first.cursor)
    last = client.collections.list(limit=2, start_after=second.cursor)
    pages = [[each.name for each in page.items] for page in (first, second, last)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    assert last.cursor is None
    assert [each.name for each in client.collections.list_all(limit=2)] == names[::-1]
    ascending = client.collections.list_all(order=types.SortOrder.ASC, limit=3)
    assert [each.name for each in ascending] == names


def case_listings_are_sorted_searched_and_filtered(world: World) -> None:
    client = world.in_new_orbit()
    create(client, "b", tags=["Production"])
    create(client, "A", type=types.CollectionType.DATASET)
    create(client, "a", type=types.CollectionType.MIXED, tags=["staging"])
    by_name = client.collections.list(
        sort_by=types.CollectionSortBy.NAME, order=types.SortOrder.ASC
    )
    assert [each.name for each in by_name.items] == ["A", "a", "b"]
    found = client.collections.list(search="PROD").items
    assert [each.name for each in found] == ["b"]
    found = client.collections.list(types=[types.CollectionTypeFilter.DATASET]).items
    assert [each.name for each in found] == ["A"]
    if hasattr(client.collections, "list_tags"):
        assert client.collections.list_tags() == ["Production", "staging"]
        found = client.collections.list(tags=["staging", "Production"]).items
        assert {each.name for each in found} == {"a", "b"}


def case_a_member_may_not_delete(world: World) -> None:
    member = world.client("member", orbit="Default Orbit")
    made = create(member, f"{uuid4()}")
    changed = member.collections.update(collection_id=made.id, name="changed")
    assert changed.name == "changed"
    with raises("PermissionDeniedError"):
        member.collections.delete(collection_id=made.id)


def case_an_outsider_sees_nothing(world: World) -> None:
    outsider = world.client("outsider")
    assert (outsider.organizations.list(), outsider.organization) == ([], None)
    outsider.organization = world.organization
    with raises("PermissionDeniedError"):
        outsider.orbits.list()


def case_a_client_without_an_orbit_is_told(world: World) -> None:
    with raises("UnprocessableEntityError"):
        create(world.client())


def case_orbits_are_changed_and_deleted(world: World) -> None:
    client = world.in_new_orbit()
    orbit = client.orbit
    assert client.orbits.update(name="Renamed").name == "Renamed"
    client.orbit = None
    client.orbits.delete(orbit)
    assert orbit not in [each.id for each in client.orbits.list()]


def main() -> None:
    """Run all cases, and tell what came of each."""
    world = World(json.load(sys.stdin), is_async=sys.argv[1] == "async")
    for name, case in list(globals().items()):
        if name.startswith("case_"):
            print(json.dumps({"case": name, "error": _outcome(case, world)}), flush=True)


def _outcome(case: Callable[[World], None], world: World) -> str | None:
    try:
        case(world)
    except Exception:  # noqa: BLE001 - the test tells what is wrong
        return traceback.format_exc(limit=-3)
    return None


if __name__ == "__main__":
    main()
