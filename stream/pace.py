"""The deadline policy: what is done where a decision cannot be made in time (``stream.deadline``).

First a decision gets fewer views, then fewer members. Where even the least would make the next one late as well, a
window is skipped, if a newer one is there already: what falls behind would otherwise fall behind ever further, and
answer about the past. Nothing of it is hidden: it is counted, and said while it lasts. When the load is gone,
everything comes back by itself.

How long an effort will take is foreseen from how long it took when all was quiet, times how much slower than that the
machine has been of late, and what the sinks take besides. By that the *level* is chosen, the largest effort that fits
into a hop; a single window gets less than that where less time is left. A load need not slow everything down alike, so
the larger effort may fail where the smaller one promised: a rise that did not last makes the next one wait twice as
long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf, isnan, nan
from statistics import median
from time import perf_counter

from stream.deadline import Deadlines

RECENT = 5
"""Decisions by whose median the machine is judged: one that stumbled, or two, say nothing of the next."""

FULL, CALM = 0.9, 0.7
"""Shares of a hop that an effort may take: to be kept up, and to be gone back to."""

PATIENCE_S = (0.2, 10.0)
"""How long the level stays low before it rises: at first, and at most."""

SAID_S = 1.0
"""How long after a window was skipped that is said."""


class Pace:
    """Chooses how much is spent on a window, and counts what came too late or not at all.

    Args:
        hop_s: seconds between windows.
        costs_s: seconds that a decision takes at each effort, the largest first, on a quiet machine.
        strict: reduce the effort and skip windows; otherwise only count.
        words: says what an effort is.

    Attributes:
        hop_s: as it was given.
        effort: of the latest decision.
        level: the effort that decisions get if nothing holds them up.
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
        self.effort = self.level = 0
        self.made = [0] * len(costs_s)
        self.late = self.skipped = 0
        self.words = words
        self._deadlines = Deadlines(hop_s)
        self._costs = [max(cost, 1e-6) for cost in costs_s]
        self._slowness: deque[float] = deque([1.0] * RECENT, RECENT)
        self._besides_s: deque[float] = deque([0.0] * RECENT, RECENT)
        self._late: deque[bool] = deque([False] * RECENT, RECENT)
        self._slow, self._besides = 1.0, 0.0
        self._due = -inf
        self._skipped_at = self._fell_at = self._rose_at = -inf
        self._patience_s = PATIENCE_S[0]

    def choose(self, arrived: float, now: float, superseded: bool, stamp: float = nan) -> int | None:
        """The effort for a window, or None to skip it.

        Args:
            arrived: when its last sample was in the ring; where that is not known, ``now``.
            now: the present, on the same clock.
            superseded: a newer whole window is there already.
            stamp: when its last sample was taken, NaN where that is unknown.
        """
        self._due = self._deadlines.due(now if isnan(arrived) else arrived, stamp)
        if not self.strict:
            return 0
        effort = self._fitting(self._due - now)
        if effort is None:
            # Late as it is: is there time for it before the next one, which has a hop more?
            effort = self._fitting(self._due + self.hop_s - now - self._takes(-1))
        if effort is None and superseded:
            self.lost(1, now)
            return None
        self.effort = len(self._costs) - 1 if effort is None else effort
        return self.effort

    def done(self, effort: int, began: float, decided: float, free: float) -> None:
        """Takes note of a decision.

        Args:
            effort: that it got.
            began: when the loop turned to its window.
            decided: when it was made.
            free: when the loop was done with it, sinks included.
        """
        self.made[effort] += 1
        late = self._deadlines.late(self._due, decided)
        self.late += late
        self._late.append(late)
        self._slowness.append((decided - began) / self._costs[effort])
        self._besides_s.append(free - decided)
        self._slow, self._besides = median(self._slowness), median(self._besides_s)
        if self.strict:
            self._settle(free)

    def lost(self, windows: int, now: float) -> None:
        """Takes note of windows that got no decision at all."""
        self.skipped += windows
        self._skipped_at = now

    def trouble(self, now: float | None = None) -> str:
        """What is amiss at present, in words; "" while every decision gets everything in time.

        Args:
            now: the present; None asks the clock.
        """
        parts = []
        if (perf_counter() if now is None else now) - self._skipped_at < SAID_S:
            parts.append("windows skipped")
        elif sum(self._late) > RECENT // 2:
            parts.append("decisions late")
        if self.level:
            parts.append(self.words(self.level))
        # What matters most stands first: a narrow terminal cuts the end off.
        return f"too slow for a hop of {self.hop_s * 1e3:.3g} ms: {'; '.join(parts)}" if parts else ""

    def _takes(self, effort: int) -> float:
        """Seconds that an effort is expected to take, sinks included."""
        return self._costs[effort] * self._slow + self._besides

    def _fitting(self, left_s: float) -> int | None:
        """The largest effort from the level down for which so much time is enough."""
        return next((effort for effort in range(self.level, len(self._costs)) if self._takes(effort) <= left_s), None)

    def _settle(self, now: float) -> None:
        """Chooses the level."""
        least = len(self._costs) - 1
        if self._takes(self.level) > FULL * self.hop_s:
            fits = (effort for effort in range(self.level, least) if self._takes(effort) <= FULL * self.hop_s)
            self._fall(next(fits, least), now)
        elif self.level and now - self._fell_at >= self._patience_s:
            calm = (effort for effort in range(self.level) if self._takes(effort) <= CALM * self.hop_s)
            self._rise(next(calm, self.level), now)

    def _fall(self, level: int, now: float) -> None:
        if level == self.level:
            return
        shortest, longest = PATIENCE_S
        lasted = now - self._rose_at > 2 * self._patience_s
        self._patience_s = shortest if lasted else min(2 * self._patience_s, longest)
        self.level, self._fell_at = level, now

    def _rise(self, level: int, now: float) -> None:
        if level < self.level:
            self.level, self._rose_at = level, now
