"""What the demo compares; every difference becomes a row that fails it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from muniment.demo.data_set import Table
from muniment.demo.topic import TopicEvent

Objects = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the result: so many were due, so many were right."""

    claim: str
    due: int
    right: int
    example: str = ""
    """Of what was wrong, the first."""

    @property
    def holds(self) -> bool:
        return self.due == self.right and not self.example


def answers_as_sent(tables: Sequence[Table], answered: Objects, bucket_id: str) -> Check:
    """Each record was answered with what was sent, a revision, and the schema's version."""
    wrong: list[str] = []
    due = 0
    for table in tables:
        collection = f"/buckets/{bucket_id}/collections/{table.id}"
        version = answered[collection]["last_modified"]
        for record in table.records:
            due += 1
            uri = f"{collection}/records/{record['id']}"
            answer = dict(answered.get(uri, {}))
            if not isinstance(answer.pop("last_modified", None), int):
                wrong.append(f"{uri}: no last_modified")
            elif answer != {**record, "schema": version}:
                wrong.append(f"{uri}: sent {record}, got {answer}")
    return _check("records answered as sent, with the schema's version", due, wrong)


def read_back(
    table: Table, answered: Objects, records: Sequence[Mapping[str, Any]], bucket_id: str
) -> Check:
    """The sorted list holds each record, field by field, in the order that Python sorts it."""
    prefix = f"/buckets/{bucket_id}/collections/{table.id}/records/"
    due = [dict(data) for uri, data in answered.items() if uri.startswith(prefix)]
    due.sort(key=lambda data: (data["name"], -data["last_modified"]))
    wrong = [
        f"at place {place}: {expected} is due, {found} was read"
        for place, (expected, found) in enumerate(zip(due, records, strict=False))
        if expected != found
    ]
    wrong += _difference_of_counts(len(due), len(records))
    return _check(f"{table.id} read back sorted by name, every field", len(due), wrong)


def events_of_writes(answered: Objects, events: Sequence[TopicEvent]) -> Check:
    """There is exactly one event for each write, with the data that were answered."""
    seen = Counter(event.subject for event in events)
    wrong = [f"{uri}: {seen[uri]} events" for uri in answered if seen[uri] != 1]
    wrong += [f"{uri}: an event that no write caused" for uri in seen if uri not in answered]
    wrong += [
        f"{event.subject}: the event {event.type} says {event.value['data']}"
        for event in events
        if event.subject in answered
        and (event.value["data"] != answered[event.subject] or not event.type.endswith(".created"))
    ]
    return _check("writes with exactly one event on the topic", len(answered), wrong)


def order_of_events(events: Sequence[TopicEvent]) -> Check:
    """One partition, every id its own, and revisions that only grow."""
    wrong = (
        [f"the bucket is in partitions {found}"] if len(found := _partitions(events)) > 1 else []
    )
    repeated = [id_ for id_, times in Counter(event.id for event in events).items() if times > 1]
    wrong += [f"ce_id {id_} is there more than once" for id_ in repeated]
    wrong += [
        f"{later.subject}: stream_at {later.value['stream_at']} after {before.value['stream_at']}"
        for before, later in pairwise(events)
        if later.value["stream_at"] <= before.value["stream_at"]
    ]
    for timeline in _timelines(events).values():
        wrong += [
            f"{later.subject}: last_modified {later.value['last_modified']} comes after "
            f"{before.value['last_modified']}"
            for before, later in pairwise(timeline)
            if later.value["last_modified"] <= before.value["last_modified"]
        ]
    return _check("events in order, each with an id of its own", len(events), wrong)


def notifications_of_writes(answered: Objects, messages: Iterable[Mapping[str, Any]]) -> Check:
    """Each write to a collection or record was told, with the data that were answered."""
    due = {uri: data for uri, data in answered.items() if "/collections/" in uri}
    told = [message["data"] for message in messages]
    seen = Counter(str(each["uri"]) for each in told)
    wrong = [f"{uri}: {seen[uri]} notifications" for uri in due if seen[uri] != 1]
    wrong += [f"{uri}: told, but never written" for uri in seen if uri not in due]
    wrong += [
        f"{each['uri']}: the notification says {each['data']}"
        for each in told
        if each["uri"] in due and each["data"] != due[each["uri"]]
    ]
    return _check("writes told to the webhook, signature verified", len(due), wrong)


def _partitions(events: Sequence[TopicEvent]) -> list[int]:
    return sorted({event.partition for event in events})


def _timelines(events: Sequence[TopicEvent]) -> dict[str, list[TopicEvent]]:
    """The events of each list: what stands before the last part of the URI."""
    timelines: dict[str, list[TopicEvent]] = {}
    for event in events:
        timelines.setdefault(event.subject.rpartition("/")[0], []).append(event)
    return timelines


def _difference_of_counts(due: int, found: int) -> list[str]:
    return [f"{found} were found"] if due != found else []


def _check(claim: str, due: int, wrong: Sequence[str]) -> Check:
    right = max(0, due - len(wrong))
    return Check(claim=claim, due=due, right=right, example=wrong[0] if wrong else "")
