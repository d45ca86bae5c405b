"""What the server says of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Names and links for the root view and the API's description."""

    name: str = "muniment"
    version: str
    docs_url: str
    description: str = "JSON collections whose every change is on record."
