"""Paths of other wire formats: who answers for them, and in which form."""

from collections.abc import Mapping

import orjson
import pytest
from multidict import CIMultiDict

from muniment.runtime.settings import Settings
from muniment.web.dialects import Call, Calls, Dialects, Matched, WrongMethod
from muniment.web.edge import Edge
from muniment.web.errors import too_large
from muniment.web.http import Request, Response
from muniment.web.pipeline import Pipeline, Unavailable


class Notes:
    """A dialect that answers what the test says."""

    prefixes = ("/notes", "/v1/notes")

    def __init__(self, outcome: Response | Exception) -> None:
        self._outcome = outcome

    async def handle(self, request: Request) -> Response:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def error_body(self, status: int, message: str) -> bytes:
        return orjson.dumps({"note": f"{status}: {message}"})

    def complete(self, request: Request, response: Response) -> None:
        response.headers["Note"] = request.method


async def done(_: Request, names: Mapping[str, str]) -> Response:
    return Response(body=orjson.dumps(names))


def through(outcome: Response | Exception, **settings: object) -> Pipeline:
    edge = Edge(Settings.model_validate(settings))
    return edge.pipeline(service="test", checks={}, dialects=[Notes(outcome)])


def request(method: str, path: str) -> Request:
    return Request(method=method, raw_path=path, headers=CIMultiDict(), base_url="", id="r-1")


@pytest.mark.parametrize("path", ["/notes", "/notes/", "/notes/a/b", "/v1/notes/a"])
async def test_a_dialect_answers_for_its_paths(path: str) -> None:
    response = await through(Response(status=201, body=b"{}")).handle(request("PATCH", path))

    assert response.status == 201
    assert response.headers["Note"] == "PATCH"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/v1/", "/notesque", "/v1/notesque", "/v2/notes"])
async def test_other_paths_are_those_of_the_api(path: str) -> None:
    response = await through(Response(status=418)).handle(request("GET", path))

    assert response.status != 418
    assert "Note" not in response.headers


@pytest.mark.parametrize(
    ("outcome", "status"), [(Unavailable("away"), 503), (RuntimeError("broken"), 500)]
)
async def test_what_a_dialect_raises_is_told_in_its_form(outcome: Exception, status: int) -> None:
    response = await through(outcome).handle(request("GET", "/notes"))

    assert response.status == status
    assert response.body is not None
    assert orjson.loads(response.body)["note"].startswith(f"{status}: ")


async def test_an_api_that_only_reads_takes_no_writes_of_a_dialect() -> None:
    response = await through(Response(), readonly=True).handle(request("PATCH", "/notes"))

    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert response.body == b'{"note":"405: Method not allowed on this endpoint."}'


async def test_what_the_server_refuses_is_told_in_the_form_of_the_dialect() -> None:
    refused = too_large(10)

    through(Response()).complete(request("POST", "/notes/a"), refused)

    assert refused.body == b'{"note":"413: The body of a request is limited to 10 bytes."}'
    assert refused.headers["Note"] == "POST"


def calls() -> Calls:
    both: dict[str, Call] = {"GET": done, "DELETE": done}
    return Calls({"/notes/new": {"POST": done}, "/notes/{note}": both, "/notes": {"POST": done}})


@pytest.mark.parametrize(
    ("method", "path", "template", "names"),
    [
        ("POST", "/notes", "/notes", {}),
        ("POST", "/notes/", "/notes", {}),
        ("POST", "/notes/new", "/notes/new", {}),
        ("GET", "/notes/new", "/notes/{note}", {"note": "new"}),
        ("DELETE", "/notes/a%2Fb%20c/", "/notes/{note}", {"note": "a/b c"}),
    ],
)
def test_a_call_is_found_by_path_and_method(
    method: str, path: str, template: str, names: Mapping[str, str]
) -> None:
    asked = request(method, path)

    matched = calls().match(asked)

    assert isinstance(matched, Matched)
    assert (asked.target.template, matched.names) == (template, names)


def test_a_known_path_says_what_it_allows() -> None:
    assert calls().match(request("PATCH", "/notes/new")) == WrongMethod(
        "POST, GET, DELETE, OPTIONS"
    )


@pytest.mark.parametrize("path", ["/notes/a/b", "/other"])
def test_an_unknown_path_is_no_call(path: str) -> None:
    assert calls().match(request("GET", path)) is None


def test_without_dialects_no_path_is_anybodys() -> None:
    assert Dialects([]).of("/notes") is None
