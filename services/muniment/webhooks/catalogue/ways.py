"""The ways in which a type of messages is told, each with a schema of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from muniment.domain.addresses import Kind
from muniment.domain.webhooks.spec import Format, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A format and a shape, of whole states or of chosen fields of them."""

    format: Format
    shape: Shape
    has_fields: bool = False
    """The webhook chooses fields: of the states nothing is known but that they are objects."""

    @property
    def name(self) -> str:
        """What it is called among the ways of its format."""
        return f"{self.shape}-fields" if self.has_fields else str(self.shape)

    @property
    def part(self) -> str:
        """What its schema is called among the `$defs` of its type's."""
        return f"{self.format}-{self.name}"

    @property
    def has_choice(self) -> bool:
        """Whether a webhook of that format and shape may choose fields."""
        return self.format is not Format.COCOBASE and self.shape is not Shape.THIN


def ways_of(type_: str) -> Sequence[Way]:
    """All of them; fields are chosen of records only."""
    ways = [Way(format=format_, shape=shape) for format_ in Format for shape in Shape]
    if not type_.startswith(f"{Kind.RECORD}."):
        return ways
    return [*ways, *(replace(way, has_fields=True) for way in ways if way.has_choice)]
