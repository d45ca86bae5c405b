"""What every answer of Muniment has, besides what its document says."""

from typing import Any, Final

import orjson
from schemathesis import CheckContext, Response

from tests.clients.fuzzing.cases import AnyCase, has_revisions
from tests.clients.fuzzing.oddities import noted


def what_must_be_refused_is(ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """D-7: a clear 4xx, never a 2xx and never a 5xx."""
    oddity = noted.get(case.id)
    assert oddity is None or not oddity.is_refused or 400 <= response.status_code < 500


def headers_of_every_answer(ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """BASE-4, BASE-5, AUTH-7, SIG-2, section 9.3."""
    headers, status = response.headers, response.status_code
    assert headers["x-content-type-options"] == ["nosniff"]
    assert headers["content-security-policy"][0].startswith("default-src 'none'; ")
    assert "access-control-expose-headers" in headers
    assert ("www-authenticate" in headers) is (status == 401)
    assert ("retry-after" in headers) is (status in (409, 503))
    assert ("allow" in headers) is (status == 405)
    if has_revisions(case) and status in (200, 201, 304, 412):
        assert headers["etag"][0].strip('"').isdigit()
        assert headers["last-modified"][0].endswith(" GMT")


def form_of_every_error(ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """ERR-1 to ERR-4: what there is nothing to say about is left out, the first fault is told."""
    if response.status_code < 400 or case.path == "/__heartbeat__":
        return
    body: dict[str, Any] = orjson.loads(response.content)
    assert body["code"] == response.status_code
    assert isinstance(body["errno"], int)
    assert body["error"]
    assert all(body[name] for name in ("message", "info", "details") if name in body)
    if isinstance(body.get("details"), list):
        details: list[dict[str, Any]] = body["details"]
        assert details[0]["description"] in body["message"]
        assert details == sorted(details, key=lambda fault: str(fault["name"]))


CHECKS: Final = (what_must_be_refused_is, headers_of_every_answer, form_of_every_error)
"""All of them; Schemathesis calls them by their names."""
