"""When the last samples of recent windows were taken."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import nan

from dsp.flow import Window


class Times:
    """When the last samples of recent windows were taken, for sinks that stamp what they send."""

    MOST = 4096

    def __init__(self) -> None:
        self._of: OrderedDict[int, float] = OrderedDict()

    def watch(self, window: Window) -> None:
        """Takes note of a window."""
        self._of[window.end - 1] = window.stamp
        if len(self._of) > self.MOST:
            self._of.popitem(last=False)

    def __call__(self, index: int) -> float:
        """The stamp of a sample, seconds on ``time.perf_counter``; NaN where it is not known."""
        return self._of.get(index, nan)


def watching(times: Times, also: Callable[[Window], object] | None) -> Callable[[Window], object]:
    """What takes note of a window's time, and hands it on if somebody else watches."""
    if also is None:
        return times.watch

    def watch(window: Window) -> None:
        times.watch(window)
        also(window)

    return watch
