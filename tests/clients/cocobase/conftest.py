"""One server for all tests of the dialect, each with a project of its own."""

from collections.abc import Generator
from typing import Final

import pytest

from tests.clients.cocobase.project import Project, new_project
from tests.clients.requester import Requester
from tests.support.server import MunimentServer, new_server
from tests.support.stack import Stack

ADMIN: Final = "atlas-admin"
WEBHOOKS_SECRET: Final = "of the test"
SETTINGS: Final = {
    "webhooks_secret": WEBHOOKS_SECRET,
    "auth_policies": "account",
    "account_write_principals": f"account:{ADMIN}",
    "account_create_principals": "system.Everyone",
    "bucket_write_principals": f"account:{ADMIN}",
}


@pytest.fixture(scope="package")
def cocobase_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    """A server as the contract's section 14 asks for."""
    with new_server(stack, tmp_path_factory.mktemp("cocobase"), SETTINGS) as server:
        yield server


@pytest.fixture(scope="package")
def admin(cocobase_server: MunimentServer) -> Generator[Requester]:
    """Who makes projects, and may do anything in them through `/v1`."""
    account = {"data": {"password": "password"}}
    with Requester(cocobase_server.origin, None) as nobody:
        made = nobody("PUT", f"/v1/accounts/{ADMIN}", account)
    assert made.status_code == 201, made.text
    with Requester(cocobase_server.origin, ADMIN) as requester:
        yield requester


@pytest.fixture(scope="module")
def project(admin: Requester) -> Generator[Project]:
    """A project for the module."""
    made = new_project(admin)
    yield made
    made.session.close()


@pytest.fixture(scope="module")
def shared_project(project: Project, admin: Requester) -> Project:
    """The same, which the administrator may write through `/v1`."""
    writers = [f"project:{project.id}", f"account:{ADMIN}"]
    bucket = f"/v1/buckets/{project.id}"
    answer = admin("PATCH", bucket, {"permissions": {"write": writers}})
    assert answer.status_code == 200, answer.text
    return project
