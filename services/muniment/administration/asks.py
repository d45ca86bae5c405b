"""What administrators ask for, from their JSON."""

from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from muniment.domain.refusals import Fault
from muniment.web.http import Request
from muniment.web.json_text import body_fault, parse_json

NAME_CHARS_MAX: Final = 255
YEAR_S: Final = 366 * 86_400
OVERLAP_S: Final = 86_400

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_CHARS_MAX)
]


class Ask(BaseModel):
    """A body: fields that it does not know are a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NewNamed(Ask):
    """`{"name": …}`, and what its first key is to be called."""

    name: Name
    label: str = Field(default="", max_length=NAME_CHARS_MAX)


class NewKeyAsk(Ask):
    """`{"label": …, "expires_in_s": …}`; without the latter a key does not end by itself."""

    label: str = Field(default="", max_length=NAME_CHARS_MAX)
    expires_in_s: float | None = Field(default=None, gt=0, le=10 * YEAR_S)


class RotationAsk(Ask):
    """`{"overlap_s": …}`: for how long both keys are good."""

    overlap_s: float = Field(default=OVERLAP_S, ge=0, le=YEAR_S)


A = TypeVar("A", bound=Ask)


def read_ask(form: type[A], request: Request, *, depth_max: int) -> A | tuple[Fault, ...]:
    """What the body asks for, or all that is wrong with it."""
    value = parse_json(request.body or b"{}", depth_max=depth_max)
    if isinstance(value, Fault):
        return (value,)
    if not isinstance(value, dict):
        return (body_fault("", "Input should be an object"),)
    try:
        return form.model_validate(value)
    except ValidationError as error:
        return tuple(
            body_fault(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()
        )
