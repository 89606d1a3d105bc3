"""When each notification of a Myo was due, learnt from those that came: they may be late, but never early."""

from __future__ import annotations

from typing import NamedTuple

_BLOCK = 25  # notifications of which only the least late one is remembered
_LINE_BLOCKS = 4
_RATE_BLOCKS = 32
_LEARNT = 200  # notifications over which the rate must be seen before it is believed
_WORST = 0.015  # no device's clock is further from its nominal rate


class _Arrival(NamedTuple):
    number: int
    at_s: float


class Due:
    """A straight line under the arrivals: the earliest of the last second, at the rate of the last eight.

    Args:
        period_s: nominal time from one notification to the next.

    Attributes:
        period_s: the same, as it was learnt.
    """

    def __init__(self, period_s: float) -> None:
        self._nominal_s = self.period_s = period_s
        self._blocks: list[_Arrival] = []

    def lateness(self, number: int, at_s: float) -> float:
        """By how many periods a notification came after it was due; below zero: earlier than it can have come."""
        if not self._blocks:
            return 0.0
        due_s = min(self._expected(block, number) for block in self._blocks[-_LINE_BLOCKS:])
        return (at_s - due_s) / self.period_s

    def add(self, number: int, at_s: float) -> None:
        """A notification whose number is settled."""
        arrival = _Arrival(number, at_s)
        last = self._blocks[-1] if self._blocks else None
        if last is None or last.number // _BLOCK != number // _BLOCK:
            self._learn()
            self._blocks.append(arrival)
            del self._blocks[:-_RATE_BLOCKS]
        elif at_s < self._expected(last, number):
            self._blocks[-1] = arrival

    def restart(self) -> None:
        """The numbers begin anew, by the same clock."""
        self._blocks.clear()

    def _expected(self, arrival: _Arrival, number: int) -> float:
        return arrival.at_s + (number - arrival.number) * self.period_s

    def _learn(self) -> None:
        if len(self._blocks) < 2:
            return
        first, last = self._blocks[0], self._blocks[-1]
        seen = last.number - first.number
        off = (last.at_s - first.at_s) / seen / self._nominal_s - 1
        off = max(-_WORST, min(_WORST, off * min(1.0, seen / _LEARNT)))
        self.period_s = self._nominal_s * (1 + off)
