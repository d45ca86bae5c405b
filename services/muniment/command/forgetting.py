"""Forgets a principal in one partition: the read model finds its traces, the core removes them."""

from collections.abc import Callable
from typing import Final

from muniment.command.known import Known
from muniment.command.loading import ReadModel
from muniment.command.waiting import Forget, Forgotten
from muniment.domain.addresses import Address, parse_uri
from muniment.domain.events import ObjectChanged
from muniment.domain.forgetting import forget
from muniment.domain.moments import Moment
from muniment.domain.states import Scene
from muniment.readmodel.acls import object_acl
from muniment.readmodel.sql import Statements

SQL: Final = Statements("muniment.command", "forgetting.sql")

_FIND_TRACES: Final = SQL.find_traces.format(acl=object_acl("o"))


async def decide_forget(
    order: Forget,
    *,
    known: Known,
    read_model: ReadModel,
    scene_of: Callable[[Address], Scene],
    moment: Callable[[], Moment],
    learn: Callable[[ObjectChanged], None],
) -> Forgotten:
    """Change up to `objects_max` objects; those above others come first, and take them along."""
    async with read_model.acquire() as connection:
        rows = await connection.fetch(
            _FIND_TRACES, order.principal, order.partition, order.objects_max
        )
    addresses = [parse_uri(row["uri"]) for row in rows]
    if lacking := known.lacking(addresses):
        await read_model.load(lacking, known)
    events: list[ObjectChanged] = []
    for address in addresses:
        event = forget(
            scene_of(address), address, order.principal, moment=moment(), cause=order.cause
        )
        if event is not None:
            learn(event)
            events.append(event)
    return Forgotten(events=events, is_done=len(rows) < order.objects_max)
