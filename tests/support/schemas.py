"""Schemas that are large, and what records are told of a schema."""

from typing import Any

from muniment.domain.refusals import Fault
from muniment.domain.schemas import compile_schema
from muniment.domain.values import JsonObject


def fault(schema: Any, instance: JsonObject) -> Fault | None:
    return compile_schema(schema).fault(instance)


def nested(depth: int, keyword: str = "a") -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {keyword: value}
    return value


def doubling(length: int, step: str) -> dict[str, Any]:
    """A chain of definitions, each of which applies the next one twice."""

    def twice(number: int) -> dict[str, Any]:
        following = {"$ref": f"#/$defs/a{number + 1}"}
        if step == "patternProperties":
            return {step: {"a": following, "[ab]": following}}
        return {step: [following, following]}

    definitions = {f"a{number}": twice(number) for number in range(length)}
    return {"$ref": "#/$defs/a0", "$defs": {**definitions, f"a{length}": {"type": "object"}}}
