"""The words in which schemas are written here."""

from collections.abc import Mapping
from typing import Final

from muniment.domain.values import JsonObject, JsonValue

TEXT: Final[JsonObject] = {"type": "string"}
TEXTS: Final[JsonObject] = {"type": "array", "items": TEXT}
INTEGER: Final[JsonObject] = {"type": "integer"}
FLAG: Final[JsonObject] = {"type": "boolean"}
OBJECT: Final[JsonObject] = {"type": "object"}


def reference(definition: str) -> JsonObject:
    """What stands for one of the document's definitions."""
    return {"$ref": f"#/definitions/{definition}"}


def closed(required: Mapping[str, JsonObject], **optional: JsonObject) -> JsonObject:
    """An object with these members and no others."""
    schema: dict[str, JsonValue] = {
        "type": "object",
        "properties": {**required, **optional},
        "additionalProperties": False,
    }
    return {**schema, "required": list(required)} if required else schema


def list_of(definition: str) -> JsonObject:
    """The body of a list's answer."""
    return closed({"data": {"type": "array", "items": reference(definition)}})


def one_of(*texts: str) -> JsonObject:
    return {"type": "string", "enum": list(texts)}
