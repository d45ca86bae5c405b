"""Decide: whether a webhook's secret texts are sealed anew, with the first of the keys."""

from dataclasses import dataclass
from typing import Final

from muniment.domain.addresses import Address
from muniment.domain.changes import update
from muniment.domain.events import Cause, ObjectChanged, Snapshot
from muniment.domain.moments import Moment
from muniment.domain.states import Present, Scene
from muniment.domain.values import Principal, Uid
from muniment.domain.webhooks.completing import Writing, complete_webhook
from muniment.domain.webhooks.rules import WebhookRules
from muniment.domain.webhooks.stored import sealed_texts

OPERATOR: Final = Principal("system.Operator")
"""Who is named as the actor: whoever has the deployment's settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RekeyWebhook:
    """Seal the secret texts of one life of a webhook with the first key; nothing else changes."""

    address: Address
    uid: Uid
    cause: Cause


def rekey(
    scene: Scene, order: RekeyWebhook, moment: Moment, rules: WebhookRules
) -> ObjectChanged | None:
    """The change; none if that life is over, or all is sealed so already, or can't be opened."""
    target = scene.target
    if not isinstance(target, Present) or target.uid != order.uid:
        return None
    writing = Writing(uri=order.address.uri, now=moment.now, event_id=moment.event_id, rules=rules)
    data = complete_webhook(target.data, target.data, writing)
    if isinstance(data, tuple) or sealed_texts(data) == sealed_texts(target.data):
        return None
    at = scene.timeline.next(moment.now)
    after = Snapshot(data={**data, "last_modified": at}, permissions=target.permissions)
    return update(scene, order.address, target, after, at=at, moment=moment, cause=order.cause)
