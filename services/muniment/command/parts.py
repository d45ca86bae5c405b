"""What a group of orders consists of: which of them go together, and what they are about."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias, assert_never

from muniment.command.waiting import (
    Atomic,
    DeleteRest,
    Flush,
    Forget,
    Read,
    Step,
    Waiting,
    claims_name,
)
from muniment.domain.addresses import Address, Kind, bucket, collection
from muniment.domain.commands import (
    Create,
    Delete,
    DeleteHistory,
    DeleteMany,
    DocumentPatch,
    FieldsPatch,
    MergePatch,
    Patch,
    Put,
    ReadSecrets,
    RotateSecret,
)
from muniment.domain.values import Principal
from muniment.domain.webhooks.rekeying import RekeyWebhook
from muniment.domain.webhooks.reporting import ReportWebhook

Sort: TypeAlias = Literal["alone", "buckets", "objects"]


_NOBODYS: Final = (Flush, Forget, Read, ReportWebhook, RekeyWebhook)
"""Orders of which it is no matter who asks."""


def parts(group: Sequence[Waiting]) -> Iterator[Sequence[Waiting]]:
    """The group in runs of what can be decided together."""
    part: list[Waiting] = []
    for waiting in group:
        if part and (sort_of(waiting) == "alone" or sort_of(waiting) != sort_of(part[-1])):
            yield part
            part = []
        part.append(waiting)
    if part:
        yield part


def sort_of(waiting: Waiting) -> Sort:
    """With which others an order can be decided; those that query the read model stand alone."""
    order = waiting.order
    if isinstance(order, DeleteMany | DeleteHistory | DeleteRest | Flush | Forget):
        return "alone"
    if waiting.stands_alone:
        return "alone"
    # A look-up would come too late: what was decided before it can't be taken back alone.
    if isinstance(order, Atomic) and (order.needs_draft or any(map(_wants_timestamp, order.steps))):
        return "alone"
    if claims_name(order):
        return "alone"
    return "buckets" if needs_turn(waiting) else "objects"


def asks_read_model(waiting: Waiting) -> bool:
    """Whether it must hold all that was appended; what is left of a deletion was asked for."""
    return sort_of(waiting) == "alone" and not isinstance(waiting.order, DeleteRest)


def needs_turn(waiting: Waiting) -> bool:
    """Whether the order is about a bucket, and so needs a turn on the list of all buckets."""
    order = waiting.order
    if isinstance(order, Atomic):
        return any(map(_is_of_bucket, order.steps))
    if isinstance(order, Flush | DeleteRest | ReportWebhook | RekeyWebhook):
        return False
    return isinstance(order, Forget) or _is_of_bucket(order)


def users_of(part: Sequence[Waiting]) -> frozenset[Principal]:
    """Who asks, without the anonymous."""
    steps = (step for step in steps_of(part) if not isinstance(step, _NOBODYS))
    user_ids = (step.requester.user_id for step in steps)
    return frozenset(user_id for user_id in user_ids if user_id is not None)


def targets_of(part: Sequence[Waiting]) -> tuple[list[Address], list[Address]]:
    """Whose states the orders need; of the second list it is certain that they are absent."""
    targets: list[Address] = []
    fresh: list[Address] = []
    for step in steps_of(part):
        match step:
            case Create(id_from_client=False):
                fresh.append(step.address)
            case Create() | Put() | Patch() | Delete() | RotateSecret() | ReadSecrets():
                targets.append(step.address)
            case ReportWebhook() | RekeyWebhook():
                targets.append(step.address)
            case DeleteMany(bucket_id=bucket_id, collection_id=collection_id):
                if bucket_id is not None and collection_id is not None:
                    targets.append(collection(bucket_id, collection_id))
                elif bucket_id is not None:
                    targets.append(bucket(bucket_id))
            case DeleteHistory(bucket_id=bucket_id):
                targets.append(bucket(bucket_id))
            case Read() | Flush() | Forget():
                pass
            case _:
                assert_never(step)
    return targets, fresh


def steps_of(
    part: Sequence[Waiting],
) -> Iterator[Step | Flush | Forget | ReportWebhook | RekeyWebhook]:
    """All orders, those that belong together one by one."""
    for waiting in part:
        match waiting.order:
            case Atomic(steps=steps):
                yield from steps
            case DeleteRest(order=order):
                yield order
            case order:
                yield order


def _is_of_bucket(step: Step) -> bool:
    match step:
        case Create() | Put() | Patch() | Delete():
            return step.address.kind is Kind.BUCKET
        case DeleteMany() | DeleteHistory() | Read() | RotateSecret() | ReadSecrets():
            return False
        case _:
            assert_never(step)


def _wants_timestamp(step: Step) -> bool:
    """Whether the client asks for a `last_modified`, which others may have."""
    match step:
        case Create() | Put():
            data = step.body.data
        case Patch(change=FieldsPatch() | MergePatch() as change):
            data = change.body.data
        case Patch(change=DocumentPatch()):
            return False  # Its `last_modified` is the user's own field.
        case Patch():
            return True
        case Delete():
            return step.last_modified is not None
        case DeleteMany() | DeleteHistory() | Read() | RotateSecret() | ReadSecrets():
            return False
        case _:
            assert_never(step)
    return data is not None and "last_modified" in data
