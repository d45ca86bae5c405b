"""Whatever is sent, no fault of the server comes of it, and errors have their form (section 2)."""

from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clients.cocobase.project import GONE, Project

NAMES: Final = st.sampled_from(
    ["things", GONE, "", "..", "a b", "documents", "file", "é", "a/b", "'", "\x01", "x" * 300]
)
KEYS: Final = st.sampled_from(
    [
        *("limit", "offset", "sort", "order", "sort_by", "populate", "select", "field", "format"),
        *("operation", "collection", "id", "n", "n_gt", "n__in", "[or]n", "[or:]n_ne", "?n", ""),
        *("a__or__b_contains", "x.y", "x.y_isnull", "n_endswith", "schema", "deleted"),
    ]
)
TEXTS: Final = st.sampled_from(
    ["", "1", "-1", "1e999", "1e5", "true", "null", "asc", "sum", "things", "csv", "%", "x.y", "😀"]
) | st.text(max_size=5)
QUERIES: Final = st.lists(st.tuples(KEYS, TEXTS), max_size=5)
SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
FIELDS: Final = st.sampled_from(
    [
        *("data", "name", "webhook_url", "permissions", "documents", "updates", "document_ids"),
        *("$append", "$remove", "id", "n", "schema", "deleted", "last_modified", "", GONE),
    ]
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4)


BODIES: Final = st.recursive(SCALARS, containers, max_leaves=8).map(orjson.dumps) | st.sampled_from(
    [b"", b"{", b"\xff", b'{"data": {"n": 1e400}}', b'{"a": "\\ud800"}', b"[" * 500, b'{"n":NaN}']
)
PATHS: Final = st.sampled_from(
    [
        "/collections",
        "/collections/",
        "/collections/documents",
        "/collections/{}",
        "/collections/{}/documents",
        "/collections/{}/documents/{}",
        "/collections/{}/batch/documents/create",
        "/collections/{}/batch/documents/update",
        "/collections/{}/batch/documents/delete",
        "/collections/{}/query/documents/count",
        "/collections/{}/query/documents/aggregate",
        "/collections/{}/query/documents/group-by",
        "/collections/{}/query/schema",
        "/collections/{}/export",
        "/realtime/collections/{}",
    ]
)


def placed(path: str, *names: str) -> str:
    return path.format(*(quote(name, safe="") for name in names))


@pytest.fixture(scope="module")
def things(project: Project) -> Project:
    """A project that has some."""
    project.collection("things")
    for data in ({"n": 1, "x_id": GONE}, {"n": "1", "schema": 2}, {"n": None, "deleted": True}):
        project.document("things", data)
    return project


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"]),
    path=st.builds(placed, PATHS, NAMES, NAMES),
    query=QUERIES,
    body=BODIES,
)
def test_no_input_is_a_fault_of_the_server(
    things: Project, method: str, path: str, query: Any, body: bytes
) -> None:
    answer = things.send(method, f"{path}?{urlencode(query)}", body)

    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    if answer.status_code >= 400 and method != "HEAD":
        assert list(answer.json()) == ["detail"]
