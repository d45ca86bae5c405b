"""Query strings that no well-meaning client sends, as they stand on the wire."""

import base64
from typing import Final

import orjson


def _token(**content: object) -> str:
    return "_token=" + base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def _newest(*last: object, **more: object) -> str:
    """A token of the default order."""
    return _token(sort="-last_modified", last=last, **more)


REFUSED: Final[tuple[str, ...]] = (
    "a=%FF",
    "%C3%28=1",
    "a=%00",
    "%00=1",
    "in_a=1,%00",
    "&".join(f"p{n}=1" for n in range(2000)),
    *(f"_limit={value}" for value in ("x", "-1", "1&_limit=2", "[]", "true")),
    *(
        f"{name}={value}"
        for name in ("_since", "_before", "_to", "last_modified", "min_last_modified")
        for value in ("", "x", "-1", "1.5", "1e3", "true", "%22%22", "99999999999999", "[1]")
    ),
    "_since=0&_since=1",
    "_sort=a&_sort=b",
    "_token=x",
    "_token=%00",
    "_token=" + "A" * 8000,
    _token(),
    _token(sort="-last_modified"),
    _token(last_object={"last_modified": 1}, offset=0, nonce="x"),
    *(_newest(value) for value in (2**64 - 1, -1, "1", None, True, [1])),
    _newest(1, 2),
    _newest(1, nonce=1),
    _newest(1, offset=1),
)
"""A list can only answer them by a 4xx."""

MAYBE: Final[tuple[str, ...]] = (
    "&".join(f"p{n}=1" for n in range(300)),
    "&" * 2000,
    "=&==&=1",
    "a;b;c",
    "a=%&b=%zz&c=%u0041",
    "a=" + "x" * 14_000,
    "in_a=" + ",".join(map(str, range(2000))),
    "&".join(["a=1"] * 200),
    *(f"_limit={value}" for value in ("%D9%A3", "1e400", "9" * 400, "9" * 20, "0.5", "-0", "null")),
    "_since=null",
    "_sort=" + ",".join(f"f{n}" for n in range(500)),
    "_sort=-,+,--a,a-,%00,.,..,a..b,-last_modified,last_modified",
    "_sort=" + ".".join("a" * 300),
    "_fields=" + ".".join("a" * 300),
    "_fields=" + ",".join(f"f{n}" for n in range(500)),
    "_fields=.,..,a.,.a,id.x,last_modified.y,%20",
    ".".join("a" * 300) + "=1",
    _newest(2**63 - 1),
    _newest(1, nonce="\x01"),
    "_sort=a&" + _token(sort="a,-last_modified", last=[[{"a": 1e308}], 1]),
    "_sort=id&" + _token(sort="id", last=["\U0010ffff"]),
)
"""What may be taken, or not."""

_VALUES: Final = (
    *("", "0", "1", "-1", "-0", "1e400", "9" * 400, "99999999999999", "2000-01-01"),
    *("true", "null", "NaN", "%221%22", "%22%22", "%22", "*", "*a*a*a*a*a*a*a*a*", "%25_%5C"),
    *("[]", "[[1],{}]", "{%22a%22:{%22b%22:1}}", "[" * 300, "a,b,,%22c%22,1,null,[1"),
    *("%F0%9F%98%80", "x" * 3000),
)
_OPERATORS: Final = (
    *("", "eq_", "not_", "gt_", "min_", "lt_", "max_", "in_", "exclude_", "like_", "has_"),
    *("contains_", "contains_any_"),
)
_FIELDS: Final = (
    *("id", "last_modified", "a", "a.b", "deleted", "schema", "members", "%C3%A9"),
    *("uri", "target.data.a", "bucket_id"),
)

FILTERS: Final = tuple(
    f"{operator}{field}={value}"
    for operator in _OPERATORS
    for field in _FIELDS
    for value in _VALUES
)
"""Every operator on every kind of field with every kind of value."""
