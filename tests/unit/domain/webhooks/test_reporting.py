"""What deliveries tell of a webhook."""

from dataclasses import replace
from typing import Final

import pytest

from muniment.domain.addresses import Kind, webhook
from muniment.domain.events import Action, Cause, ObjectChanged
from muniment.domain.states import ABSENT, Present, evolve
from muniment.domain.states import State as ObjectState
from muniment.domain.values import Uid
from muniment.domain.webhooks.reporting import (
    DELIVERIES,
    DRAINED,
    REASON_CHARS_MAX,
    TOO_LONG,
    ReportWebhook,
    report,
)
from muniment.domain.webhooks.spec import State
from tests.support.deciding import NOW, ask, changed, moment, scene, tombstone
from tests.support.sealing import RULES

ADDRESS: Final = webhook("atlas", "billing")
CAUSE: Final = Cause(actor=DELIVERIES, request_id="r")


def made() -> Present:
    command = ask(address=ADDRESS).put({"url": "https://receiver.example/"})
    state = evolve(ABSENT, changed(scene(kind=Kind.WEBHOOK), command, rules=RULES))
    assert isinstance(state, Present)
    return state


def told(
    target: ObjectState,
    state: State,
    *,
    uid: Uid | None = None,
    reason: str = "HTTP 503",
    is_warning: bool = False,
) -> ObjectChanged | None:
    life = target.uid if isinstance(target, Present) else None
    order = ReportWebhook(
        address=ADDRESS,
        uid=uid or life or Uid("?"),
        state=state,
        reason=reason,
        is_warning=is_warning,
        cause=CAUSE,
    )
    return report(scene(target, kind=Kind.WEBHOOK), order, moment(NOW + 5, number=9))


def after(target: Present, *states: State) -> Present:
    for state in states:
        event = told(target, state)
        assert event is not None
        evolved = evolve(target, event)
        assert isinstance(evolved, Present)
        target = evolved
    return target


@pytest.mark.parametrize(
    ("before", "state", "name"),
    [
        ((), State.FAILING, "webhook.failing"),
        ((), State.DISABLED, "webhook.disabled"),
        ((State.FAILING,), State.DISABLED, "webhook.disabled"),
        ((State.FAILING,), State.ACTIVE, "webhook.recovered"),
    ],
)
def test_news_is_an_event_of_its_own_type(
    before: tuple[State, ...], state: State, name: str
) -> None:
    target = after(made(), *before)

    event = told(target, state)

    assert event is not None
    assert (event.type, event.action, event.cause) == (name, Action.UPDATED, CAUSE)
    assert event.after.data["status"] == {
        "state": state.value,
        "since": NOW + 5,
        "reason": "HTTP 503",
    }
    assert event.webhook_uid == target.uid
    assert event.after.permissions == target.permissions


@pytest.mark.parametrize(
    ("before", "state"),
    [
        ((), State.ACTIVE),
        ((State.FAILING,), State.FAILING),
        ((State.DISABLED,), State.DISABLED),
        ((State.DISABLED,), State.ACTIVE),
        ((State.DISABLED,), State.FAILING),
        ((State.FAILING, State.ACTIVE), State.ACTIVE),
    ],
)
def test_what_is_known_causes_nothing(before: tuple[State, ...], state: State) -> None:
    """And what was switched off stays off until a user switches it on."""
    assert told(after(made(), *before), state) is None


def test_a_warning_is_news_once_and_fails_no_longer_for_that() -> None:
    failing = after(made(), State.FAILING)
    status = failing.data["status"]

    event = told(failing, State.FAILING, reason="off at noon", is_warning=True)

    assert isinstance(status, dict)
    assert event is not None
    assert event.type == "webhook.failing"
    assert event.after.data["status"] == {**status, "reason": "off at noon"}
    warned = evolve(failing, event)
    assert told(warned, State.FAILING, reason="off at noon", is_warning=True) is None
    assert told(warned, State.FAILING, reason="off at noon") is None


def test_what_failed_too_long_may_be_switched_on_by_its_deliveries() -> None:
    event = told(made(), State.DISABLED, reason=f"{TOO_LONG}: HTTP 503")
    assert event is not None
    off = evolve(ABSENT, event)

    recovered = told(off, State.ACTIVE, reason="")

    assert recovered is not None
    assert recovered.type == "webhook.recovered"
    assert recovered.after.data["enabled"] is True
    assert recovered.after.data["status"] == {"state": "active", "since": NOW + 5, "reason": ""}


def test_one_that_has_drained_is_disabled_and_drains_no_more() -> None:
    target = made()
    draining = replace(target, data={**target.data, "drain": True})

    event = told(draining, State.DISABLED, reason=DRAINED)

    assert event is not None
    assert event.type == "webhook.disabled"
    assert event.after.data["enabled"] is False
    assert "drain" not in event.after.data


def test_who_thought_better_of_draining_is_not_disabled_by_it() -> None:
    assert told(made(), State.DISABLED, reason=DRAINED) is None


def test_a_disabled_webhook_says_so_itself() -> None:
    disabled = after(made(), State.DISABLED)

    assert disabled.data["enabled"] is False
    on = changed(
        scene(disabled, kind=Kind.WEBHOOK),
        ask(address=ADDRESS).patch({"enabled": True}),
        rules=RULES,
    )
    assert on.after.data["status"] == {"state": "active", "since": NOW, "reason": ""}


@pytest.mark.parametrize("target", [ABSENT, tombstone(), made()], ids=["absent", "deleted", "new"])
def test_news_of_another_life_is_none(target: ObjectState) -> None:
    assert told(target, State.FAILING, uid=Uid("of another life")) is None


def test_a_reason_is_cut_short() -> None:
    """It may hold what a receiver has sent."""
    event = told(made(), State.FAILING, reason="x" * 10_000)

    assert event is not None
    status = event.after.data["status"]
    assert isinstance(status, dict)
    assert status["reason"] == "x" * REASON_CHARS_MAX
