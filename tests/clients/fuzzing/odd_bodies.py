"""Bodies that no well-meaning client sends."""

from typing import Final


def _nested(depth: int) -> bytes:
    return b'{"data":{"a":' + b"[" * depth + b"]" * depth + b"}}"


def _field(value: bytes) -> bytes:
    return b'{"data":{"a":' + value + b"}}"


def _fields(name: bytes, *values: bytes) -> tuple[bytes, ...]:
    return tuple(b'{"data":{"' + name + b'":' + value + b"}}" for value in values)


REFUSED: Final[tuple[bytes, ...]] = (
    # No UTF-8, no text, no JSON.
    b"\xff\xfe{\x00}\x00",
    b"\x1f\x8b\x08\x00\x00",
    b"data=1&permissions=2",
    _field(b'"\xc3\x28"'),
    _field(b'"\xed\xa0\x80"'),
    _field(b'"\\ud800"'),
    _field(b'"\\udc00\\ud800"'),
    b'{"data":{"\\ud83d":1}}',
    _field(b'"\x00"'),
    _field(b'"\\u0000"'),
    b'{"data":{"\\u0000":1}}',
    b'{"data":{"a":{"b":["\\u0000"]}}}',
    b'{"permissions":{"read":["\\u0000"]}}',
    b'{"data":',
    b'{"data":{}}}',
    b'{"data":{}}{"data":{}}',
    b"{'data':{}}",
    b'{"data":{},}',
    b'{"data":{}/**/}',
    "ﷺ".encode(),
    # Numbers that are none, or that nothing can hold.
    *map(_field, (b"1e400", b"-1e400", b"NaN", b"Infinity", b"01", b"+1", b".5", b"9" * 400)),
    # Shapes.
    b"null",
    b"true",
    b'"data"',
    b"12",
    b"[{}]",
    b'{"data":null}',
    b'{"data":[]}',
    b'{"data":"x"}',
    b'{"permissions":[]}',
    b'{"permissions":{"fly":[]}}',
    b'{"permissions":{"read":[1]}}',
    b'{"permissions":{"read":"system.Everyone"}}',
    b'{"data":{},"more":1}',
    b'{"":{}}',
    # Depths.
    b"[" * 100_000,
    b'{"a":' * 50_000,
    _nested(100_000),
    _nested(101),
    # Ids.
    *_fields(b"id", b"null", b"12", b'""', b'"a\\n"', b'"../x"', b'"' + b"i" * 600 + b'"'),
)
"""Where a body is read at all it can only be answered by a 4xx."""

_SCHEMAS: Final = (
    b"{}",
    b"true",
    b'{"type":"nope"}',
    b'{"$ref":"#"}',
    b'{"$ref":"#/definitions/x","definitions":{"x":{"$ref":"#/definitions/x"}}}',
    b'{"$ref":"http://127.0.0.1:1/schema"}',
    b'{"pattern":"(a+)+$"}',
    b'{"properties":{"a":{"pattern":"["}}}',
    b'{"multipleOf":1e-300}',
    b'{"minLength":1e300}',
    b'{"$schema":"http://json-schema.org/draft-04/schema#","type":"object"}',
    b'{"$schema":"urn:none","required":["a"]}',
    b'{"enum":[]}',
    b'{"required":["a"],"properties":{"a":{"type":"integer"}}}',
)

_OPERATIONS: Final = (
    b"[]",
    b'[{"op":"add","path":"/data/a"}]',
    b'[{"op":"add","path":"/data/a","value":1},{"op":"copy","from":"/data","path":"/data/a"}]',
    b'[{"op":"remove","path":"/data"}]',
    b'[{"op":"remove","path":"/permissions"}]',
    b'[{"op":"replace","path":"/data","value":{"id":"other"}}]',
    b'[{"op":"replace","path":"/data","value":[]}]',
    b'[{"op":"add","path":"/data/~2","value":1}]',
    b'[{"op":"add","path":"/data/-","value":1}]',
    b'[{"op":"add","path":"/data/a/99999999999999999999","value":1}]',
    b'[{"op":"test","path":"/permissions/write/x"}]',
    b'[{"op":"add","path":"/permissions/write/~1buckets~1x~1groups~1y"}]',
    b'[{"op":"add","path":"/permissions/read","value":{"system.Everyone":1}}]',
    b'[{"op":"move","from":"/data","path":"/data/a/b"}]',
    b'[{"op":"move","from":"/permissions/read","path":"/data/a"}]',
    b'[{"op":"add","path":"/' + b"a/" * 5000 + b'","value":1}]',
)

MAYBE: Final[tuple[bytes, ...]] = (
    # Numbers.
    *map(_field, (b"-0", b"-0.0", b"1e308", b"5e-324", b"1E+2", b"0." + b"3" * 5000)),
    _field(b"18446744073709551615"),
    _field(b"123456789012345678901234567890"),
    _field(b"-9223372036854775809"),
    # Names and texts.
    b'{"data":{"a":1,"a":2},"data":{"b":1}}',
    b'{"data":{"":1,"__proto__":{"x":1},"constructor":null,"a.b":{"c.d":1}}}',
    '{"data":{"é":"\u202e","日本":"😀","\U0010ffff":"\uffff","e\u0301":"\x7f"}}'.encode(),
    b'{"data":{"\\u0001":"\\u001f","\\ud83d\\ude00":1}}',
    b'{"data":{"' + b"k" * 100_000 + b'":1}}',
    _field(b'"' + b"x" * 1_000_000 + b'"'),
    b'{"data":{' + b",".join(b'"k%d":%d' % (n, n) for n in range(5000)) + b"}}",
    b'{"permissions":{"read":[' + b",".join(b'"u%d"' % n for n in range(3000)) + b"]}}",
    b'{"permissions":{"read":["' + b"p" * 20_000 + b'","","/buckets/x/groups/y"]}}',
    _nested(90),
    # Fields that have a meaning.
    *_fields(
        b"last_modified",
        *(b"0", b"-1", b"1.5", b"true", b'"9"', b"null", b"1e3", b"[]", b"1"),
        *(b"253402300799999", b"253402300800000", b"9223372036854775807", b"1e300"),
    ),
    *_fields(b"cache_expires", b"1e300", b"-0.0", b"true", b"[]", '"\u0661"'.encode(), b'" 1"'),
    *_fields(b"members", b"5", b'"x"', b"null", b"[1]", b'["system.Everyone"]', b'["a","a",""]'),
    *_fields(b"members", b'["/buckets/a/groups/b"]', b'["' + b"m" * 1025 + b'"]'),
    *_fields(b"schema", *_SCHEMAS),
    *_fields(b"record:schema", *_SCHEMAS),
    *_fields(b"collection:schema", *_SCHEMAS),
    b'{"data":{"deleted":true,"schema":7,"password":1}}',
    *_OPERATIONS,
    # Nothing at all.
    b"",
    b" \r\n\t ",
    b"\xef\xbb\xbf{}",
    b"{}" + b" " * 100_000,
)
"""What may be taken, or not."""
