"""The figures that runs are judged by, told together at their end: what was met, and what was not.

Machines differ, so a figure of time fails no test; `make faults` and `make bench-webhooks` tell it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One figure and its bound; smaller is better, unless it is to be reached."""

    what: str
    figure: float
    bound: float
    unit: str
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        return self.figure >= self.bound if self.is_floor else self.figure <= self.bound

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What it is, the figure, the bound, and whether it was met."""
        sign = "≥" if self.is_floor else "≤"
        return (
            self.what,
            f"{_text(self.figure)} {self.unit}",
            f"{sign} {_text(self.bound)} {self.unit}",
            "met" if self.is_met else "NOT met",
        )


TOLD: list[Gate] = []
"""Of this run."""


def tell(what: str, figure: float, bound: float, unit: str = "", *, is_floor: bool = False) -> Gate:
    """Have it in the summary at the end of the run."""
    gate = Gate(what=what, figure=figure, bound=bound, unit=unit, is_floor=is_floor)
    TOLD.append(gate)
    return gate


def _text(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.3g}"
