"""The `Idempotency-Key`s of writes that were decided and are not projected yet."""

from collections import OrderedDict

from muniment.command.known_objects import GroupNumber
from muniment.command.waiting import Deleted, Made
from muniment.domain.events import ObjectChanged, RequestKey


class KnownKeys:
    """The keys of one partition's writes that are not projected yet."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, tuple[Made, GroupNumber]] = OrderedDict()

    def note(self, key: RequestKey, outcome: ObjectChanged | Deleted, group: GroupNumber) -> None:
        """A write of the group in hand was decided under the key."""
        self._made[key.id] = Made(request=key.request, outcome=outcome), group
        self._made.move_to_end(key.id)

    def get(self, key: RequestKey) -> Made | None:
        """What was made under the key, as far as it is not projected."""
        found = self._made.get(key.id)
        return None if found is None else found[0]

    def forget(self, *, projected: GroupNumber) -> None:
        """Let go of what the groups up to `projected` have made."""
        while self._made:
            key, (_, group) = next(iter(self._made.items()))
            if group > projected:
                return
            del self._made[key]

    def clear(self) -> None:
        """Forget all: the read model is the truth again."""
        self._made.clear()
