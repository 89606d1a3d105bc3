"""The deadline: a decision is due before the next window is, and what is done where that cannot be met.

First a decision gets fewer views, then fewer members. Where even the least would make the next one late as well, a
window is skipped, if a newer one is there already: what falls behind would otherwise fall behind ever further, and
answer about the past. Nothing of it is hidden: it is counted, and said while it lasts. When the load is gone,
everything comes back by itself.

How long an effort will take is foreseen from how long it took when all was quiet, times how much slower than that the
machine has been of late. So what a larger effort would cost is known without trying it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan

RECENT = 0.3
"""Weight of the latest decision in how slow the machine is taken to be: a single stumble is forgotten in a few."""

FULL, CALM = 0.9, 0.7
"""Shares of the time left that an effort may take: to be kept up, and to be gone back to."""


class Pace:
    """Chooses how much is spent on a window, and counts what came too late or not at all.

    A window is due one hop after its last sample came. Samples may come in bursts, several windows at once: then each
    is due one hop after the one before it was, since the burst had as long to come.

    Args:
        hop_s: seconds between windows.
        costs_s: seconds that a decision takes at each effort, the largest first, on a quiet machine.
        strict: reduce the effort and skip windows; otherwise only count.
        words: says what an effort is.

    Attributes:
        effort: of the latest decision.
        made: decisions at each effort.
        late: decisions that came after they were due.
        skipped: windows that got none.
        words: as it was given.
    """

    def __init__(
        self,
        hop_s: float,
        costs_s: Sequence[float],
        *,
        strict: bool = True,
        words: Callable[[int], str] = lambda effort: f"effort {effort}",
    ) -> None:
        self.hop_s, self.strict = hop_s, strict
        self.effort = 0
        self.made = [0] * len(costs_s)
        self.late = self.skipped = 0
        self.words = words
        self._costs = [max(cost, 1e-6) for cost in costs_s]
        self._slowness = 1.0
        self._due = self._free = -1.0
        self._skipping = False

    def choose(self, arrived: float, now: float, superseded: bool) -> int | None:
        """The effort for a window, or None to skip it.

        Args:
            arrived: when its last sample was in the ring; where that is not known, ``now``.
            now: the present, on the same clock.
            superseded: a newer whole window is there already.
        """
        came = now if isnan(arrived) else arrived
        # Whoever was idle when a sample came has nothing to catch up with.
        self._due = (came if self._free <= came else max(came, self._due)) + self.hop_s
        if not self.strict:
            return 0
        effort = self._fitting(self._due - now)
        if effort is None:
            # Late as it is: is there time for it before the next one, which has a hop more?
            effort = self._fitting(self._due + self.hop_s - now - self._costs[-1] * self._slowness)
        if effort is None and superseded:
            self.skipped += 1
            self._skipping = True
            return None
        effort = len(self._costs) - 1 if effort is None else effort
        self.effort = effort
        self._skipping = False
        return effort

    def _fitting(self, left_s: float) -> int | None:
        """The largest effort for which so much time is enough."""
        for effort, cost in enumerate(self._costs):
            if cost * self._slowness <= left_s * (FULL if effort >= self.effort else CALM):
                return effort
        return None

    def done(self, effort: int, began: float, decided: float, free: float) -> None:
        """Takes note of a decision.

        Args:
            effort: that it got.
            began: when the loop turned to its window.
            decided: when it was made.
            free: when the loop was done with it, sinks included.
        """
        self._free = free
        self.made[effort] += 1
        self.late += decided > self._due
        self._slowness += RECENT * ((free - began) / self._costs[effort] - self._slowness)

    def trouble(self) -> str:
        """What is amiss at present, in words; "" while every decision gets everything in time."""
        if not (self.effort or self._skipping):
            return ""
        spent = self.words(self.effort) if self.effort else "everything"
        skips = ", and windows are skipped" if self._skipping else ""
        return f"too slow for a decision every {self.hop_s * 1e3:g} ms: each gets {spent}{skips}"
