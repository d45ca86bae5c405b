"""What becomes of a webhook that is written: secrets sealed, keys made, nothing foreign taken."""

from dataclasses import replace
from typing import Any, Final, cast

import pytest

from muniment.domain.addresses import Kind, webhook
from muniment.domain.commands import Command, Preconditions, RotateSecret
from muniment.domain.decisions import Decision, decide
from muniment.domain.events import Action, Cause, ObjectChanged
from muniment.domain.refusals import Invalid
from muniment.domain.rules import Rules
from muniment.domain.states import ABSENT, Present, State, evolve
from muniment.domain.values import JsonObject, JsonValue, Principal, Uid
from muniment.domain.webhooks.key_rings import LIVE_MAX, OVERLAP_S, NewKey
from muniment.domain.webhooks.keys import parse_secret, secret_text, signing_key_text
from muniment.domain.webhooks.rules import WebhookRules
from muniment.domain.webhooks.spec import Algorithm
from muniment.runtime.sealing import AesSivSealer
from tests.support.certificates import Authority
from tests.support.deciding import NADIA, NOW, ask, moment, scene
from tests.support.sealing import RULES, SEALER

ADDRESS: Final = webhook("atlas", "billing")
URL: Final = "https://receiver.example/hook"
OWN: Final = secret_text(b"x" * 24)
OTHER: Final = secret_text(b"y" * 24)
ISSUED: Final = Authority().issue("client.example")
ASKED: Final = ask(address=ADDRESS)


def decision(
    command: Command,
    target: State = ABSENT,
    *,
    now: int = NOW,
    number: int = 7,
    rules: Rules = RULES,
) -> Decision:
    at = scene(target, kind=Kind.WEBHOOK)
    return decide(at, command, moment(now, number=number), rules)


def written(command: Command, target: State = ABSENT, **how: Any) -> Present:
    """The webhook after the command."""
    event = decision(command, target, **how)
    assert isinstance(event, ObjectChanged), event
    state = evolve(target, event)
    assert isinstance(state, Present)
    return state


def made(**data: Any) -> Present:
    return written(ASKED.put({"url": URL, **data}))


def refused(command: Command, target: State = ABSENT) -> list[str]:
    found = decision(command, target)
    assert isinstance(found, Invalid), found
    return [str(fault.name) for fault in found.faults]


def keys(state: Present) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", state.data["secrets"])


def opened(state: Present) -> list[str]:
    return [SEALER.unseal(key["sealed"], ADDRESS.uri) for key in keys(state)]


def rotate(
    *, algorithm: Algorithm = Algorithm.HMAC, text: str | None = None, overlap_s: int = OVERLAP_S
) -> RotateSecret:
    return RotateSecret(
        address=ADDRESS,
        requester=NADIA,
        cause=Cause(actor=Principal("account:nadia"), request_id="r"),
        preconditions=Preconditions(),
        new_key=NewKey(algorithm=algorithm, text=text, overlap_s=overlap_s),
    )


def test_a_new_webhook_has_a_key_and_a_life_of_its_own() -> None:
    event = decision(ASKED.put({"url": URL}))

    assert isinstance(event, ObjectChanged)
    assert event.webhook_uid == Uid(event.id)
    state = evolve(ABSENT, event)
    assert isinstance(state, Present)
    assert state.uid == Uid(event.id)
    [key] = keys(state)
    assert (key["algorithm"], key["expires"], key["created"]) == ("v1", None, NOW)
    assert parse_secret(opened(state)[0]) is not None
    assert state.data["status"] == {"state": "active", "since": NOW, "reason": ""}


def test_a_made_key_follows_from_the_event() -> None:
    """A decision is a function; another event makes another key."""
    one, same = made(), made()
    other = written(ASKED.put({"url": URL}), number=8)

    assert opened(one) == opened(same)
    assert opened(one) != opened(other)


def test_secret_texts_are_sealed() -> None:
    data = {
        "secret": OWN,
        "headers": {"Authorization": "Bearer hush", "X-Plain": "hush too"},
        "tls": {"client_certificate": ISSUED.certificate, "client_key": ISSUED.key},
    }

    state = made(**data)

    shown = str(state.data)
    assert "hush" not in shown
    assert OWN not in shown
    assert "secret" not in state.data
    assert opened(state) == [OWN]
    headers = cast("dict[str, str]", state.data["headers"])
    assert SEALER.unseal(headers["Authorization"], ADDRESS.uri) == "Bearer hush"
    tls = cast("dict[str, str]", state.data["tls"])
    assert tls["client_certificate"] == ISSUED.certificate
    assert SEALER.unseal(tls["client_key"], ADDRESS.uri) == ISSUED.key


def test_what_was_read_can_be_written_back() -> None:
    """All but the timestamp stays, whatever else is changed."""
    state = made(
        headers={"Authorization": "hush"},
        tls={"client_certificate": ISSUED.certificate, "client_key": ISSUED.key},
    )

    again = written(ASKED.put({**state.data, "url": f"{URL}/2"}), state, now=NOW + 5)

    assert again.uid == state.uid
    changed = {"url": f"{URL}/2", "last_modified": again.last_modified}
    assert again.data == {**state.data, **changed}


def test_fields_of_the_server_are_kept_where_they_are_not_given() -> None:
    state = made(headers={"Authorization": "hush"})

    replaced = written(ASKED.put({"url": URL}), state)
    patched = written(ASKED.merge({"secrets": None, "status": None, "window": 3}), state)

    assert keys(replaced) == keys(patched) == keys(state)
    assert replaced.data["status"] == patched.data["status"] == state.data["status"]
    assert "headers" not in replaced.data


def test_only_keys_that_are_there_may_be_given() -> None:
    """Fewer of them, or in another order, changes nothing: the server has the last word."""
    state = written(rotate(), made())

    again = written(ASKED.patch({"secrets": [keys(state)[1]]}), state)

    assert keys(again) == keys(state)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"headers": {"X-New": "{foreign}"}}, "headers.X-New"),
        ({"headers": {"X-New": "{key}"}}, "headers.X-New"),
        ({"headers": {"X-New": "{client_key}"}}, "headers.X-New"),
        (
            {"tls": {"client_certificate": ISSUED.certificate, "client_key": "{header}"}},
            "tls.client_key",
        ),
        ({"secrets": [{"sealed": "{foreign}"}]}, "secrets"),
        ({"secrets": "x"}, "secrets"),
        ({"secrets": [1]}, "secrets"),
    ],
    ids=str,
)
def test_a_pasted_sealed_text_is_refused(change: Any, name: str) -> None:
    """Also one of the webhook's own, put where it would be sent in the open."""
    state = made(
        headers={"Authorization": "hush"},
        tls={"client_certificate": ISSUED.certificate, "client_key": ISSUED.key},
    )
    texts = {
        "{foreign}": SEALER.seal("hush", "/buckets/atlas/webhooks/other"),
        "{key}": keys(state)[0]["sealed"],
        "{client_key}": cast("Any", state.data["tls"])["client_key"],
        "{header}": cast("Any", state.data["headers"])["Authorization"],
    }

    assert refused(ASKED.patch(filled(change, texts)), state) == [name]


def filled(value: Any, texts: dict[str, str]) -> Any:
    match value:
        case str():
            return texts.get(value, value)
        case list():
            return [filled(each, texts) for each in cast("list[JsonValue]", value)]
        case dict():
            return {name: filled(each, texts) for name, each in cast("JsonObject", value).items()}
        case _:
            return value


def test_a_sealed_text_of_an_earlier_life_is_refused() -> None:
    state = made(headers={"Authorization": "hush"})

    assert refused(ASKED.put(state.data)) == ["data.headers.Authorization", "data.secrets"]


def test_a_header_may_get_another_name() -> None:
    state = made(headers={"Authorization": "hush"})
    sealed = cast("Any", state.data["headers"])["Authorization"]

    renamed = written(ASKED.patch({"headers": {"X-Token": sealed}}), state)

    assert renamed.data["headers"] == {"X-Token": sealed}


def test_any_write_seals_with_the_first_key() -> None:
    state = made(headers={"Authorization": "hush"}, secret=OWN)
    newer = AesSivSealer([b"newer", b"a key"], master=b"a master")
    rules = Rules(webhooks=WebhookRules(sealer=newer))

    again = written(ASKED.patch({}), state, rules=rules)

    assert newer.is_current(keys(again)[0]["sealed"])
    assert newer.unseal(keys(again)[0]["sealed"], ADDRESS.uri) == OWN
    headers = cast("dict[str, str]", again.data["headers"])
    assert newer.is_current(headers["Authorization"])


def test_an_own_secret_takes_the_place_of_the_others_for_good() -> None:
    """They go on signing for a day."""
    state = made(secret=OWN)

    changed = written(ASKED.patch({"secret": OTHER}), state, number=8)
    again = written(ASKED.patch({"secret": OTHER}), changed, number=9)

    assert opened(changed) == [OTHER, OWN]
    assert [key["expires"] for key in keys(changed)] == [None, NOW + OVERLAP_S * 1000]
    assert keys(again) == keys(changed)


def test_keys_rotate_with_an_overlap() -> None:
    state = made(secret=OWN)

    event = decision(rotate(overlap_s=60), state, number=8)

    assert isinstance(event, ObjectChanged)
    assert (event.action, event.type) == (Action.UPDATED, "webhook.updated")
    rotated = cast("Present", evolve(state, event))
    assert opened(rotated)[1] == OWN
    assert [key["expires"] for key in keys(rotated)] == [None, NOW + 60_000]


def test_expired_keys_are_dropped_at_the_next_write() -> None:
    rotated = written(rotate(overlap_s=60, text=OTHER), made(secret=OWN), number=8)

    early = written(ASKED.patch({}), rotated, now=NOW + 59_999)
    late = written(ASKED.patch({}), rotated, now=NOW + 60_000)

    assert opened(early) == [OTHER, OWN]
    assert opened(late) == [OTHER]


def test_without_an_overlap_old_keys_are_revoked() -> None:
    rotated = written(rotate(overlap_s=0, text=OTHER), made(secret=OWN), number=8)

    assert opened(rotated) == [OTHER]


def test_an_overlap_is_not_made_longer() -> None:
    """A key that ends in a minute does not live on since there is a newer one still."""
    short = written(rotate(overlap_s=60), made(secret=OWN), number=8)

    again = written(rotate(overlap_s=3600), short, number=9)

    assert [key["expires"] for key in keys(again)] == [None, NOW + 3_600_000, NOW + 60_000]


def test_not_all_keys_may_live() -> None:
    state = made()
    for number in range(LIVE_MAX - 1):
        state = written(rotate(), state, number=10 + number)

    assert refused(rotate(), state) == ["secret"]
    assert len(keys(written(rotate(overlap_s=0), state))) == 1


def test_a_pair_of_v1a_is_made_beside_the_other_keys() -> None:
    """Both sign at once while a receiver moves over."""
    state = made(secret=OWN)

    both = written(ASKED.patch({"signatures": ["v1", "v1a"]}), state, number=8)

    assert [key["algorithm"] for key in keys(both)] == ["v1a", "v1"]
    assert keys(both)[0]["public_key"].startswith("whpk_")
    assert opened(both)[0].startswith("whsk_")
    assert opened(both)[1] == OWN


def test_a_pair_can_be_brought_along() -> None:
    seed = b"s" * 32
    text = signing_key_text(seed, SEALER.public_key(seed))

    rotated = written(rotate(algorithm=Algorithm.ED25519, text=text), made())

    assert opened(rotated)[0] == text


def test_a_pair_whose_halves_do_not_belong_together_is_refused() -> None:
    """Receivers would verify with a key that nothing is signed with."""
    text = signing_key_text(b"s" * 32, b"p" * 32)

    assert refused(rotate(algorithm=Algorithm.ED25519, text=text), made()) == ["secret"]


def test_switching_off_and_on_is_told_in_the_status() -> None:
    off = written(ASKED.patch({"enabled": False}), made(), now=NOW + 1)
    on = written(ASKED.patch({"enabled": True}), off, now=NOW + 2)

    assert off.data["status"] == {"state": "disabled", "since": NOW + 1, "reason": "set by a user"}
    assert on.data["status"] == {"state": "active", "since": NOW + 2, "reason": ""}


def test_a_user_does_not_set_the_status() -> None:
    state = made()

    told: JsonObject = {"state": "failing", "since": 1, "reason": "me"}
    again = written(ASKED.put({**state.data, "status": told}), state)

    assert again.data["status"] == state.data["status"]


def test_permissions_of_a_webhook_can_be_put_alone() -> None:
    state = made()

    shared = written(ASKED.put(None, {"read": ["account:omar"]}), state)

    assert "account:omar" in shared.permissions["read"]
    assert refused(ASKED.put(None, {"read": ["account:omar"]})) == ["data.url"]


def test_the_operators_rules_count_at_a_write_only() -> None:
    """What was allowed once can still get another key."""
    state = written(ASKED.put({"url": "http://receiver.example/"}))
    strict = Rules(webhooks=replace(RULES.webhooks, https_only=True)) if RULES.webhooks else RULES

    assert isinstance(decision(ASKED.patch({"window": 1}), state, rules=strict), Invalid)
    assert isinstance(decision(rotate(), state, rules=strict), ObjectChanged)
