"""What every request goes through, in the contract's order."""

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from muniment.web.http import Request, Response, headers_of
from muniment.web.pipeline import Pipeline, Unavailable, misrouted
from tests.unit.web.building import ATLAS, RECORDS, details_of, json_of, pipeline, text_of

BASIC = {"Authorization": "Basic bmFkaWE6c2VjcmV0"}
ORIGIN = "https://app.example.org"


async def ask(
    through: Pipeline,
    method: str,
    raw_path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: object = None,
) -> Response:
    return await through.handle(
        Request(
            method=method,
            raw_path=raw_path,
            raw_query=query,
            headers=headers_of(headers or {}),
            body=text_of(body),
            base_url="http://data.example.org",
            id="r-1",
        )
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", RECORDS, b'{"read":true}'),
        ("HEAD", ATLAS, b'{"read":true}'),
        ("POST", RECORDS, b'{"written":true}'),
        ("DELETE", ATLAS, b'{"written":true}'),
    ],
)
async def test_reads_and_writes_have_their_handlers(method: str, path: str, body: bytes) -> None:
    """BASE-6 for HEAD."""
    assert (await ask(pipeline(), method, path)).body == body


async def test_every_answer_is_secured_and_readable_by_scripts() -> None:
    """BASE-4, BASE-5 and CORS-3."""
    for path in (RECORDS, "/v1/", "/v1/nope", "/buckets"):
        headers = (await ask(pipeline(), "GET", path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "Backoff" in headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", RECORDS), ("GET", "/v1/nope"), ("PUT", RECORDS), ("GET", "/v1"), ("OPTIONS", RECORDS)],
)
async def test_every_status_lets_the_origin_read_it(method: str, path: str) -> None:
    """CORS-6 and C-18."""
    response = await ask(pipeline(), method, path, headers={"Origin": ORIGIN})

    assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_the_requester_is_known_to_the_handler() -> None:
    seen: list[Request] = []

    async def see(request: Request) -> Response:
        seen.append(request)
        return Response()

    await ask(pipeline(reads=see), "GET", RECORDS, headers=BASIC)

    assert str(seen[0].requester.user_id).startswith("basicauth:")
    assert seen[0].target.bucket_id == "atlas"


async def test_an_origin_that_is_not_let_in_is_told_to_the_handler() -> None:
    """CORS-2, in the order of section 2.3: after the permission."""
    seen: list[Request] = []

    async def see(request: Request) -> Response:
        seen.append(request)
        return Response()

    through = pipeline(reads=see, cors_origins=("https://other.example.org",))
    await ask(through, "GET", RECORDS, headers={"Origin": ORIGIN})

    assert seen[0].faults[0].name == "Origin"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/"), ("POST", "/v1/batch"), ("POST", "/v1/__flush__"), ("GET", "/v1/__version__")],
)
async def test_utilities_refuse_an_origin_that_is_not_let_in(method: str, path: str) -> None:
    """CORS-2: a page elsewhere can send a flush without asking, as it needs no header."""
    through = pipeline(cors_origins=("https://other.example.org",), flush_enabled=True)

    response = await ask(through, method, path, headers={"Origin": ORIGIN})

    assert response.status == 400
    assert [fault["name"] for fault in json_of(response)["details"]] == ["Origin"]
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        ("/", "", "/v1/"),
        ("/buckets/x", "y=1", "/v1/buckets/x?y=1"),
        ("/v1", "a=1", "/v1/?a=1"),
        ("/v1/buckets/", "", "/v1/buckets"),
        ("/v1/buckets//", "b=%2F", "/v1/buckets?b=%2F"),
        ("//evil.example", "", "/v1//evil.example"),
        ("/é", "", "/v1/%C3%A9"),
        ("/a\r\nb", "", "/v1/a%0D%0Ab"),
    ],
)
async def test_almost_right_paths_are_redirected(path: str, query: str, location: str) -> None:
    """RT-1, RT-4 and RT-5; BASE-7: absolute."""
    response = await ask(pipeline(), "GET", path, query=query)

    assert response.status == 307
    assert response.headers["Location"] == f"http://data.example.org{location}"


async def test_a_redirect_to_the_version_is_not_kept() -> None:
    """RT-1."""
    assert "Cache-Control" not in (await ask(pipeline(), "GET", "/buckets")).headers


async def test_a_redirect_of_a_slash_is_kept() -> None:
    """RT-4 and RT-5."""
    headers = (await ask(pipeline(), "GET", "/v1/buckets/")).headers

    assert headers["Cache-Control"] == "max-age=3600"
    assert "Expires" in headers


@pytest.mark.parametrize(
    ("setting", "path"),
    [("trailing_slash_redirect_enabled", "/v1/buckets/"), ("version_prefix_redirect_enabled", "/")],
)
async def test_redirects_can_be_switched_off(setting: str, path: str) -> None:
    """Section 2.2: then 404."""
    switched_off: dict[str, Any] = {setting: False}

    response = await ask(pipeline(**switched_off), "GET", path)

    assert (response.status, json_of(response)["errno"]) == (404, 111)


@pytest.mark.parametrize("path", ["/", "/buckets", "/v1"])
async def test_a_preflight_is_not_redirected(path: str) -> None:
    """RT-2."""
    assert (await ask(pipeline(), "OPTIONS", path)).status == 200


async def test_a_known_path_answers_a_preflight() -> None:
    """CORS-4 and CORS-5; RT-7."""
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}

    response = await ask(pipeline(), "OPTIONS", "/v1/buckets", headers=headers)

    assert response.headers["Access-Control-Max-Age"] == "3600"


@pytest.mark.parametrize(
    ("path", "status", "errno"),
    [
        ("/v0/buckets", 404, 116),
        ("/v2/", 404, 116),
        ("/v1/nope", 404, 111),
        ("/v1/buckets/a%2Fb", 404, 111),
        ("/v1/buckets/a%2fcollections", 404, 111),
        ("/v1/buckets/a%2F", 404, 111),
        ("/v1/buckets%2f", 404, 111),
        ("/v1/buckets%2F/", 404, 111),
        ("/v1/__flush__", 404, 111),
        ("/v1/%82%AC", 400, 107),
        ("/v1/buckets/%00", 400, 107),
    ],
)
async def test_paths_that_name_nothing_are_told_apart(path: str, status: int, errno: int) -> None:
    """RT-3, RT-6, RT-8, ID-6 and D-1."""
    response = await ask(pipeline(), "GET", path)

    assert (response.status, json_of(response)["errno"]) == (status, errno)


async def test_an_undecodable_path_is_a_bad_request() -> None:
    """RT-8."""
    body = json_of(await ask(pipeline(), "GET", "/v1/%82%AC"))

    assert (body["error"], body["message"]) == ("Bad Request", "Invalid URL path.")


async def test_an_undecodable_query_is_a_bad_request() -> None:
    """RT-9."""
    response = await ask(pipeline(), "GET", "/v1/buckets", query="n=%FF")

    assert (response.status, json_of(response)["error"]) == (400, "Bad Request")


async def test_another_method_is_not_allowed() -> None:
    """RT-7."""
    response = await ask(pipeline(), "PUT", "/v1/buckets")

    assert (response.status, json_of(response)["errno"]) == (405, 115)
    assert response.headers["Allow"] == "HEAD, GET, POST, DELETE, OPTIONS"


async def test_a_method_that_is_switched_off_is_not_allowed() -> None:
    """OFF-1."""
    through = pipeline(method_switches={"plural_bucket_post_enabled": False})

    response = await ask(through, "POST", "/v1/buckets")

    assert (response.status, response.headers["Allow"]) == (405, "HEAD, GET, DELETE, OPTIONS")


@pytest.mark.parametrize("path", ["/v1/buckets", "/v1/nope", "/buckets"])
async def test_a_readonly_server_refuses_writes_before_all(path: str) -> None:
    """RO-1."""
    response = await ask(pipeline(readonly=True), "POST", path)

    assert (response.status, json_of(response)["errno"]) == (405, 115)


async def test_a_readonly_server_reads() -> None:
    """RO-1."""
    assert (await ask(pipeline(readonly=True), "GET", RECORDS)).status == 200


async def test_media_types_come_before_authentication() -> None:
    """MT-1 and MT-2, section 2.3 step 3."""
    accepted = await ask(pipeline(), "GET", RECORDS, headers={"Accept": "text/html"})
    sent = await ask(pipeline(), "PUT", ATLAS, headers={"Content-Type": "text/plain"})

    assert (accepted.status, sent.status) == (406, 415)


async def test_utilities_do_not_judge_media_types() -> None:
    """MT-1."""
    assert (await ask(pipeline(), "GET", "/v1/", headers={"Accept": "text/html"})).status == 200


async def test_flush_exists_when_it_is_switched_on() -> None:
    """FL-1."""
    response = await ask(pipeline(flush_enabled=True), "POST", "/v1/__flush__")

    assert response.body == b'{"written":true}'


async def test_signals_are_on_every_answer() -> None:
    """SIG-1."""
    through = pipeline(backoff=30)

    for path in (RECORDS, "/v1/nope", "/v1"):
        assert (await ask(through, "GET", path)).headers["Backoff"] == "30"


async def test_after_the_end_of_service_all_is_gone() -> None:
    """SIG-4."""
    response = await ask(pipeline(eos=date(2020, 1, 1)), "GET", "/")

    assert response.status == 410
    assert "hard-eol" in response.headers["Alert"]


async def test_an_alert_of_the_endpoint_itself_stays() -> None:
    """SIG-5."""

    async def deprecated(_: Request) -> Response:
        return Response(headers={"Alert": "own"})

    response = await ask(pipeline(reads=deprecated, eos=date(2999, 1, 1)), "GET", RECORDS)

    assert response.headers["Alert"] == "own"


async def test_what_a_handler_raises_is_logged_once_and_told_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """ERR-5 and CORS-6."""

    async def broken(_: Request) -> Response:
        raise ZeroDivisionError("the secret of the inside")

    with caplog.at_level(logging.ERROR):
        response = await ask(pipeline(reads=broken), "GET", RECORDS, headers={"Origin": ORIGIN})

    assert (response.status, json_of(response)["errno"]) == (500, 999)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert b"secret" not in (response.body or b"")
    assert len(caplog.records) == 1


async def test_a_backend_that_fails_may_be_asked_again() -> None:
    """SIG-2, table 5.2."""

    async def waiting(_: Request) -> Response:
        raise Unavailable("no owner")

    response = await ask(pipeline(writes=waiting), "POST", RECORDS)

    assert (response.status, json_of(response)["errno"]) == (503, 201)
    assert response.headers["Retry-After"] == "3"


async def test_a_service_says_when_it_is_the_wrong_one() -> None:
    response = await ask(pipeline(reads=misrouted), "GET", RECORDS)

    assert response.status == 404
    assert "gateway" in json_of(response)["message"]


async def test_a_preflight_without_its_headers_is_refused() -> None:
    """CORS-4."""
    assert len(details_of(await ask(pipeline(), "OPTIONS", RECORDS))) == 2


async def test_metrics_are_served_as_text() -> None:
    """MET-1."""
    through: Any = pipeline()
    await ask(through, "GET", RECORDS)

    response = await ask(through, "GET", "/v1/__metrics__")

    assert response.headers["Content-Type"].startswith("text/plain")
    assert b"muniment_http_requests_total" in (response.body or b"")


@pytest.mark.parametrize(("level", "lines"), [(logging.DEBUG, 1), (logging.INFO, 0)])
async def test_each_request_is_a_line_at_level_debug_only(
    caplog: pytest.LogCaptureFixture, level: int, lines: int
) -> None:
    with caplog.at_level(level):
        await ask(pipeline(), "GET", RECORDS)

    assert sum("request.answered" in record.getMessage() for record in caplog.records) == lines
