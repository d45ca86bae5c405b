"""Sealing anew: a change of nothing but the sealed texts."""

from typing import Final

from muniment.domain.addresses import Kind, webhook
from muniment.domain.events import Action, Cause, ObjectChanged
from muniment.domain.states import ABSENT, Present, State, evolve
from muniment.domain.values import JsonObject, Uid
from muniment.domain.webhooks.rekeying import OPERATOR, RekeyWebhook, rekey
from muniment.domain.webhooks.rules import WebhookRules
from muniment.domain.webhooks.stored import sealed_texts
from muniment.runtime.sealing import AesSivSealer
from tests.support.deciding import NOW, ask, changed, moment, scene
from tests.support.sealing import RULES, SEALER, WEBHOOK_RULES

ADDRESS: Final = webhook("atlas", "billing")
NEWER: Final = AesSivSealer([b"newer", b"a key"], master=b"a master")


def made() -> Present:
    data: JsonObject = {"url": "https://receiver.example/", "headers": {"Authorization": "hush"}}
    event = changed(scene(kind=Kind.WEBHOOK), ask(address=ADDRESS).put(data), rules=RULES)
    state = evolve(ABSENT, event)
    assert isinstance(state, Present)
    return state


def ordered(target: State, rules: WebhookRules, *, uid: Uid | None = None) -> ObjectChanged | None:
    life = target.uid if isinstance(target, Present) else None
    cause = Cause(actor=OPERATOR, request_id="r")
    order = RekeyWebhook(address=ADDRESS, uid=uid or life or Uid("?"), cause=cause)
    return rekey(scene(target, kind=Kind.WEBHOOK), order, moment(NOW + 5, number=9), rules)


def test_the_same_texts_are_under_the_first_key_afterwards() -> None:
    state = made()

    event = ordered(state, WebhookRules(sealer=NEWER))

    assert event is not None
    assert (event.action, event.type, event.cause.actor) == (
        Action.UPDATED,
        "webhook.updated",
        OPERATOR,
    )
    before, after = sealed_texts(state.data), sealed_texts(event.after.data)
    assert len(before) == 2
    assert all(map(NEWER.is_current, after))
    assert [NEWER.unseal(text, ADDRESS.uri) for text in after] == [
        SEALER.unseal(text, ADDRESS.uri) for text in before
    ]
    sealed = {"headers", "secrets", "last_modified"}
    assert {name: state.data[name] for name in state.data.keys() - sealed} == {
        name: event.after.data[name] for name in event.after.data.keys() - sealed
    }


def test_what_is_under_the_first_key_stays_as_it_is() -> None:
    assert ordered(made(), WEBHOOK_RULES) is None


def test_what_no_key_opens_stays_as_it_is() -> None:
    assert ordered(made(), WebhookRules(sealer=AesSivSealer([b"other"], master=b"m"))) is None


def test_another_life_is_left_alone() -> None:
    rules = WebhookRules(sealer=NEWER)

    assert ordered(made(), rules, uid=Uid("of another life")) is None
    assert ordered(ABSENT, rules) is None
