"""What clients send: bodies of collections and orbits."""

from typing import Annotated, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from muniment.dataforce.errors import invalid, unprocessable
from muniment.domain.refusals import Fault
from muniment.web.json_text import parse_json

PlainKind = Literal["model", "dataset"]
Kind = Literal[
    "model",
    "dataset",
    "experiment",
    "model_dataset",
    "dataset_experiment",
    "model_experiment",
    "mixed",
]


class _Form(BaseModel):
    # What a newer client sends besides is ignored, as the original does.
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _NewCollection(_Form):
    name: str
    description: str
    tags: list[str] | None = None


class NewCollection(_NewCollection):
    """A POST under `/v1`; `type` is what `collection_type` was before."""

    type: Kind


class NewPlainCollection(_NewCollection):
    """A POST by a client of the older generations."""

    type: PlainKind


class CollectionChange(_Form):
    """A PATCH; what is null stays as it is."""

    name: str | None = None
    description: str | None = None
    tags: list[str] | None = None


class OrbitAsk(_Form):
    """A POST of an orbit; whichever secret it names, there is no storage of models behind it."""

    name: Annotated[str, Field(min_length=1)]
    bucket_secret_id: str | None = None

    @field_validator("bucket_secret_id")
    @classmethod
    def _is_uuid(cls, value: str | None) -> str | None:
        return None if value is None else str(UUID(value))


class OrbitChange(OrbitAsk):
    """A PATCH of an orbit; what is null stays as it is."""

    name: Annotated[str, Field(min_length=1)] | None = None  # type: ignore[assignment]  # as fewer are required


F = TypeVar("F", bound=_Form)


def read_body(form: type[F], body: bytes, *, depth_max: int) -> F:
    """The body in that form. Raises `DataForceError`."""
    value = parse_json(body, depth_max=depth_max)
    if isinstance(value, Fault):
        raise unprocessable(["body"], value.description, "json_invalid")
    if not isinstance(value, dict):
        raise unprocessable(["body"], "Input should be a valid dictionary", "dict_type")
    if "type" not in value and "collection_type" in value:
        value = {**value, "type": value["collection_type"]}
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise invalid("body", error) from error


def read_uuid(text: str, name: str) -> str:
    """An id of a path as it is kept. Raises `DataForceError`."""
    try:
        return str(UUID(text))
    except ValueError as error:
        message = "Input should be a valid UUID"
        raise unprocessable(["path", name], message, "uuid_parsing") from error
