"""When a decision is due, and whether it came in time.

A window is due one hop after its last sample came into the ring. Samples may come in bursts, several windows at once:
then the second is due two hops after they came, and so on, since the next burst takes as long to come; but none later
than a tenth of a second. Whoever was held up for longer has something to catch up with.

That says nothing of a process that stood still as a whole, the thread that fills the ring included: to it, everything
seems to have come just now. So a decision is late as well where it is older than its source's usual delay, counted
from when its last sample was taken, by more than the same tenth of a second.
"""

from __future__ import annotations

from math import isnan, nan

BURST_S = 0.1
"""The longest burst that is granted its length; radio links bundle less."""

TOGETHER = 0.5
"""Share of a hop below which two windows came at once."""

UNUSUAL = 0.1
"""Share of windows whose delay exceeds what is called usual."""

FOLLOWS = 0.05
"""Share of a hop by which the usual delay follows at each window, at most."""


class Deadlines:
    """Takes note of windows in their order and says when each is due.

    Args:
        hop_s: seconds between windows.
    """

    def __init__(self, hop_s: float) -> None:
        self._hop_s = hop_s
        self._longest_s = max(hop_s, BURST_S)
        self._came = self._first = nan
        self._place = 1
        self._usual_s = nan
        self._stamp = nan

    def due(self, arrived: float, stamp: float) -> float:
        """When the decision on a window is due.

        Args:
            arrived: when its last sample was in the ring.
            stamp: when that was taken, NaN where it is unknown; on the same clock.
        """
        if arrived - self._came < TOGETHER * self._hop_s:
            self._place += 1
        else:
            self._first, self._place = arrived, 1
        self._came, self._stamp = arrived, stamp
        self._follow(arrived - stamp)
        return max(arrived + self._hop_s, self._first + min(self._place * self._hop_s, self._longest_s))

    def late(self, due: float, decided: float) -> bool:
        """Whether the decision on the window last noted, which was ``due`` then, came too late."""
        return decided > due or decided - self._stamp > self._usual_s + self._longest_s

    def _follow(self, delay_s: float) -> None:
        """The usual delay goes towards one that a share ``UNUSUAL`` of all windows exceed."""
        if isnan(delay_s):
            return
        if isnan(self._usual_s):
            self._usual_s = delay_s
        step = FOLLOWS * self._hop_s
        self._usual_s += (1 - UNUSUAL) * step if delay_s > self._usual_s else -UNUSUAL * step
