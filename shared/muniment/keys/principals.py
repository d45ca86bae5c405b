"""Whom keys speak for."""

from typing import Final

from muniment.domain.values import Principal

_PROJECT: Final = "project:"
_USER: Final = "user:"


def project_principal(bucket_id: str) -> Principal:
    """The principal of a project, which is a bucket."""
    return Principal(f"{_PROJECT}{bucket_id}")


def project_of(principal: Principal) -> str | None:
    """The id of a project's bucket; `None` for any other principal."""
    return principal.removeprefix(_PROJECT) if principal.startswith(_PROJECT) else None


def user_principal(user_id: str) -> Principal:
    """The principal of a user."""
    return Principal(f"{_USER}{user_id}")


def user_of(principal: Principal) -> str | None:
    """The id of a user, a UUID; `None` for any other principal."""
    return principal.removeprefix(_USER) if principal.startswith(_USER) else None
