"""What the orders of one part are decided on; what is decided changes it for the next."""

from dataclasses import dataclass, replace
from typing import assert_never

from muniment.command.bucket_list import BucketTurn
from muniment.command.known import Known
from muniment.command.known_objects import GroupNumber
from muniment.command.loading import DraftModel, ReadModel
from muniment.command.principals import Principals
from muniment.command.repeats import Repeats, sealed
from muniment.command.waiting import Deleted, Read, Step
from muniment.domain.addresses import Address, Kind
from muniment.domain.commands import (
    Create,
    Delete,
    DeleteHistory,
    DeleteMany,
    Patch,
    Put,
    ReadSecrets,
    RotateSecret,
)
from muniment.domain.events import HistoryTrimmed, ObjectChanged, RequestKey
from muniment.domain.states import Scene
from muniment.log.protocol import Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the orders of one part are decided on; what is decided changes it for the next."""

    known: Known
    read_model: ReadModel
    principals: Principals
    partition: Partition
    group: GroupNumber
    turn: BucketTurn | None
    repeats: Repeats
    draft: DraftModel | None = None
    """Where the read model is asked, if it must know what was decided a moment ago."""

    def within(self, draft: DraftModel) -> "Ground":
        """The same, with all questions to the read model asked of the draft."""
        return replace(
            self,
            read_model=draft,
            draft=draft,
            principals=self.principals.asking(draft.memberships),
        )

    def scene(self, address: Address) -> Scene:
        return self.known.scene(
            address, bucket_list=None if self.turn is None else self.turn.timeline
        )

    def learn(self, event: ObjectChanged) -> None:
        self.known.apply(event, self.group)
        if self.turn is not None:
            self.turn.timeline = self.turn.timeline.after(event.last_modified)
        if self.draft is not None:
            self.draft.add(event)
            self.principals.forget()

    def learn_trim(self, event: HistoryTrimmed) -> None:
        self.known.trim(event, self.group)
        if self.draft is not None:
            self.draft.add(event)

    def noted(
        self, key: RequestKey | None, outcome: ObjectChanged | Deleted
    ) -> ObjectChanged | Deleted:
        """The outcome as it goes on the log; it is known from now on by the key of its request."""
        if key is None:
            return outcome
        if isinstance(outcome, Deleted):
            outcome = sealed(outcome, key)
        if isinstance(outcome, ObjectChanged) or (outcome.events and outcome.rest is None):
            self.known.keys.note(key, outcome, self.group)
        return outcome

    async def as_decided(self, step: Step) -> Step:
        """The step, its requester in the groups that matter to it."""
        match step:
            case Create() | Put() | Patch() | Delete() | RotateSecret() | ReadSecrets():
                return await self.principals.for_command(step, self.scene(step.address))
            case DeleteMany():
                return await self.principals.for_deletion(step)
            case DeleteHistory():
                scene = self.known.list_scene(step.bucket_id, None, Kind.COLLECTION)
                return await self.principals.for_history(step, scene.bucket)
            case Read():
                return step
            case _:
                assert_never(step)
