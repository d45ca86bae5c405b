"""Decide: what becomes of a webhook when its deliveries tell how they go.

Nobody's right is asked for: who delivers may say so. What a user or the receiver switched off stays
off until a user switches it on again; what was disabled as it failed for too long may recover.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from muniment.domain.addresses import Address
from muniment.domain.changes import update
from muniment.domain.events import Cause, ObjectChanged, Report, Snapshot
from muniment.domain.moments import Moment
from muniment.domain.states import Present, Scene
from muniment.domain.values import JsonValue, Principal, Uid
from muniment.domain.webhooks.spec import State, Status
from muniment.domain.webhooks.stored import status_json, stored_part

DELIVERIES: Final = Principal("system.Webhooks")
"""Who is named as the actor of what the deliveries tell."""

TOO_LONG: Final = "failing too long"
"""Where a reason begins so, deliveries may say that the webhook is well again."""

DRAINED: Final = "drained"
"""The reason where a user had asked for it: all up to that change was delivered, and all is kept
that came after it."""

REASON_CHARS_MAX: Final = 1_000

_TOLD: Final[Mapping[tuple[State, State], Report]] = {
    (State.ACTIVE, State.FAILING): Report.FAILING,
    (State.ACTIVE, State.DISABLED): Report.DISABLED,
    (State.FAILING, State.DISABLED): Report.DISABLED,
    (State.FAILING, State.ACTIVE): Report.RECOVERED,
}
"""From one state to the other: what that is called. All else is no news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWebhook:
    """How deliveries to one life of a webhook go now, and why."""

    address: Address
    uid: Uid
    state: State
    reason: str
    is_warning: bool = False
    """That it fails was told before: now it will soon be disabled."""
    cause: Cause


def report(scene: Scene, order: ReportWebhook, moment: Moment) -> ObjectChanged | None:
    """The change that tells it; none if that life is over, or it is no news."""
    target = scene.target
    if not isinstance(target, Present) or target.uid != order.uid:
        return None
    current = stored_part(target.data).status
    reason = order.reason[:REASON_CHARS_MAX]
    is_drained = reason == DRAINED
    told = _told(current, order, reason)
    if told is None or (is_drained and target.data.get("drain") is not True):
        return None
    at = scene.timeline.next(moment.now)
    since = current.since if current.state is order.state else moment.now
    status = status_json(Status(state=order.state, since=since, reason=reason))
    data: dict[str, JsonValue] = {**target.data, "last_modified": at, "status": status}
    if told is Report.DISABLED:
        data["enabled"] = False
    elif current.state is State.DISABLED:
        data["enabled"] = True
    if is_drained:
        del data["drain"]
    after = Snapshot(data=data, permissions=target.permissions)
    event = update(scene, order.address, target, after, at=at, moment=moment, cause=order.cause)
    return replace(event, report=told)


def _told(current: Status, order: ReportWebhook, reason: str) -> Report | None:
    match current.state, order.state:
        case State.FAILING, State.FAILING if order.is_warning and reason != current.reason:
            return Report.FAILING
        case State.DISABLED, State.ACTIVE if current.reason.startswith(TOO_LONG):
            return Report.RECOVERED
        case states:
            return _TOLD.get(states)
