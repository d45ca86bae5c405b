"""What the tests of the query service share."""

from collections.abc import Generator

import pytest

from tests.integration.query.stations import fill
from tests.support.querying import QueryService, query_service
from tests.support.stack import Stack


@pytest.fixture(scope="package")
def server(stack: Stack) -> Generator[QueryService]:
    """The query service on the rows of `stations.py`, which no test changes."""
    with query_service(stack, fill) as service:
        yield service
