"""Being awake when the next window comes.

Between two decisions the processor sleeps, and others use its caches. The network that then answers first has to be
fetched again: on a shared machine that makes a decision half as long again as in a benchmark, which never sleeps. So
shortly before the next window is expected, the networks look once at the last one, for nothing but being at hand.

Whether that helps depends on the engine, the machine, and how regularly a device sends; where a sample comes while the
networks are looking, it has to wait. So it is tried, again and again: of some windows every other one is rehearsed, and
what comes after them is done the way that was quicker from the arrival to the decision.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan, nan
from statistics import median
from time import perf_counter

LEAD_S = 0.001
"""How long before the expected arrival it happens, besides the time it takes."""

WORTH_S = 0.004
"""Of sleep between two decisions, below which nothing is forgotten."""

TRIED, KEPT = 64, 1500
"""Windows of a trial, and windows for which its outcome is kept."""

QUICKER = 0.97
"""Share of the time without it that decisions with it may take, to be worth its work."""


class Foresight:
    """Says when to rehearse, and does it.

    Args:
        hop_s: seconds between windows.
        rehearse: what is done ahead; costs little and changes nothing.
        busy_s: seconds that a decision takes.
        rehearsal_s: seconds that a rehearsal takes, until they are measured.
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
        self._idle_s = hop_s - busy_s - LEAD_S
        self._takes_s = rehearsal_s
        self._at = inf
        self._came = nan
        self._number = 0
        self._rehearsed = False
        self._outcome: dict[bool, list[float]] = {True: [], False: []}
        self.helps = True

    def saw(self, arrived: float) -> None:
        """Takes note of a window by the time its last sample came; NaN where that is unknown."""
        self._at, self._came = inf, arrived
        if not isnan(arrived) and self._wanted() and self._idle_s - self._takes_s > WORTH_S:
            self._at = arrived + self._hop_s - self._takes_s - LEAD_S

    def decided(self, now: float) -> None:
        """Takes note of the decision on the window last seen."""
        self._number += 1
        if not isnan(self._came) and len(self._outcome[self._rehearsed]) < TRIED // 2:
            self._outcome[self._rehearsed].append(now - self._came)
        self._rehearsed = False
        if self._number == TRIED:
            self._judge()
        elif self._number >= TRIED + KEPT:
            self._number = 0
            self._outcome = {True: [], False: []}

    def wait_s(self, longest_s: float) -> float:
        """How long to sleep at most, so as to be awake in time."""
        return min(longest_s, max(self._at - self._clock(), 0.0))

    def act(self) -> bool:
        """Rehearses if it is time, once for each window seen; whether it was."""
        began = self._clock()
        if began < self._at:
            return False
        self._at = inf
        self._rehearse()
        self._rehearsed = True
        # As long as of late, and a little less: one that was held up once need not come early for ever.
        self._takes_s = max(self._clock() - began, 0.95 * self._takes_s)
        return True

    def _wanted(self) -> bool:
        """Whether the window after the one last seen is one that is rehearsed."""
        return self._number % 2 == 0 if self._number < TRIED else self.helps

    def _judge(self) -> None:
        with_it, without = self._outcome[True], self._outcome[False]
        self.helps = bool(with_it and without) and median(with_it) < QUICKER * median(without)
