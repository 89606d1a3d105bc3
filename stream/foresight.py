"""Being awake when the next window comes.

Between two decisions the processor sleeps, and others use its caches. The network that then answers first has to be
fetched again: on a shared machine that makes a decision half as long again as in a benchmark, which never sleeps. So
shortly before the next window is expected, the networks look once at the last one, for nothing but being at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan
from time import perf_counter

LEAD_S = 0.002
"""How long before the expected arrival it happens, besides the time it takes."""

WORTH_S = 0.004
"""Of sleep between two decisions, below which nothing is forgotten."""


class Foresight:
    """Says when to rehearse, and does it.

    Args:
        hop_s: seconds between windows.
        rehearse: what is done ahead; costs little and changes nothing.
        busy_s: seconds that a decision takes.
        rehearsal_s: seconds that a rehearsal takes.
        clock: seconds, the one of ``Window.arrived``.
    """

    def __init__(
        self,
        hop_s: float,
        rehearse: Callable[[], object],
        busy_s: float,
        rehearsal_s: float,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._hop_s, self._rehearse, self._clock = hop_s, rehearse, clock
        self._lead_s = LEAD_S + rehearsal_s
        self._worth = hop_s - busy_s - self._lead_s > WORTH_S
        self._at = inf

    def saw(self, arrived: float) -> None:
        """Takes note of a window by the time its last sample came; NaN where that is unknown."""
        if self._worth and not isnan(arrived):
            self._at = arrived + self._hop_s - self._lead_s

    def wait_s(self, longest_s: float) -> float:
        """How long to sleep at most, so as to be awake in time."""
        return min(longest_s, max(self._at - self._clock(), 0.0))

    def act(self) -> bool:
        """Rehearses if it is time, once for each window seen; whether it was."""
        if self._clock() < self._at:
            return False
        self._at = inf
        self._rehearse()
        return True
