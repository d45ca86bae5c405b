"""The description of the API: true OpenAPI 2.0, and nothing in it that is not there (HB-4)."""

from typing import Any, Final

import jsonschema_rs
import orjson
import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

from muniment.domain.addresses import Kind
from muniment.domain.commands import ANONYMOUS
from muniment.domain.refusals import Fault, KeyReused, ObjectModified
from muniment.domain.values import Timestamp
from muniment.web.errors import (
    Errors,
    forbidden,
    invalid,
    method_not_allowed,
    object_missing,
    object_modified,
    too_large,
)
from muniment.web.openapi.document import openapi
from muniment.web.project import Project
from muniment.web.route_tables import Features
from muniment.web.routes import Routes

PROJECT: Final = Project(name="muniment", version="1.0", docs_url="https://docs.example.org/")
EVERYTHING: Final = Features(**dict.fromkeys(Features.__dataclass_fields__, True))


def described(features: Features, **switches: bool) -> Any:
    routes = Routes(features, method_switches=switches).all
    return orjson.loads(openapi(routes, PROJECT, "https://data.example.org"))


def operations(document: Any) -> list[str]:
    return [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]


@pytest.mark.parametrize("features", [Features(), EVERYTHING], ids=["least", "all"])
def test_it_is_openapi(features: Features) -> None:
    """HB-4: code generators refuse anything else."""
    OpenAPIV2SpecValidator(described(features)).validate()


def test_operations_have_the_names_of_the_reference() -> None:
    """HB-4: generated clients call them by these, each once."""
    names = operations(described(EVERYTHING))

    expected = {
        *("server_info", "__heartbeat__", "__lbheartbeat__", "__version__", "get_openapi_spec"),
        *("contribute", "batch", "get_history", "delete_history", "get_history_snapshot"),
        "get_permissionss",
    }
    for kind in (*Kind, "account"):
        expected |= {f"get_{kind}s", f"create_{kind}", f"delete_{kind}s", f"get_{kind}"}
        expected |= {f"update_{kind}", f"patch_{kind}", f"delete_{kind}"}
    assert expected <= set(names)
    assert len(names) == len(set(names))


def test_what_is_switched_off_is_not_described() -> None:
    """HB-4, OFF-1."""
    names = operations(described(Features(), object_record_patch_enabled=False))

    assert "get_record" in names
    assert not {"patch_record", "get_history", "get_counters", "batch"} & set(names)


@pytest.mark.parametrize(
    ("path", "method", "is_required"),
    [
        ("/__users__", "post", True),
        ("/__organizations__/{organization_id}/members/{user_id}", "put", True),
        ("/__users__/{user_id}/keys", "post", False),
    ],
)
def test_a_body_with_something_needed_is_required(
    path: str, method: str, is_required: bool
) -> None:
    """HB-4: generated clients send one then."""
    [body] = [
        parameter
        for parameter in described(EVERYTHING)["paths"][path][method]["parameters"]
        if parameter.get("in") == "body"
    ]

    assert body["required"] is is_required


def test_every_path_parameter_is_described() -> None:
    """HB-4."""
    paths = described(EVERYTHING)["paths"]

    snapshot = paths["/buckets/{bucket_id}/snapshot/collections/{collection_id}@{timestamp}"]
    names = [parameter["name"] for parameter in snapshot["get"]["parameters"]]
    assert names == ["bucket_id", "collection_id", "timestamp"]


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        pytest.param(
            "get_record", "200 304 400 401 403 404 405 406 408 410 412 413 503", id="read"
        ),
        pytest.param(
            "create_record",
            "200 201 400 401 403 404 405 406 408 409 410 412 413 415 422 503",
            id="create",
        ),
        pytest.param("__heartbeat__", "200 400 408 410 413 503", id="utility"),
    ],
)
def test_every_status_is_named_and_no_bug(operation: str, statuses: str) -> None:
    """HB-4, table 5.2: what is not named cannot happen; 500 is a bug."""
    found = [
        each
        for path in described(EVERYTHING)["paths"].values()
        for each in path.values()
        if each["operationId"] == operation
    ]

    assert " ".join(sorted(found[0]["responses"])) == statuses


REFUSALS: Final = {
    400: invalid((Fault(location="body", name=0, description="0 is odd"),)),
    401: Errors().unauthorized(),
    403: forbidden(),
    404: object_missing("record", "st-1"),
    405: method_not_allowed("GET"),
    406: invalid((Fault(location="header", name="Accept", description="no"),), status=406),
    409: Errors().conflict(),
    412: object_modified(ObjectModified(current=Timestamp(1), existing={"id": "st-1"})),
    413: too_large(10),
    422: Errors().refuse(KeyReused(), ANONYMOUS),
    503: Errors(info_url="https://status.example.org").unavailable(),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_errors_are_as_described(status: int) -> None:
    """HB-4, ERR-1: code, errno and details by status; the headers that come with them."""
    document, refusal = described(EVERYTHING), REFUSALS[status]
    response = document["responses"][str(status)]

    schema = {**response["schema"], "definitions": document["definitions"]}
    jsonschema_rs.Draft4Validator(schema).validate(orjson.loads(refusal.body or b""))

    assert set(refusal.headers) <= set(response["headers"])


def test_an_error_of_another_status_is_told_apart() -> None:
    """The schemas are not all the same: that of 404 knows the 403 for a stranger."""
    document = described(EVERYTHING)
    schema = {**document["responses"]["404"]["schema"], "definitions": document["definitions"]}

    with pytest.raises(jsonschema_rs.ValidationError, match="403 is not one of"):
        jsonschema_rs.Draft4Validator(schema).validate(orjson.loads(forbidden().body or b""))
