"""Commands as they come out of requests."""

from uuid import UUID

import pytest

from muniment.domain.addresses import Kind, is_valid_id
from muniment.domain.commands import (
    Create,
    Delete,
    DeleteMany,
    FieldsPatch,
    JsonPatch,
    MergePatch,
    Patch,
    Put,
)
from muniment.domain.refusals import Fault
from muniment.web.commands import CommandReader, NoCommand
from muniment.web.identifiers import make_object_id, request_id
from tests.unit.web.building import ATLAS, NADIA, RECORDS, STATIONS, request

READER = CommandReader()
ST_1 = f"{RECORDS}/st-1"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def create(body: object = None, path: str = RECORDS) -> Create:
    command = READER.read(request("POST", path, body=body))
    assert isinstance(command, Create)
    return command


def put(body: object = None, **headers: str) -> Put:
    command = READER.read(request("PUT", ST_1, body=body, headers=headers))
    assert isinstance(command, Put)
    return command


def patch(body: object = None, **headers: str) -> Patch:
    command = READER.read(
        request(
            "PATCH", ST_1, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
    )
    assert isinstance(command, Patch)
    return command


def delete(query: str) -> Delete:
    command = READER.read(request("DELETE", ST_1, query=query))
    assert isinstance(command, Delete)
    return command


def names(faults: tuple[Fault, ...]) -> list[str | int | None]:
    return [fault.name for fault in faults]


def test_a_record_without_an_id_gets_a_uuid() -> None:
    """Section 1.1."""
    command = create({"data": {"n": 1}})

    assert not command.id_from_client
    assert UUID(command.address.id).version == 4
    assert command.address.collection_id == "stations"


@pytest.mark.parametrize("kind", [Kind.BUCKET, Kind.COLLECTION, Kind.GROUP])
def test_other_objects_get_eight_characters(kind: Kind) -> None:
    """Section 1.1."""
    made = {make_object_id(kind) for _ in range(500)}

    assert len(made) == 500
    assert {len(object_id) for object_id in made} == {8}
    assert all(is_valid_id(object_id) for object_id in made)


def test_the_clients_id_is_kept() -> None:
    command = create({"data": {"id": "st-1"}})

    assert command.id_from_client
    assert command.address.id == "st-1"


@pytest.mark.parametrize(
    ("given", "held"), [("b!", "b!"), ("", ""), (1, ""), (None, ""), (["a"], ""), ("a\n", "a\n")]
)
def test_an_id_that_is_not_valid_is_held_for_the_domain_to_refuse(given: object, held: str) -> None:
    """ID-3 and ID-4: judged before the permission, so it is no fault among others."""
    command = create({"data": {"id": given}})

    assert command.id_from_client
    assert command.address.id == held
    assert not is_valid_id(command.address.id)
    assert command.faults == ()


def test_a_body_that_is_no_json_is_told_after_the_permission() -> None:
    """Section 2.3: the fault travels inside the command (ERR-6)."""
    command = create(b"{x}")

    assert not command.id_from_client
    assert names(command.faults) == [""]


def test_faults_do_not_hide_the_id() -> None:
    """PERM-4 depends on it."""
    command = create({"data": {"id": "st-1"}, "permissions": {"fly": []}})

    assert command.address.id == "st-1"
    assert names(command.faults) == ["permissions"]


def test_query_parameters_of_a_post_are_ignored() -> None:
    """POST-6."""
    command = READER.read(request("POST", RECORDS, query="_limit=x&last_modified=y"))

    assert isinstance(command, Create)
    assert command.faults == ()


def test_a_put_addresses_its_object() -> None:
    command = put({"data": {"n": 1, "id": "st-1"}}, **{"If-Match": '"5"'})

    assert command.address.uri == "/buckets/atlas/collections/stations/records/st-1"
    assert command.preconditions.if_match == 5
    assert command.faults == ()


def test_a_put_without_a_body_keeps_all() -> None:
    """PUT-3 and MT-5."""
    assert put().body.data is None


@pytest.mark.parametrize("given", ["st-2", None, 1, ""])
def test_an_id_that_differs_from_the_urls_is_a_fault(given: object) -> None:
    """ID-5, for PUT and for PATCH."""
    body = {"data": {"id": given}}

    assert names(put(body).faults) == ["id"]
    assert names(patch(body).faults) == ["id"]
    assert put(body).faults[0].description == "Object id does not match existing object"


def test_both_preconditions_are_judged() -> None:
    """ERR-22 and section 2.3, step 7: all faults at once."""
    command = put(b"[", **{"If-Match": "5", "If-None-Match": "x"})

    assert names(command.faults) == ["If-Match", "If-None-Match", ""]


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("application/json", FieldsPatch),
        ("application/merge-patch+json", MergePatch),
        ("application/merge-patch+json; charset=utf-8", MergePatch),
    ],
)
def test_the_content_type_says_what_a_patch_means(content_type: str, kind: type) -> None:
    """PAT-2, PAT-3 and MT-3."""
    command = patch({"data": {"a": None}}, Content_Type=content_type)

    assert isinstance(command.change, kind)
    assert command.faults == ()


def test_a_json_patch_is_read_as_operations() -> None:
    """PAT-11 and MT-3."""
    operations = [{"op": "remove", "path": "/data/a"}]

    command = patch(operations, Content_Type="application/json-patch+json; charset=utf-8")

    assert command.change == JsonPatch(operations=operations)


def test_null_permissions_have_a_meaning_in_a_patch_only() -> None:
    """PERM-15, PERM-16 and ERR-13."""
    body = {"permissions": {"read": None}}

    assert patch(body).faults == ()
    assert names(put(body).faults) == ["permissions.read"]


@pytest.mark.parametrize("behavior", ["full", "light", "diff"])
def test_the_behavior_is_passed_on(behavior: str) -> None:
    """PAT-7."""
    assert patch({"data": {}}, Response_Behavior=behavior).behavior == behavior


@pytest.mark.parametrize("behavior", ["loud", "Light", "", "light, diff"])
def test_another_behavior_is_a_fault(behavior: str) -> None:
    """ERR-23 and PAT-7."""
    [fault] = patch({"data": {}}, Response_Behavior=behavior).faults

    assert (fault.location, fault.name) == ("header", "Response-Behavior")
    assert fault.description == f'"{behavior}" is not one of full, light, diff'


def test_a_header_that_is_no_utf_8_is_told_as_far_as_it_is() -> None:
    """D-7: an answer can only be text."""
    [fault] = patch({"data": {}}, Response_Behavior="\udce9t\udce9").faults

    assert fault.description == '"?t?" is not one of full, light, diff'


def test_only_a_patch_has_a_behavior() -> None:
    assert put({}, **{"Response-Behavior": "loud"}).faults == ()


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", None),
        ("last_modified=12", 12),
        ("last_modified=%2212%22", 12),
        ("last_modified=-3", -3),
        ("x=1", None),
    ],
)
def test_a_delete_may_ask_for_its_timestamp(query: str, wanted: int | None) -> None:
    """TS-9 and DEL-3."""
    command = delete(query)

    assert (command.last_modified, command.faults) == (wanted, ())


@pytest.mark.parametrize(
    "value",
    [
        "abc",
        "",
        "1.5",
        "null",
        "%2212",
        "9" * 30,
        "9" * 5000,
        "1&last_modified=2",
        "253402300800000",
    ],
)
def test_a_timestamp_that_is_no_integer_or_no_date_is_a_fault(value: str) -> None:
    """TS-9 and TS-7: the reference crashes."""
    [fault] = delete(f"last_modified={value}").faults

    assert (fault.location, fault.name) == ("querystring", "last_modified")


def test_a_body_of_a_delete_is_ignored() -> None:
    """MT-4 and C-11."""
    command = READER.read(
        request("DELETE", ST_1, body=b"{x}", headers={"Content-Type": "text/plain"})
    )

    assert isinstance(command, Delete)
    assert command.faults == ()


def test_a_bulk_delete_carries_its_query() -> None:
    """DELL-2: the parameter is a filter there (TS-9)."""
    command = READER.read(request("DELETE", RECORDS, query="lt_depth=5&last_modified=abc"))

    assert isinstance(command, DeleteMany)
    assert command.query == (("lt_depth", "5"), ("last_modified", "abc"))
    assert (command.kind, command.bucket_id, command.collection_id) == (
        Kind.RECORD,
        "atlas",
        "stations",
    )


def test_a_bulk_delete_of_buckets_has_no_parent() -> None:
    command = READER.read(request("DELETE", "/v1/buckets"))

    assert isinstance(command, DeleteMany)
    assert command.bucket_id is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", RECORDS),
        ("HEAD", ST_1),
        ("POST", "/v1/__flush__"),
        ("POST", ATLAS),
        ("PUT", RECORDS),
    ],
)
def test_what_changes_no_object_is_no_command(method: str, path: str) -> None:
    with pytest.raises(NoCommand):
        READER.read(request(method, path))


def test_the_cause_is_written_down() -> None:
    made = request("PUT", STATIONS, headers={"traceparent": TRACE}, requester=NADIA)

    cause = READER.read(made).cause

    assert (cause.actor, cause.request_id, cause.traceparent) == ("account:nadia", "r-1", TRACE)


@pytest.mark.parametrize("given", ["", "x", TRACE.upper(), f"{TRACE}\n", "00-" + "z" * 32])
def test_what_is_no_trace_context_is_dropped(given: str) -> None:
    """It is written into the log, so it is not taken on trust."""
    made = request("PUT", STATIONS, headers={"traceparent": given})

    assert READER.read(made).cause.traceparent is None


@pytest.mark.parametrize("given", ["abc-1", "0190a1b2:c/d=", "x" * 128])
def test_a_harmless_request_id_is_kept(given: str) -> None:
    assert request_id({"X-Request-Id": given}) == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\r\nb", 'a"', "é", "\udcff"])
def test_any_other_request_id_is_replaced(given: str) -> None:
    assert len(request_id({"X-Request-Id": given})) == 32
