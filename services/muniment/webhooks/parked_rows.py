"""The rows of a lane's parked deliveries: which to write next and which to take away."""

from collections.abc import Sequence

from muniment.log.protocol import Offset
from muniment.webhooks.deliveries import Delivery, LaneId, ParkedRow


class ParkedRows:
    """What has changed of them since they were last taken for a commit."""

    def __init__(self, lane_id: LaneId) -> None:
        self._lane_id = lane_id
        self._written: dict[Offset, Delivery] = {}
        self._made: list[Delivery] = []

    def write(self, delivery: Delivery) -> None:
        """The delivery needs a row as it is when the rows are taken, or another than it has."""
        self._written[delivery.offset] = delivery

    def made(self, delivery: Delivery) -> None:
        """The receiver has it: it needs no row any more."""
        self._written.pop(delivery.offset, None)
        if delivery.has_row:
            self._made.append(delivery)

    def take_written(self) -> list[ParkedRow]:
        """The rows to be written; from here on the deliveries count as having them."""
        rows = [row_of(delivery, self._lane_id) for delivery in self._written.values()]
        for delivery in self._written.values():
            delivery.has_row = True
        self._written.clear()
        return rows

    def take_made(self) -> Sequence[Delivery]:
        """The deliveries whose rows are to be taken away."""
        made, self._made = self._made, []
        return made


def row_of(delivery: Delivery, lane_id: LaneId) -> ParkedRow:
    """What is kept of a delivery that its lane moves past."""
    return ParkedRow(
        lane_id=lane_id,
        offset=delivery.offset,
        claim=delivery.claim,
        key=delivery.key,
        attempts=delivery.attempts,
        next_try_at=delivery.next_try_at,
        is_dead=delivery.is_dead,
        reason=delivery.reason,
    )


def delivery_of_row(row: ParkedRow) -> Delivery:
    """The delivery again, behind its lane's position; its contents are on the log."""
    return Delivery(
        offset=row.offset,
        claim=row.claim,
        key=row.key,
        attempts=row.attempts,
        next_try_at=row.next_try_at,
        reason=row.reason,
        has_row=True,
        is_passed=True,
    )
