"""One database for the suite: each example fills a list of its own."""

from collections.abc import Generator

import pytest

from tests.contract.lists.table import Table
from tests.support.stack import Stack, new_database


@pytest.fixture(scope="package")
def table(stack: Stack) -> Generator[Table]:
    with new_database(stack) as url:
        table = Table(url)
        yield table
        table.close()
