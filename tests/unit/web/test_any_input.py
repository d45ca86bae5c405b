"""Whatever a client sends, it is never the server that fails."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.commands import DocumentPatch, FieldsPatch, JsonPatch, MergePatch, Patch
from muniment.web.commands import CommandReader
from muniment.web.errors import invalid
from muniment.web.http import Request, Response, headers_of
from tests.unit.web.building import RECORDS, pipeline, target_of

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
# What the parser makes of bytes that are no UTF-8.
WILD = st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))

NAMES = st.sampled_from(
    [
        "Accept",
        "Authorization",
        "Content-Type",
        "If-Match",
        "If-None-Match",
        "Origin",
        "Response-Behavior",
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
        "traceparent",
    ]
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
PATHS = st.one_of(
    WILD.map(lambda text: "/" + text),
    WILD.map(lambda text: f"/v1/{text}"),
    WILD.map(lambda text: f"{RECORDS}/{text}"),
    st.just(RECORDS),
    st.just(f"{RECORDS}/a"),
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "data": JSON | st.fixed_dictionaries({"id": JSON}),
        "permissions": JSON | st.dictionaries(st.sampled_from(["read", "write"]), JSON),
        "other": JSON,
    },
)
OPERATION = st.fixed_dictionaries(
    {}, optional={"op": JSON, "path": JSON, "from": JSON, "value": JSON, "other": JSON}
)


def written(value: Any) -> bytes:
    # `orjson` writes no integers past 64 bits; what it cannot write is sent as it is shown.
    try:
        return orjson.dumps(value)
    except TypeError:
        return repr(value).encode("utf-8", "replace")


BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(written),
    PARTS.map(written),
    st.lists(OPERATION, max_size=4).map(written),
)

READER = CommandReader()


async def read_command(request: Request) -> Response:
    command = READER.read(request)
    return invalid(command.faults) if command.faults else Response(status=201, body=b"{}")


@given(
    method=METHODS,
    path=PATHS,
    query=WILD,
    headers=st.dictionaries(NAMES, WILD, max_size=5),
    body=BODIES,
)
async def test_no_request_makes_the_server_fail(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    """D-7: never 500 for client input."""
    request = Request(
        method=method,
        raw_path=path,
        raw_query=query,
        headers=headers_of(headers),
        body=body,
        base_url="http://data.example.org",
        id="r-1",
    )

    response = await PIPELINE.handle(request)

    assert response.status < 500
    assert all(text.isascii() for text in response.headers.values())
    if response.body:
        orjson.loads(response.body)


PIPELINE = pipeline(writes=read_command, cors_origins=("https://app.example.org",))


@given(
    body=BODIES,
    media_type=st.sampled_from(
        ["application/json", "application/merge-patch+json", "application/json-patch+json"]
    ),
)
def test_every_body_becomes_a_command_or_a_fault(body: bytes, media_type: str) -> None:
    """What passes has the types that the domain relies on."""
    command = READER.read(
        Request(
            method="PATCH",
            raw_path="",
            headers=headers_of({"Content-Type": media_type}),
            body=body,
            base_url="",
            id="r-1",
            target=target_of(f"{RECORDS}/a"),
        )
    )

    assert isinstance(command, Patch)
    match command.change:
        case FieldsPatch(body=read) | MergePatch(body=read):
            assert read.data is None or isinstance(read.data, dict)
            assert all(isinstance(name, str) for name in read.permissions or {})
        case JsonPatch(operations=operations):
            assert all(isinstance(operation["path"], str) for operation in operations)
        case DocumentPatch():
            pytest.fail("no media type of /v1 asks for that")
