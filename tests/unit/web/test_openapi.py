"""The description of the API: true OpenAPI 2.0, and nothing in it that is not there (HB-4)."""

from typing import Any, Final

import orjson
import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

from muniment.domain.addresses import Kind
from muniment.web.openapi import openapi
from muniment.web.project import Project
from muniment.web.routes import Features, Routes

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


def test_every_path_parameter_is_described() -> None:
    """HB-4."""
    paths = described(EVERYTHING)["paths"]

    snapshot = paths["/buckets/{bucket_id}/snapshot/collections/{collection_id}@{timestamp}"]
    names = [parameter["name"] for parameter in snapshot["get"]["parameters"]]
    assert names == ["bucket_id", "collection_id", "timestamp"]
