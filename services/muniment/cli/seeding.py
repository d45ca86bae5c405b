"""`muniment seed-demo`: what one needs to try the clients of other systems; nothing twice."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from muniment.cli.operating import Operator
from muniment.runtime.settings import Settings

ORGANIZATION: Final = "My Personal Organization"
DEFAULT_ORBIT: Final = "Default Orbit"
SECOND_ORBIT: Final = "Second Orbit"

PROJECTS: Final[Mapping[str, str]] = {
    "Demo Project": "COCOBASE_API_KEY",
    "Other Demo Project": "COCOBASE_OTHER_API_KEY",
}
USERS: Final[Mapping[str, str]] = {
    "Demo Owner": "LUML_API_KEY",
    "Demo Member": "LUML_MEMBER_API_KEY",
    "Demo Outsider": "LUML_OUTSIDER_API_KEY",
}
"""By name, the variable that clients and tests look for their key in."""


def print_demo(operator: Operator) -> None:
    """Make what lacks, and print it. Raises `Refused` and `DependencyUnreachable`."""
    print(asyncio.run(_Seeding(operator).seed()))


async def seed_demo(settings: Settings) -> str:
    """The same, as the operator of these settings; what is to be printed."""
    return await _Seeding(Operator(settings=settings)).seed()


class _Seeding:
    def __init__(self, operator: Operator) -> None:
        self._ask = operator.ask
        self._origin = operator.origin
        self._keys: list[str] = []
        self._notes: list[str] = []

    async def seed(self) -> str:
        """Make what lacks; what is to be printed."""
        for name, variable in PROJECTS.items():
            await self._make("/v1/__projects__", name, variable)
        users = [await self._make("/v1/__users__", *each) for each in USERS.items()]
        await self._make_organization(*users)
        return "\n".join(self._lines())

    async def _make_organization(self, owner: str, member: str, _: str) -> None:
        organization = await self._make("/v1/__organizations__", ORGANIZATION)
        path = f"/v1/__organizations__/{organization}"
        for user, role in ((owner, "owner"), (member, "member")):
            await self._ask("PUT", f"{path}/members/{user}", {"role": role})
        first = await self._make(f"{path}/orbits", DEFAULT_ORBIT)
        await self._make(f"{path}/orbits", SECOND_ORBIT)
        await self._ask("PUT", f"/v1/__orbits__/{first}/members/{member}", {"role": "member"})

    async def _make(self, path: str, name: str, variable: str | None = None) -> str:
        """The id of what is called so; it is made if there is none, and its key noted."""
        there: Sequence[Any] = await self._ask("GET", path)
        found = next((each["id"] for each in there if each["name"] == name), None)
        if found is not None:
            self._notes.append(f"{name} is there already ({found}).")
            return str(found)
        made = await self._ask("POST", path, {"name": name})
        if variable is not None:
            self._keys.append(f"{variable}={made['key']['key']}")
        return str(made["id"])

    def _lines(self) -> Sequence[str]:
        if not self._keys:
            return ["The demo is there already; its keys can't be shown again.", *self._notes]
        urls = [f"COCOBASE_BASE_URL={self._origin}", f"LUML_BASE_URL={self._origin}"]
        return ["", "Demo keys, shown this once:", *urls, *self._keys, *self._notes]
