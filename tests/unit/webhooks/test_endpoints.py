"""Which URL counts from which event on."""

from dataclasses import replace
from typing import Any

from muniment.domain import addresses
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.webhooks.spec import Format
from muniment.log.protocol import Offset, Partition, Position
from muniment.webhooks.endpoints import Changed, Directory, Ended, Ignored, Opened, Turn
from tests.unit.webhooks.building import changed, collection, project_collection, record, uid

ONE, TWO = "http://one.example/", "http://two.example/"


def turns(*events: ObjectChanged) -> list[list[Turn]]:
    """What each of the events means, the first at offset 0."""
    directory = Directory()
    return [
        list(directory.turns(event, Position(Partition(0), Offset(offset))))
        for offset, event in enumerate(events)
    ]


def told(*events: ObjectChanged) -> list[list[tuple[str, int]]]:
    return [[_told(turn) for turn in found] for found in turns(*events)]


def _told(turn: Turn) -> tuple[str, int]:
    match turn:
        case Opened(endpoint=endpoint):
            return f"+{endpoint.url}", endpoint.opened_at
        case Changed(endpoint=endpoint):
            return f"~{endpoint.url}", endpoint.opened_at
        case Ended(endpoint=endpoint, ends_at=ends_at):
            return f"-{endpoint.url}", -1 if ends_at is None else ends_at
        case Ignored():
            return "ignored", -1


def test_the_event_that_sets_a_url_is_the_first_to_go_there() -> None:
    assert told(collection(), collection(ONE, action=Action.UPDATED)) == [[], [(f"+{ONE}", 1)]]


def test_the_same_url_again_changes_nothing() -> None:
    """Else each change of a collection would begin a lane anew."""
    assert told(collection(ONE), collection(ONE, action=Action.UPDATED, status="x"))[1] == []


def test_another_url_ends_the_first_before_the_event_that_brings_it() -> None:
    assert told(collection(ONE), collection(TWO, action=Action.UPDATED))[1] == [
        (f"-{ONE}", 1),
        (f"+{TWO}", 1),
    ]


def test_a_url_that_is_taken_away_ends_before_that_event() -> None:
    assert told(collection(ONE), collection(action=Action.UPDATED))[1] == [(f"-{ONE}", 1)]


def test_the_deletion_is_the_last_event_to_go_to_the_url() -> None:
    assert told(collection(ONE), collection(action=Action.DELETED))[1] == [(f"-{ONE}", 2)]


def test_a_deleted_bucket_ends_all_within_and_no_others() -> None:
    gone = changed(addresses.bucket("atlas"), Action.DELETED)
    other = changed(addresses.collection("other", "tides"))
    elsewhere = replace(other, after=collection(TWO).after)

    found = told(collection(ONE), collection(ONE, "winds"), elsewhere, gone)

    assert found[-1] == [(f"-{ONE}", 3), (f"-{ONE}", 3)]


def test_a_collection_made_again_is_another_one() -> None:
    again = collection(TWO, collection_uid=uid("second life"))

    assert told(collection(ONE), collection(action=Action.DELETED), again)[2] == [(f"+{TWO}", 2)]


def test_a_value_that_is_no_url_is_ignored_and_ends_what_was() -> None:
    """E-15: it is stored as it came, and has no effect."""
    assert told(collection(ONE), collection(["no"], action=Action.UPDATED))[1] == [
        ("ignored", -1),
        (f"-{ONE}", 1),
    ]


def test_a_wrong_value_is_told_once() -> None:
    unchanged = collection(7, action=Action.UPDATED, before={"webhook:url": 7})

    assert told(collection(7), unchanged) == [[("ignored", -1)], []]


def test_a_projects_url_is_told_of_documents_alone() -> None:
    """CocoBase section 8: no delivery for changes of the collection itself."""
    directory = Directory()
    begun = project_collection(ONE)
    [opened] = directory.turns(begun, Position(Partition(0), Offset(0)))
    assert isinstance(opened, Opened)

    assert directory.concerned(record("r1")) == [opened.endpoint]
    assert directory.concerned(begun) == []
    assert opened.endpoint.spec.form.format is Format.COCOBASE


def test_outside_of_a_project_the_field_is_the_users() -> None:
    """Nobody asked for deliveries there."""
    assert told(collection(webhook_url=ONE)) == [[]]


def test_a_projects_url_is_in_force_from_change_to_change() -> None:
    """Section 8: each event goes to the URL of its time."""
    changes = [
        project_collection(action=Action.UPDATED),
        project_collection(ONE, action=Action.UPDATED),
        project_collection(TWO, action=Action.UPDATED),
        project_collection("", action=Action.UPDATED),
        project_collection(TWO, action=Action.UPDATED),
        project_collection(action=Action.DELETED),
    ]

    assert told(*changes) == [
        [],
        [(f"+{ONE}", 1)],
        [(f"-{ONE}", 2), (f"+{TWO}", 2)],
        [(f"-{TWO}", 3)],
        [(f"+{TWO}", 4)],
        [(f"-{TWO}", 6)],
    ]


def test_a_collection_may_have_both_urls() -> None:
    """Each is an endpoint of its own, with a place of its own in the log."""
    also: dict[str, Any] = {"webhook:url": ONE}
    [opened] = turns(project_collection(TWO, **also))

    endpoints = [turn.endpoint for turn in opened if isinstance(turn, Opened)]
    assert [endpoint.url for endpoint in endpoints] == [ONE, TWO]
    assert len({endpoint.id for endpoint in endpoints}) == 2
    assert len({endpoint.name for endpoint in endpoints}) == 2
