"""CocoBase's clients at one of two instances that share the work (contract, section 2)."""

import asyncio
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.clients.cocobase.project import GONE, Project
from tests.clients.cocobase.test_realtime import said, watching
from tests.support.batching import Pair, Two
from tests.support.cluster import Cluster, Service
from tests.support.server import MUNIMENT, environment


def project_of(cluster: Cluster, service: Service) -> Project:
    """One whose stream the instance owns: it makes ids for that."""
    settings = {
        "secret_key": "of the test",
        "data_dir": str(cluster.folder),
        "http_port": str(service.port),
    }
    done = subprocess.run(
        [*MUNIMENT, "projects", "create", "Atlas", "--output", "json"],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    session = requests.Session()
    session.trust_env = False
    return Project(origin=service.origin, id=made["id"], key=made["key"]["key"], session=session)


def at(project: Project, service: Service) -> Project:
    """The same project asked at another instance."""
    return Project(origin=service.origin, id=project.id, key=project.key, session=project.session)


def story(here: Project, there: Project) -> None:
    """All kinds of writes at one instance, each read at the other at once."""
    made = here.collection("users")
    assert there("GET", "/collections/users").json()["id"] == made["id"]
    assert here("POST", "/collections/", {"name": "users"}).status_code == 400
    assert here("PATCH", f"/collections/{made['id']}", {"name": "people"}).status_code == 200
    first = here.document("orders", {"n": 1})
    assert there.data("orders") == [{"n": 1}]
    path = f"/collections/orders/documents/{first['id']}"
    changed = here("PATCH", path, {"n": 2, "$append": {"tags": "x"}})
    assert changed.status_code == 200
    assert there("GET", path).json() == changed.json()
    rows: list[Any] = here(
        "POST", "/collections/rows/batch/documents/create", {"documents": [{"n": 1}, {"n": 2}]}
    ).json()
    assert [each["data"] for each in rows] == [{"n": 1}, {"n": 2}]
    updates = {"updates": {rows[0]["id"]: {"n": 7}, GONE: {"n": 8}}}
    assert len(here("POST", "/collections/rows/batch/documents/update", updates).json()) == 1
    gone = {"document_ids": [rows[1]["id"], GONE]}
    assert here("POST", "/collections/rows/batch/documents/delete", gone).json()["count"] == 1
    assert there.data("rows") == [{"n": 7}]
    assert here("DELETE", path).status_code == 200
    assert there("GET", path).status_code == 404
    assert here("DELETE", "/collections/orders").status_code == 204
    assert there("GET", "/collections/orders/documents").status_code == 404
    missing = here("PATCH", f"/collections/people/documents/{GONE}", {"n": 1})
    assert (missing.status_code, missing.json()) == (404, {"detail": "Document not found"})


@pytest.mark.long
async def test_either_instance_answers_for_both(pair: Pair, two: Two) -> None:
    """What the other one owns is sent on as it came, and answered in CocoBase's form."""
    cluster, one, other = pair
    assert two.own != two.far
    for owner in (one, other):
        project = await asyncio.to_thread(project_of, cluster, owner)
        await asyncio.to_thread(story, at(project, one), at(project, other))


def names_at_once(here: Project, there: Project) -> None:
    """Many at both instances want the same names."""

    def make(side: Project) -> int:
        return side("POST", "/collections/", {"name": "at_once"}).status_code

    def write_first(side: Project) -> str:
        return str(side.document("implied", {"n": 1})["collection_id"])

    with ThreadPoolExecutor(16) as many:
        sides = [here, there] * 10
        made, first = many.map(make, sides), many.map(write_first, sides)
        assert sorted(made) == [201] + [400] * 19
        assert len(set(first)) == 1
    assert len(there.documents("implied")) == 20


@pytest.mark.long
async def test_of_many_at_both_instances_one_gets_the_name(pair: Pair, two: Two) -> None:
    """Section 4: the owner of the stream alone decides, wherever it is asked."""
    cluster, one, other = pair
    assert two.own != two.far
    for owner in (one, other):
        project = await asyncio.to_thread(project_of, cluster, owner)
        await asyncio.to_thread(names_at_once, at(project, one), at(project, other))


@pytest.mark.long
async def test_who_watches_at_one_instance_hears_what_is_written_at_the_other(
    pair: Pair, two: Two
) -> None:
    """Section 9: what watchers are told comes from the log, not from who has written it."""
    cluster, one, other = pair
    assert two.own != two.far
    project = await asyncio.to_thread(project_of, cluster, one)
    here, there = at(project, one), at(project, other)
    books = await asyncio.to_thread(here.collection)

    async with watching(here, books["id"]) as near, watching(there, books["id"]) as far:
        for side in (here, there):
            made = await asyncio.to_thread(side.document, books["id"], {"n": side.origin})
            for socket in (near, far):
                assert (await said(socket))["data"] == made
                assert side.origin in here.names(books["id"]) & there.names(books["id"])
