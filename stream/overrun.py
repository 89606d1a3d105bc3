"""What a ring could not hold: samples that wait, and windows that were never made."""

from __future__ import annotations

from math import nan
from typing import Protocol

from dsp.flow import Window
from stream.latency import Stages
from stream.pace import Pace


class Backlog(Protocol):
    """What a ring knows of the samples that the loop has not seen."""

    def waiting(self) -> int:
        """Samples that have come and go on where the last ones ended."""

    def lost(self) -> int:
        """Samples that were overwritten so far before anybody saw them."""


class NoBacklog:
    """Where there is no ring."""

    def waiting(self) -> int:
        """None."""
        return 0

    def lost(self) -> int:
        """None."""
        return 0


class Overrun:
    """Windows that were never made, since the ring had to give up their samples: they count as skipped.

    Args:
        hop: samples between windows.
        backlog: of the ring.
        stages: where the wait for the next decision is counted.
        pace: where they are counted, if there is one.
    """

    def __init__(self, hop: int, backlog: Backlog, stages: Stages, pace: Pace | None) -> None:
        self._hop, self._backlog, self._stages, self._pace = hop, backlog, stages, pace
        self._lost = backlog.lost()
        self._end: int | None = None
        self._taken = nan

    def saw(self, window: Window, taken: float, now: float) -> None:
        """Looks whether samples were lost since the window before this one."""
        lost = self._backlog.lost()
        if lost > self._lost and self._end is not None:
            missing = (window.end - self._end) // self._hop - 1
            apart = (taken - self._taken) / (missing + 1) if missing > 0 else 0.0
            for number in range(1, missing + 1):
                self._stages.skip(self._taken + number * apart)
            if self._pace is not None and missing > 0:
                self._pace.lost(missing, now)
        self._lost, self._end, self._taken = lost, window.end, taken
