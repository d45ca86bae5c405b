"""The deliveries of a lane in lines: within a line one waits for the one before it.

What a line is, the order says: one per record, one for all, or one for each delivery. Only the
first of a line can be ready to be sent, parked until its time, or in flight; and in a request that
holds several events, those right behind it go along.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from muniment.domain.webhooks.spec import Order
from muniment.log.protocol import Offset
from muniment.webhooks.deliveries import Delivery, State


class Lines:
    """See the module."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.parked: dict[Offset, Delivery] = {}
        """Those that wait for their time, and those behind them."""
        self._ready: deque[Delivery] = deque()
        self._due: list[tuple[float, Offset]] = []
        self._lines: dict[str | Offset, deque[Delivery]] = {}

    @property
    def parks_followers(self) -> bool:
        """Whether those behind a parked one are passed over too.

        Not in strict order: there nothing newer goes out, and the position just stays.
        """
        return self.order is not Order.STRICT

    @property
    def ready_count(self) -> int:
        """How many have not been tried yet and need not wait, at most."""
        return len(self._ready)

    def add(self, delivery: Delivery) -> Delivery:
        """Put a delivery at the end of its line; answers the first one there."""
        line = self._lines.get(self._line_key(delivery))
        if line is None:
            self._lines[self._line_key(delivery)] = deque((delivery,))
            self._to_front(delivery)
            return delivery
        delivery.state = State.WAITING
        line.append(delivery)
        return line[0]

    def followers_of(self, delivery: Delivery) -> Iterable[Delivery]:
        """All behind the first of a line."""
        return islice(self._lines[self._line_key(delivery)], 1, None)

    def park(self, delivery: Delivery) -> None:
        """Note that the delivery's place is kept by a row of its own."""
        delivery.is_parked = True
        self.parked[delivery.offset] = delivery

    def give_back(self, delivery: Delivery) -> None:
        """The delivery was not made: it is ready again, waits for its time, or for the first."""
        if self._lines[self._line_key(delivery)][0] is delivery:
            self._to_front(delivery)
        else:
            delivery.state = State.WAITING

    def finish(self, delivery: Delivery) -> None:
        """The delivery is made or dead: the one behind it is the first of the line now.

        The deliveries of a line are finished in its order, but for dead ones in its middle.
        """
        delivery.state = State.DONE
        self.parked.pop(delivery.offset, None)
        key = self._line_key(delivery)
        line = self._lines[key]
        was_first = line[0] is delivery
        line.remove(delivery)
        if not line:
            del self._lines[key]
        elif was_first and line[0].state is State.WAITING:
            self._to_front(line[0])

    def send(self, first: Delivery, room: int) -> Sequence[Delivery]:
        """Mark the first of a line as in flight, and those behind it for which there is room."""
        line = self._lines[self._line_key(first)]
        sent = [first] if room == 1 else list(islice(line, room))
        for delivery in sent:
            delivery.state = State.IN_FLIGHT
            delivery.is_early = first.is_early
        return sent

    def peek_ready(self) -> Delivery | None:
        """The first that has not been tried yet and need not wait."""
        while self._ready and self._ready[0].state is not State.READY:
            self._ready.popleft()
        return self._ready[0] if self._ready else None

    def pop_ready(self) -> Delivery | None:
        """The same, to be sent."""
        return self._ready.popleft() if self.peek_ready() is not None else None

    def next_due(self) -> float | None:
        """When the next parked delivery is to be tried again."""
        while self._due:
            at, offset = self._due[0]
            delivery = self.parked.get(offset)
            is_current = (
                delivery is not None and delivery.state is State.PARKED and delivery.due_at == at
            )
            if is_current:
                return at
            heapq.heappop(self._due)
        return None

    def pop_due(self) -> Delivery:
        """That delivery, to be sent; `next_due` has told that there is one."""
        _, offset = heapq.heappop(self._due)
        return self.parked[offset]

    def release(self) -> None:
        """Make all parked deliveries due now, in the order of the log.

        What fails before its own time all the same goes back to wait for that.
        """
        self._due.clear()
        for _, delivery in sorted(self.parked.items()):
            if delivery.state is State.PARKED:
                self._make_due(delivery, 0.0)

    def clear(self) -> None:
        for held in (self.parked, self._ready, self._due, self._lines):
            held.clear()

    def _line_key(self, delivery: Delivery) -> str | Offset:
        match self.order:
            case Order.RECORD:
                return delivery.key
            case Order.STRICT:
                return ""
            case Order.NONE:
                return delivery.offset

    def _to_front(self, delivery: Delivery) -> None:
        """The delivery is the first of its line now."""
        if delivery.is_parked:
            delivery.state = State.PARKED
            self._make_due(delivery, delivery.next_try_at)
        else:
            delivery.state = State.READY
            self._ready.append(delivery)

    def _make_due(self, delivery: Delivery, at: float) -> None:
        delivery.due_at = at
        heapq.heappush(self._due, (at, delivery.offset))
