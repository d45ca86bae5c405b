"""Which changes make an entry of the history."""

import pytest

from muniment.domain.addresses import Address, bucket, collection, group, record
from muniment.domain.events import ObjectChanged
from muniment.readmodel.projection.recording import Recording
from tests.support.story import WRITER, Story

ATLAS = bucket("atlas")
STATIONS = collection("atlas", "stations")
ONE = record("atlas", "stations", "one")
EDITORS = group("atlas", "editors")


def changes(*addresses: Address) -> list[ObjectChanged]:
    story = Story().play([("write", address) for address in addresses])
    story.delete(ATLAS)
    contents = (entry.content for entry in story.entries)
    return [event for event in contents if isinstance(event, ObjectChanged)]


def taken(recording: Recording) -> list[str]:
    events = changes(ATLAS, STATIONS, ONE, EDITORS)
    return [event.address.uri for event in events if recording.takes(event)]


def test_all_changes_are_taken_but_the_end_of_the_bucket() -> None:
    """HIS-5: that one has no history to be in."""
    assert taken(Recording()) == [ATLAS.uri, STATIONS.uri, ONE.uri, EDITORS.uri]


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ({ATLAS.uri}, []),
        ({STATIONS.uri}, [ATLAS.uri, EDITORS.uri]),
        ({ONE.uri, EDITORS.uri}, [ATLAS.uri, STATIONS.uri]),
        (
            {"/buckets/at", "/buckets/atlas/collections"},
            [ATLAS.uri, STATIONS.uri, ONE.uri, EDITORS.uri],
        ),
    ],
    ids=["bucket", "collection", "objects", "prefixes"],
)
def test_what_is_excluded_takes_along_what_is_in_it(excluded: set[str], left: list[str]) -> None:
    """HIS-12."""
    assert taken(Recording(excluded_uris=frozenset(excluded))) == left


def test_users_can_be_excluded() -> None:
    """HIS-12."""
    assert taken(Recording(excluded_user_ids=frozenset({WRITER}))) == []
