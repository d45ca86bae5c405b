"""Commands, scenes and moments with defaults: a test names only what matters to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from uuid import UUID

from muniment.domain.addresses import Address, Kind, bucket, collection, record
from muniment.domain.commands import (
    Body,
    Command,
    Create,
    Delete,
    FieldsPatch,
    JsonPatch,
    MergePatch,
    Patch,
    Preconditions,
    Put,
    Requester,
    authenticated,
)
from muniment.domain.decisions import Decision, LookUp, decide
from muniment.domain.events import Action, Cause, EventId, ObjectChanged
from muniment.domain.moments import Moment
from muniment.domain.refusals import Fault
from muniment.domain.rules import Rules
from muniment.domain.states import ABSENT, Present, Scene, State, Tombstone, evolve
from muniment.domain.timelines import Timeline
from muniment.domain.values import JsonObject, JsonValue, Permissions, Principal, Timestamp, Uid

NOW: Final = Timestamp(1_767_000_100_000)
EARLIER: Final = Timestamp(NOW - 50_000)
LIST_AT: Final = Timestamp(NOW - 20_000)
"""The list timestamp in scenes; the object of a scene was changed `EARLIER`."""

NADIA: Final = authenticated(Principal("account:nadia"))
OMAR: Final = authenticated(Principal("account:omar"))

BUCKET: Final = bucket("atlas")
COLLECTION: Final = collection("atlas", "stations")
RECORD: Final = record("atlas", "stations", "st-042")

BUCKET_UID: Final = Uid(str(UUID(int=1)))
COLLECTION_UID: Final = Uid(str(UUID(int=2)))

BY_NADIA: Final[Permissions] = {"write": frozenset({Principal("account:nadia")})}


def acl(**holders: str | Sequence[str]) -> Permissions:
    """Permissions; `record_create="account:omar"` stands for `record:create`."""
    return {
        name.replace("_", ":"): frozenset(map(Principal, [held] if isinstance(held, str) else held))
        for name, held in holders.items()
    }


def present(
    address: Address = RECORD,
    *,
    at: int = EARLIER,
    permissions: Permissions = BY_NADIA,
    uid: Uid | None = None,
    more: JsonObject | None = None,
    **fields: JsonValue,
) -> Present:
    """An object as it is; `more` has the fields whose names are no Python names."""
    uids = {Kind.BUCKET: BUCKET_UID, Kind.COLLECTION: COLLECTION_UID}
    return Present(
        last_modified=Timestamp(at),
        data={"id": address.id, "last_modified": at, **(more or {}), **fields},
        permissions=permissions,
        uid=uid or uids.get(address.kind),
    )


PARENT_BUCKET: Final = present(BUCKET)
PARENT_COLLECTION: Final = present(COLLECTION)


def tombstone(*, at: int = EARLIER, records_until: int | None = None) -> Tombstone:
    until = None if records_until is None else Timestamp(records_until)
    return Tombstone(last_modified=Timestamp(at), records_until=until)


def scene(
    target: State = ABSENT,
    *,
    kind: Kind = Kind.RECORD,
    bucket: Present | None = PARENT_BUCKET,
    collection: Present | None = PARENT_COLLECTION,
    list_at: int = LIST_AT,
    stream_at: int = LIST_AT,
    taken: Sequence[int] | None = None,
) -> Scene:
    """What surrounds the target; the parents exist and are nadia's."""
    return Scene(
        bucket=None if kind is Kind.BUCKET else bucket,
        collection=collection if kind is Kind.RECORD else None,
        target=target,
        timeline=Timeline(at=Timestamp(list_at)),
        stream=Timeline(at=Timestamp(stream_at)),
        records=Timeline(at=Timestamp(list_at)) if kind is Kind.COLLECTION else None,
        taken=None if taken is None else frozenset(map(Timestamp, taken)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What all commands have, with defaults; the methods make the commands."""

    address: Address = RECORD
    by: Requester = NADIA
    if_match: int | Literal["*"] | None = None
    if_none_match: int | Literal["*"] | None = None
    faults: tuple[Fault, ...] = ()

    def create(
        self,
        data: Mapping[str, JsonValue] | None = None,
        permissions: Mapping[str, Sequence[str]] | None = None,
    ) -> Create:
        body = Body(data=data, permissions=permissions)
        return Create(**self._common(), id_from_client=True, body=body)

    def put(
        self,
        data: Mapping[str, JsonValue] | None = None,
        permissions: Mapping[str, Sequence[str]] | None = None,
    ) -> Put:
        return Put(**self._common(), body=Body(data=data, permissions=permissions))

    def patch(
        self,
        data: Mapping[str, JsonValue] | None = None,
        permissions: Mapping[str, Sequence[str] | None] | None = None,
    ) -> Patch:
        body = Body(data=data, permissions=permissions)
        return Patch(**self._common(), change=FieldsPatch(body=body))

    def merge(
        self,
        data: Mapping[str, JsonValue] | None = None,
        permissions: Mapping[str, Sequence[str] | None] | None = None,
    ) -> Patch:
        body = Body(data=data, permissions=permissions)
        return Patch(**self._common(), change=MergePatch(body=body))

    def json_patch(self, *operations: Mapping[str, JsonValue]) -> Patch:
        return Patch(**self._common(), change=JsonPatch(operations=operations))

    def delete(self, last_modified: int | None = None) -> Delete:
        at = None if last_modified is None else Timestamp(last_modified)
        return Delete(**self._common(), last_modified=at)

    def _common(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "requester": self.by,
            "cause": Cause(actor=self.by.user_id, request_id="request-1"),
            "preconditions": Preconditions(
                if_match=_tag(self.if_match), if_none_match=_tag(self.if_none_match)
            ),
            "faults": self.faults,
        }


ask: Final = Asked
"""`ask(if_match="*").put({"name": "Bay"})`."""


def moment(now: int = NOW, *, number: int = 7) -> Moment:
    return Moment(now=Timestamp(now), event_id=EventId(str(UUID(int=number))))


def decided(
    scene: Scene, command: Command, *, now: int = NOW, rules: Rules | None = None
) -> Decision:
    return decide(scene, command, moment(now), rules or Rules())


def changed(
    scene: Scene, command: Command, *, now: int = NOW, rules: Rules | None = None
) -> ObjectChanged:
    """The change that the command causes; it must cause one."""
    decision = decided(scene, command, now=now, rules=rules)
    assert isinstance(decision, ObjectChanged), decision
    return decision


@dataclass(slots=True)
class World:
    """All objects by their URIs, and what became of commands: the owner's work done by rote."""

    rules: Rules = field(default_factory=Rules)
    states: dict[str, State] = field(default_factory=dict[str, State])
    timelines: dict[str, Timeline] = field(default_factory=dict[str, Timeline])
    """List to its clock: `""` for buckets, `<bucket>/`, `<bucket>/groups/`, `<collection>/`;
    `!<bucket>` is its stream."""
    events: list[ObjectChanged] = field(default_factory=list[ObjectChanged])

    def run(self, command: Command, moment: Moment) -> Decision:
        """Decide, looking up what must be; what happens is known at once."""
        scene = self.scene(command.address)
        decision = decide(scene, command, moment, self.rules)
        if isinstance(decision, LookUp):
            scene = replace(scene, taken=self.taken(command.address))
            decision = decide(scene, command, moment, self.rules)
        if isinstance(decision, ObjectChanged):
            self.apply(decision)
        return decision

    def scene(self, address: Address) -> Scene:
        bucket_uri = bucket(address.bucket_id).uri
        parent = self.states.get(bucket_uri, ABSENT)
        above = self.states.get(address.parent_uri, ABSENT)
        is_record, is_bucket = address.kind is Kind.RECORD, address.kind is Kind.BUCKET
        return Scene(
            bucket=parent if isinstance(parent, Present) and not is_bucket else None,
            collection=above if isinstance(above, Present) and is_record else None,
            target=self.states.get(address.uri, ABSENT),
            timeline=self._timeline(list_of(address)),
            stream=self._timeline(f"!{bucket_uri}"),
            records=self._timeline(f"{address.uri}/") if address.kind is Kind.COLLECTION else None,
        )

    def apply(self, event: ObjectChanged) -> None:
        address = event.address
        if event.action is not Action.UPDATED and address.kind is not Kind.RECORD:
            self._forget_below(address)
        self.states[address.uri] = evolve(self.states.get(address.uri, ABSENT), event)
        self._raise(list_of(address), event.last_modified)
        self._raise(f"!{bucket(address.bucket_id).uri}", event.stream_at)
        if event.action is not Action.UPDATED and address.kind is Kind.BUCKET:
            self._raise(f"{address.uri}/", event.last_modified)
            self._raise(f"{address.uri}/groups/", event.last_modified)
        if event.records_from is not None:
            self._raise(f"{address.uri}/", event.records_from)
        self.events.append(event)

    def living(self) -> dict[str, Present]:
        return {uri: kept for uri, kept in self.states.items() if isinstance(kept, Present)}

    def flush(self) -> None:
        self.states.clear()
        self.timelines.clear()

    def taken(self, address: Address) -> frozenset[Timestamp]:
        return frozenset(
            state.last_modified
            for uri, state in self.states.items()
            if isinstance(state, Present | Tombstone)
            and uri != address.uri
            and uri.rpartition("/")[0] == address.uri.rpartition("/")[0]
        )

    def _forget_below(self, address: Address) -> None:
        for uri in [uri for uri in self.states if uri.startswith(f"{address.uri}/")]:
            del self.states[uri]
        for uri in [uri for uri in self.timelines if uri.startswith(f"{address.uri}/")]:
            del self.timelines[uri]

    def _timeline(self, name: str) -> Timeline:
        return self.timelines.get(name, Timeline(at=Timestamp(0)))

    def _raise(self, name: str, at: Timestamp) -> None:
        self.timelines[name] = self._timeline(name).after(at)


def list_of(address: Address) -> str:
    """How `World` names the list that holds the object."""
    if address.kind is Kind.GROUP:
        return f"{address.parent_uri}/groups/"
    return f"{address.parent_uri}/" if address.parent_uri else ""


def _tag(given: int | Literal["*"] | None) -> Timestamp | Literal["*"] | None:
    return Timestamp(given) if isinstance(given, int) else given
