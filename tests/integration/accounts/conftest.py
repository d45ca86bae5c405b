"""What the tests of accounts share."""

from collections.abc import Generator

import pytest

from tests.clients.requester import Requester
from tests.integration.accounts.site import ADMIN, PASSWORD, Login, Site, sign_up
from tests.support.server import running_server
from tests.support.stack import Stack, new_database, new_name


@pytest.fixture(scope="package")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    data_dir = tmp_path_factory.mktemp("accounts") / "data"
    with (
        new_database(stack) as postgres_url,
        running_server(
            data_dir,
            stack=Stack(stack.kafka_url, postgres_url),
            settings={
                "topic_prefix": new_name(),
                "auth_policies": "account",
                "account_create_principals": "system.Everyone",
                "account_write_principals": f"account:{ADMIN}",
                "account_read_principals": f"account:{ADMIN}",
                "user_data_delete_principals": f"account:{ADMIN}",
            },
        ) as server,
    ):
        yield Site(server, postgres_url)


@pytest.fixture
def login(site: Site) -> Generator[Login]:
    made: list[Requester] = []

    def login(name: str | None, password: str = PASSWORD) -> Requester:
        made.append(Requester(site.origin, name, password))
        return made[-1]

    yield login
    for requester in made:
        requester.close()


@pytest.fixture
def anonymous(login: Login) -> Requester:
    return login(None)


@pytest.fixture
def name(anonymous: Requester) -> str:
    """Somebody who has signed up."""
    name = new_name()
    assert sign_up(anonymous, name).status_code == 201
    return name


@pytest.fixture
def admin(login: Login, anonymous: Requester) -> Requester:
    sign_up(anonymous, ADMIN)
    return login(ADMIN)
