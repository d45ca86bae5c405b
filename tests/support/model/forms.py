"""What is wrong with the form of a request: its headers and its body (sections 2.4, 5.3)."""

import re
from typing import Any, Final

from tests.support.model.messages import ABSENT, Refused, Request, Where
from tests.support.model.schemas import is_schema
from tests.support.model.world import EVERYONE, PERMISSION_NAMES, Data, is_array, is_object

JSON: Final = "application/json"
MERGE: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"

BEHAVIOURS: Final = ("full", "light", "diff")
OPERATIONS: Final = ("test", "add", "remove", "replace", "move", "copy")
LAST_DATE: Final = 253_402_300_799_999
"""The end of the year 9999 (TS-7)."""

SCHEMA_FIELDS: Final = {
    "collection": ("schema",),
    "bucket": ("collection:schema", "group:schema", "record:schema"),
}

OBJECT_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*")
INVALID_ID: Final[list[Where]] = [("path", None)]


def refuse_media(request: Request) -> None:
    """MT-2, MT-3: 415 before anything is asked about the requester."""
    admitted = {"POST": [JSON], "PUT": [JSON], "PATCH": [JSON, MERGE, JSON_PATCH]}
    if request.media not in admitted.get(request.method, [request.media]):
        raise Refused(415, 107, faults=[("header", "Content-Type")])


def body_of(request: Request) -> Any:
    """An empty body is the same as `{}` (MT-5)."""
    return {} if request.body == ABSENT else request.body


def header_faults(request: Request) -> list[Where]:
    """ERR-22, ERR-23."""
    found: list[Where] = [
        ("header", name)
        for name in ("If-Match", "If-None-Match")
        if not re.fullmatch(r'\*|"[0-9]+"', request.headers.get(name, "*"))
    ]
    behaviour = request.headers.get("Response-Behavior", "full")
    if request.method == "PATCH" and behaviour not in BEHAVIOURS:
        found.append(("header", "Response-Behavior"))
    return found


def body_faults(request: Request, kind: str) -> list[Where]:
    """What the body's own form forbids, whatever the object is."""
    if request.method == "PATCH" and request.media == JSON_PATCH:
        return _faults_of_operations(request.body)
    body = body_of(request)
    if not is_object(body):
        return [("body", "")]
    found: list[Where] = []
    if "data" in body:
        found += _faults_of_data(request, body["data"], kind)
    if "permissions" in body:
        found += _faults_of_permissions(body["permissions"], kind, request)
    if not found and body.keys() - {"data", "permissions"}:
        found.append(("body", ""))
    if not found and request.method == "PATCH" and not body:
        found.append(("body", "data"))
    return found


def typed_faults(data: Data, kind: str, prefix: str) -> list[Where]:
    """`cache_expires`, `members`, schemas and timestamps."""
    found: list[Where] = []
    seconds = data.get("cache_expires")
    if kind == "collection" and not (seconds is None or str(seconds).isdigit()):  # COL-3
        found.append(("body", f"{prefix}cache_expires"))
    if kind == "group":
        found += _faults_of_members(data.get("members", []), prefix)
    for name in SCHEMA_FIELDS.get(kind, ()):
        if name in data and not is_schema(data[name]):
            found.append(("body", f"{prefix}{name}"))
    stamp = data.get("last_modified")
    if isinstance(stamp, int) and stamp > LAST_DATE:
        found.append(("body", f"{prefix}last_modified"))
    return found


def refuse(faults: list[Where]) -> None:
    if faults:
        raise Refused(400, 107, faults=faults)


def refuse_invalid_id(id_: Any) -> None:
    """ID-3, ID-4."""
    if not (isinstance(id_, str) and OBJECT_ID.fullmatch(id_)):
        refuse(INVALID_ID)


def _faults_of_data(request: Request, data: Any, kind: str) -> list[Where]:
    if not is_object(data):
        return [("body", "data")]
    # What a PATCH makes of the object is looked at when it is made (ERR-18).
    return [] if request.method == "PATCH" else typed_faults(data, kind, "data.")


def _faults_of_permissions(permissions: Any, kind: str, request: Request) -> list[Where]:
    if not is_object(permissions):
        return [("body", "permissions")]
    found: list[Where] = []
    if any(name not in PERMISSION_NAMES[kind] for name in permissions):
        found.append(("body", "permissions"))
    for name, principals in permissions.items():
        if principals is None and request.method == "PATCH":
            continue
        if not is_array(principals):
            found.append(("body", f"permissions.{name}"))
            continue
        found += [
            ("body", f"permissions.{name}.{index}")
            for index, principal in enumerate(principals)
            if not isinstance(principal, str)
        ]
    return found


def _faults_of_members(members: Any, prefix: str) -> list[Where]:
    """GRP-1."""
    if not is_array(members):
        return [("body", f"{prefix}members")]
    return [
        ("body", f"{prefix}members.{index}")
        for index, member in enumerate(members)
        if not isinstance(member, str) or member == EVERYONE or member.startswith("/buckets/")
    ]


def _faults_of_operations(operations: Any) -> list[Where]:
    """PAT-11, ERR-35."""
    if not is_array(operations):
        return [("body", "")]
    found: list[Where] = []
    for index, operation in enumerate(operations):
        if operation.get("op") not in OPERATIONS:
            found.append(("body", f"{index}.op"))
        if not str(operation.get("path", "")).startswith("/"):
            found.append(("body", f"{index}.path"))
    return found
