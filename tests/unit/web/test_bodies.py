"""Bodies of every wrong form are told apart, and none of them raises."""

import pytest

from muniment.domain.addresses import Kind
from muniment.domain.commands import EMPTY_BODY
from muniment.domain.refusals import Fault
from muniment.web.bodies import ECHOED_CHARS_MAX, Read, read_body, read_operations, require_a_part
from muniment.web.errors import FAULTS_TOLD_MAX
from tests.unit.web.building import text_of


def read(body: object, kind: Kind = Kind.RECORD, *, null_permissions_allowed: bool = False) -> Read:
    return read_body(
        text_of(body), kind, depth_max=100, null_permissions_allowed=null_permissions_allowed
    )


def told(faults: tuple[Fault, ...]) -> list[tuple[str | int | None, str]]:
    assert {fault.location for fault in faults} <= {"body"}
    return [(fault.name, fault.description) for fault in faults]


def test_data_and_permissions_are_read() -> None:
    """BASE-3."""
    parsed = read({"data": {"name": "Bay"}, "permissions": {"read": ["account:omar"]}})

    assert parsed.faults == ()
    assert parsed.body.data == {"name": "Bay"}
    assert parsed.body.permissions == {"read": ["account:omar"]}


@pytest.mark.parametrize("body", [b"", {}], ids=["none", "empty"])
def test_no_body_is_an_empty_one(body: object) -> None:
    """MT-5."""
    assert read(body) == Read(body=EMPTY_BODY)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{x}", "Parse error at offset 1: Missing a name for object member."),
        (
            b'{"data": {"a": 1}',
            "Parse error at offset 17: Missing a comma or '}' after an object member.",
        ),
        (b" ", "Parse error at offset 1: The document is empty."),
        (
            b"{} {}",
            "Parse error at offset 3: The document root must not be followed by other values.",
        ),
        (b'{"data": {"a": NaN}}', "Parse error at offset 15: Invalid value."),
        (b'{"data": {"a": Infinity}}', "Parse error at offset 15: Invalid value."),
        (b'{"data": {"a": -Infinity}}', "Parse error at offset 16: Invalid value."),
        (
            b'{"data": {"a": 1e400}}',
            "Parse error at offset 15: Number too big to be stored in double.",
        ),
        (b'{"data": {"a": "\xff"}}', "Parse error at offset 16: Invalid encoding in string."),
        (b"\xff\xfe", "Parse error at offset 0: Invalid encoding in string."),
        (b'{"a": "\\ud800"}', "Parse error at offset 7: The surrogate pair in string is invalid."),
        (b'{"a": "\x01"}', "Parse error at offset 7: Invalid encoding in string."),
        (b"\xef\xbb\xbf{}", "Parse error at offset 0: Invalid value."),
    ],
)
def test_broken_json_is_told_in_the_words_that_clients_compare(text: bytes, words: str) -> None:
    """ERR-6, exact; BASE-8 for numbers that no double holds."""
    assert told(read(text).faults) == [("", f"Invalid JSON: {words}")]


def test_an_integer_past_64_bits_becomes_a_double() -> None:
    """BASE-8."""
    assert read(b'{"data": {"n": 123456789012345678901234567890}}').body.data == {
        "n": 1.2345678901234568e29
    }


@pytest.mark.parametrize(
    "text",
    [
        b'{"data": {"a": "x\\u0000y"}}',
        b'{"data": {"\\u0000": 1}}',
        b'{"data": {"a": [[{"b": "\\u0000"}]]}}',
        b'{"permissions": {"read": ["\\u0000"]}}',
        b'"\\u0000"',
    ],
)
def test_nul_anywhere_is_refused(text: bytes) -> None:
    """BASE-9: Postgres could not store it."""
    assert told(read(text).faults) == [("", "Invalid character 0x00")]


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert read(b'{"data": {"a": "\\\\u0000"}}').faults == ()


@pytest.mark.parametrize(
    "text",
    [b"[" * 101, b"[" * 1_000_000, b'{"data":' * 101 + b"1" + b"}" * 101, b'{"a":[' * 100_000],
    ids=["101", "million", "closed", "mixed"],
)
def test_deep_nesting_is_refused_before_it_is_parsed(text: bytes) -> None:
    assert told(read(text).faults) == [("", "Invalid JSON: nested deeper than 100 levels")]


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"text": "[{" * 1000}},
        {"data": {"text": '"\\' * 1000 + "[" * 1000}},
        b'{"data": {"many": [' + b"[]," * 1000 + b"[]]}}",
    ],
    ids=["brackets in text", "quotes in text", "flat"],
)
def test_only_nesting_counts_as_nesting(body: object) -> None:
    assert read(body).faults == ()


@pytest.mark.parametrize("text", [b'"' + b'\\"' * 500_000 + b"[" * 101, b'"[' * 300_000])
def test_text_that_is_not_closed_is_scanned_once(text: bytes) -> None:
    """A pattern that starts anew at every quote would need minutes."""
    assert len(read(text).faults) == 1


@pytest.mark.parametrize("text", [b"null", b"1", b'"abc"', b"true"])
def test_a_scalar_is_no_body(text: bytes) -> None:
    """ERR-7 and MT-6."""
    assert told(read(text).faults) == [("", "Should be a JSON object or an array")]


def test_an_array_is_no_body() -> None:
    """ERR-9 and MT-6."""
    [(name, description)] = told(read([]).faults)

    assert name == ""
    assert description.startswith('"[]" is not a mapping type: ')


def test_unknown_keys_are_named() -> None:
    """ERR-8 and MT-7."""
    parsed = read({"data": {}, "colour": 1})

    assert told(parsed.faults) == [("", "Unrecognized keys in mapping: \"{'colour': 1}\"")]


@pytest.mark.parametrize("part", ["data", "permissions"])
@pytest.mark.parametrize("value", ["abc", None, [], 1], ids=["text", "null", "list", "number"])
def test_a_part_must_be_an_object(part: str, value: object) -> None:
    """ERR-10, ERR-11 and MT-8."""
    [(name, description)] = told(read({part: value}).faults)

    assert name == part
    assert " is not a mapping type: " in description


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Kind.BUCKET, "read, write, collection:create, group:create"),
        (Kind.COLLECTION, "read, write, record:create"),
        (Kind.RECORD, "read, write"),
        (Kind.GROUP, "read, write"),
    ],
)
def test_each_kind_has_its_permissions(kind: Kind, names: str) -> None:
    """ERR-12."""
    faults = read({"permissions": {"fly": []}}, kind).faults

    assert told(faults) == [("permissions", f'"fly" is not one of {names}')]


@pytest.mark.parametrize("holders", ["system.Everyone", None, 1, {}])
def test_principals_are_a_list(holders: object) -> None:
    """ERR-13."""
    [(name, description)] = told(read({"permissions": {"read": holders}}).faults)

    assert name == "permissions.read"
    assert description.endswith(" is not iterable")


def test_a_principal_is_text() -> None:
    """ERR-14."""
    [(name, description)] = told(read({"permissions": {"read": ["account:omar", 1]}}).faults)

    assert name == "permissions.read.1"
    assert description.startswith("1 is not a string: ")


def test_null_for_a_permission_is_let_through_where_it_has_a_meaning() -> None:
    """PERM-15 and PERM-16."""
    parsed = read({"permissions": {"read": None}}, null_permissions_allowed=True)

    assert parsed == Read(body=parsed.body)
    assert parsed.body.permissions == {"read": None}


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Section 2.3, step 7."""
    faults = read({"data": 1, "permissions": {"fly": [], "read": [1]}, "x": 1}).faults

    assert [fault.name for fault in faults] == ["", "data", "permissions", "permissions.read.0"]


@pytest.mark.parametrize(
    "body",
    [
        {"permissions": {"read": [1] * 100_000}},
        {"permissions": {str(number): 0 for number in range(100_000)}},
    ],
    ids=["principals", "names"],
)
def test_a_flood_of_faults_is_cut(body: object) -> None:
    assert len(read(body).faults) <= FAULTS_TOLD_MAX


def test_what_is_told_back_is_bounded() -> None:
    [(_, description)] = told(read({"data": "x" * 1_000_000}).faults)

    assert len(description) < 2 * ECHOED_CHARS_MAX


@pytest.mark.parametrize("body", [b"", {}])
def test_a_patch_needs_one_of_the_parts(body: object) -> None:
    """ERR-15 and PAT-4."""
    faults = require_a_part(read(body))

    assert told(faults) == [("data", "Provide at least one of data or permissions")]


@pytest.mark.parametrize("body", [{"data": {}}, {"permissions": {}}])
def test_an_empty_part_is_a_part(body: object) -> None:
    """PAT-4."""
    assert require_a_part(read(body)) == ()


def test_a_patch_of_nothing_known_tells_only_what_is_unknown() -> None:
    """ERR-8 alone, without ERR-15."""
    assert len(require_a_part(read({"y": 2}))) == 1


def test_operations_are_passed_on_as_they_are() -> None:
    """PAT-11 and C-15: `value` may be absent."""
    sent = [
        {"op": "test", "path": "/data/depth", "value": None},
        {"op": "add", "path": "/permissions/read/account:omar"},
        {"op": "move", "path": "/data/a", "from": "/data/b"},
    ]

    change, faults = read_operations(text_of(sent), depth_max=100)

    assert faults == ()
    assert list(change.operations) == sent


def test_no_operations_are_allowed() -> None:
    """PAT-11."""
    assert read_operations(b"[]", depth_max=100)[1] == ()


@pytest.mark.parametrize(
    ("operation", "name", "description"),
    [
        (
            {"op": "fly", "path": "/a"},
            "0.op",
            '"fly" is not one of test, add, remove, replace, move, copy',
        ),
        (
            {"op": [], "path": "/a"},
            "0.op",
            '"[]" is not one of test, add, remove, replace, move, copy',
        ),
        ({"path": "/a"}, "0.op", "Required"),
        ({"op": "add"}, "0.path", "Required"),
        ({"op": "add", "path": "a"}, "0.path", "String does not match expected pattern"),
        (
            {"op": "move", "path": "/a", "from": "b"},
            "0.from",
            "String does not match expected pattern",
        ),
        ({"op": "add", "path": 1}, "0.path", "1 is not a string: a path is text"),
        ({"op": "add", "path": "/a", "x": 1}, "0", "Unrecognized keys in mapping: \"{'x': 1}\""),
    ],
)
def test_a_malformed_operation_is_named(operation: object, name: str, description: str) -> None:
    """ERR-35."""
    _, faults = read_operations(text_of([operation]), depth_max=100)

    assert told(faults) == [(name, description)]


@pytest.mark.parametrize("body", [b"", {}, {"data": {}}, b"1", b"null", b"{", [1], [None]])
def test_a_json_patch_is_an_array_of_objects(body: object) -> None:
    """PAT-11: an object instead of an array is 400."""
    change, faults = read_operations(text_of(body), depth_max=100)

    assert len(faults) == 1
    assert change.operations == ()


def test_a_flood_of_malformed_operations_is_cut() -> None:
    _, faults = read_operations(b"[" + b"{}," * 100_000 + b"{}]", depth_max=100)

    assert len(faults) <= FAULTS_TOLD_MAX + 2
