"""Section 9.4: the truth table of `If-Match` and `If-None-Match`, row by row."""

from functools import partial
from typing import Any, Final

import pytest

from tests.clients.requester import IF_NONE, Atlas, at_once, data, quoted, revision

CURRENT: Final = "current"
OTHER: Final = '"1"'

# row, method, path, body, header, value, status, whether 412 shows what is there
Case = tuple[str, str, str, Any, str, str, int, bool]


def cases() -> list[Case]:
    found: list[Case] = []
    for row, methods, path, body, outcomes in TABLE:
        for method in methods:
            for (header, value), (status, shows) in zip(COLUMNS, outcomes, strict=True):
                found.append((row, method, path, body, header, value, status, shows))
    return found


COLUMNS: Final = [
    ("If-Match", CURRENT),
    ("If-Match", OTHER),
    ("If-Match", "*"),
    ("If-None-Match", CURRENT),
    ("If-None-Match", OTHER),
    ("If-None-Match", "*"),
]

OK, MADE, NOT_MODIFIED, MISSING = (200, False), (201, False), (304, False), (404, False)
FAILS, SHOWS = (412, False), (412, True)

A: Final = "{records}/a"
NONE: Final = "{records}/none"
GONE: Final = "{records}/gone"

TABLE: Final[list[tuple[str, tuple[str, ...], str, Any, list[tuple[int, bool]]]]] = [
    ("G", ("GET", "HEAD"), A, None, [OK, SHOWS, OK, NOT_MODIFIED, OK, SHOWS]),
    ("L", ("GET", "HEAD"), "{records}", None, [OK, FAILS, OK, NOT_MODIFIED, OK, FAILS]),
    ("M", ("GET", "PATCH", "DELETE"), NONE, {"data": {}}, [MISSING] * 6),
    ("M", ("GET", "PATCH", "DELETE"), GONE, {"data": {}}, [MISSING] * 6),
    ("U", ("PUT", "PATCH", "DELETE"), A, {"data": {}}, [OK, SHOWS, OK, OK, OK, SHOWS]),
    ("C", ("PUT",), NONE, {}, [FAILS, FAILS, FAILS, MADE, MADE, MADE]),
    ("C", ("PUT",), GONE, {}, [FAILS, FAILS, FAILS, MADE, MADE, MADE]),
    ("P1", ("POST",), "{records}", {"data": {"id": "a"}}, [OK, SHOWS, OK, OK, OK, SHOWS]),
    ("P2", ("POST",), "{records}", {"data": {"id": "new"}}, [MADE, FAILS, MADE, MADE, MADE, MADE]),
    ("P2", ("POST",), "{records}", {}, [MADE, FAILS, MADE, MADE, MADE, MADE]),
    ("B", ("DELETE",), "{records}", None, [OK, FAILS, OK, OK, OK, FAILS]),
]


@pytest.fixture
def furnished(atlas: Atlas) -> Atlas:
    """Records `a` and `b`, and the tombstone of `gone`."""
    for id_ in ("a", "gone", "b"):
        atlas.record(id_, {"n": 1})
    atlas.nadia("DELETE", f"{atlas.records}/gone")
    return atlas


def current(atlas: Atlas, row: str) -> int:
    """The timestamp that the row compares: of the object `a`, or of the list."""
    path = f"{atlas.records}/a" if row in {"G", "U", "P1"} else atlas.records
    return revision(atlas.nadia("HEAD", path))


@pytest.mark.parametrize(
    "case", cases(), ids=[f"{c[0]}-{c[1]}-{c[2][9:]}-{c[4]}-{c[5]}" for c in cases()]
)
def test_each_cell_of_the_truth_table(furnished: Atlas, case: Case) -> None:
    """Section 9.4, PRE-1, PRE-3, POST-5, D-14, PUT-7, PUT-8, C-8: status, ETag, what is shown."""
    row, method, path, body, header, value, status, shows = case
    at = current(furnished, row)
    existing = data(furnished.nadia("GET", f"{furnished.records}/a"))
    sent = quoted(at) if value == CURRENT else value
    body = None if method in {"GET", "HEAD"} else body

    answer = furnished.nadia(method, furnished.path(path), body, {header: sent})

    assert answer.status_code == status, answer.text
    if status in {304, 412}:
        assert revision(answer) == at
        assert answer.headers["Last-Modified"].endswith("GMT")
    if status == 412 and method != "HEAD":
        assert answer.json().get("details") == ({"existing": existing} if shows else None)


def test_not_modified_has_no_body(furnished: Atlas) -> None:
    """PRE-3, CACHE-5, C-14: nor its type, nor cache headers."""
    etag = quoted(furnished.revision())

    answer = furnished.nadia("GET", furnished.records, headers={"If-None-Match": etag})

    assert answer.status_code == 304
    assert answer.content == b""
    assert not {"Content-Type", "Cache-Control", "Expires"} & set(answer.headers)
    assert answer.headers["ETag"] == etag
    assert answer.headers["Last-Modified"]


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "status"),
    [(CURRENT, "*", 412), (OTHER, '"2"', 412), (CURRENT, '"2"', 200), ("*", "*", 412)],
)
def test_both_headers(furnished: Atlas, if_match: str, if_none_match: str, status: int) -> None:
    """PRE-2: an existing object fails `If-None-Match: *` first; then `If-Match` is judged."""
    at = quoted(current(furnished, "U"))
    headers = {
        "If-Match": at if if_match == CURRENT else if_match,
        "If-None-Match": if_none_match,
    }

    answer = furnished.nadia("PUT", f"{furnished.records}/a", {}, headers)

    assert answer.status_code == status


def test_of_two_writes_on_one_revision_one_succeeds(furnished: Atlas) -> None:
    """PRE-5: check and write are one step."""
    headers = {"If-Match": quoted(current(furnished, "U"))}
    path = f"{furnished.records}/a"

    answers = at_once(
        *(partial(furnished.nadia, "PUT", path, {"data": {"n": n}}, headers) for n in range(8))
    )

    [won] = [answer for answer in answers if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(412) == 7
    assert data(furnished.nadia("GET", path)) == data(won)


def test_tags_are_equal_or_not_and_have_no_order(furnished: Atlas) -> None:
    """Section 9.3: a greater number is as wrong as a smaller."""
    path = f"{furnished.records}/a"
    greater = quoted(current(furnished, "U") + 1)

    assert furnished.nadia("PUT", path, {}, {"If-Match": greater}).status_code == 412
    assert furnished.nadia("GET", path, headers={"If-None-Match": greater}).status_code == 200


def test_after_an_unknown_outcome_a_repeat_tells(furnished: Atlas) -> None:
    """E-13, C-10: with a precondition a write that took effect is refused the second time."""
    once = [furnished.nadia("PUT", f"{furnished.records}/x", {}, IF_NONE) for _ in range(2)]
    stale = {"If-Match": quoted(current(furnished, "U"))}
    twice = [furnished.nadia("PUT", f"{furnished.records}/a", {}, stale) for _ in range(2)]

    assert [answer.status_code for answer in once] == [201, 412]
    assert [answer.status_code for answer in twice] == [200, 412]
