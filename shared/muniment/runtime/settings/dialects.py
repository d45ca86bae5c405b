"""Settings of the wire formats of other systems."""

from typing import ClassVar, Literal

from pydantic import Field

from muniment.runtime.settings.fields import Subject


class DialectSettings(Subject):
    title: ClassVar[str] = "Dialects"

    cocobase_enabled: bool = Field(
        default=True, description="Serve CocoBase's clients at `/collections` and `/realtime`."
    )
    cocobase_names: Literal["strict", "lenient"] = Field(
        default="strict",
        description="Which names CocoBase's collections may have: `strict` takes a letter, then "
        "letters, digits and underscores, 63 in all; `lenient` takes any that its clients can "
        "address.",
    )
    dataforce_enabled: bool = Field(
        default=True,
        description="Serve the clients of DataForce and LUML at `/organizations` and `/users/me`.",
    )
    dataforce_keeps_nonempty_collections: bool = Field(
        default=False,
        description="Refuse by 409 to delete one of DataForce's collections that holds records.",
    )
