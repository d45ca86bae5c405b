"""CocoBase's clients at one of two instances that share the work (contract, section 2)."""

import asyncio
import json
import subprocess
from typing import Any

import pytest
import requests

from tests.clients.cocobase.project import GONE, Project
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
