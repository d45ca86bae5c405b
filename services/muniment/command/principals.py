"""Which groups speak for who asks, where it matters to what is decided (AUTH-5, AUTH-8, E-5).

More principals never take a right away, and a group matters only where an ACE names it: for all
else nothing is looked up. The owner knows the groups of its own streams exactly, what it decided a
moment ago included. Of all others the read model tells: nobody was told of a change there before
that shows it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace

from muniment.command.known import Known
from muniment.domain.addresses import Kind
from muniment.domain.commands import Command, DeleteHistory, DeleteMany, joined
from muniment.domain.groups import groups_named, is_group
from muniment.domain.states import Present, Scene
from muniment.domain.values import AUTHENTICATED, Principal, Uid


@dataclass(frozen=True, slots=True)
class Memberships:
    """Of some users, and of all users together, the groups that the read model has them in."""

    lives: Mapping[tuple[Principal, Principal], Uid]
    """Member and group to the life of the group's bucket."""

    def of(self, user_id: Principal) -> frozenset[Principal]:
        """The groups that speak for the user."""
        return frozenset(
            group for member, group in self.lives if member in (user_id, AUTHENTICATED)
        )

    def lives_of(self, user_id: Principal, group: Principal) -> frozenset[Uid]:
        """Of a group's buckets: the life of the one in which the group speaks for the user."""
        found = (self.lives.get((member, group)) for member in (user_id, AUTHENTICATED))
        return frozenset(life for life in found if life is not None)


LookUp = Callable[[Collection[Principal]], Awaitable[Memberships]]


class Principals:
    """The principals of all who ask in one part of a group; looked up once, when first needed."""

    def __init__(
        self,
        users: Collection[Principal],
        *,
        known: Known,
        granted: Mapping[Kind, frozenset[Principal]],
        look_up: LookUp,
    ) -> None:
        """`granted` are the groups to which the settings give something on objects of a kind."""
        self._users = users
        self._known = known
        self._granted = granted
        self._look_up = look_up
        self._found: Memberships | None = None

    def asking(self, look_up: LookUp) -> "Principals":
        """The same users, looked up elsewhere."""
        return Principals(self._users, known=self._known, granted=self._granted, look_up=look_up)

    def forget(self) -> None:
        """Look up anew when it is needed next: who is in a group may have changed."""
        self._found = None

    async def for_command(self, command: Command, scene: Scene) -> Command:
        """The command, its requester in those groups that the scene's ACEs name."""
        user_id = command.requester.user_id
        if user_id is None:
            return command
        granted = self._granted.get(command.address.kind, frozenset())
        named = groups_named(*scene.all_permissions, more=granted)
        if not named and not any(map(is_group, command.requester.principals)):
            return command
        requester = joined(command.requester, await self._among(user_id, named))
        return replace(command, requester=requester)

    async def for_deletion(self, order: DeleteMany) -> DeleteMany:
        """The order, its requester in all their groups: any of a list's objects may name one."""
        user_id = order.requester.user_id
        if user_id is None:
            return order
        groups = await self._among(user_id, (await self._memberships()).of(user_id))
        return replace(order, requester=joined(order.requester, groups))

    async def for_history(self, order: DeleteHistory, bucket: Present | None) -> DeleteHistory:
        """The order, its requester in those groups that the bucket's ACEs name."""
        user_id = order.requester.user_id
        if user_id is None or bucket is None:
            return order
        named = groups_named(bucket.permissions)
        groups = await self._among(user_id, named)
        return replace(order, requester=joined(order.requester, groups))

    async def _among(
        self, user_id: Principal, groups: frozenset[Principal]
    ) -> Collection[Principal]:
        if not groups:
            return groups
        found = await self._memberships()
        return [
            group
            for group in groups
            if self._known.is_member(user_id, group, found.lives_of(user_id, group))
        ]

    async def _memberships(self) -> Memberships:
        if self._found is None:
            self._found = await self._look_up(self._users)
        return self._found
