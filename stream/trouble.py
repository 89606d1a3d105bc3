"""What goes wrong with a stream, in words: for the view while it lasts, and for plain output as it happens."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import IO

import numpy as np
from numpy.typing import NDArray

from devices.integrity import Integrity
from models.decision import Decision

QUIET_S = 1.0
"""Between two sentences about losses; what is being waited for is said at once."""


def in_words(integrity: Integrity) -> str:
    """The counts that are not zero, or "" where nothing is amiss: ``lost 12 samples in 3 gaps, 1 damaged``."""
    parts = []
    if integrity.gaps:
        parts.append(f"lost {_several(integrity.lost, 'sample')} in {_several(integrity.gaps, 'gap')}")
    for count, what in (
        (integrity.damaged, "damaged"),
        (integrity.duplicates, "twice"),
        (integrity.resyncs, "out of step"),
    ):
        if count:
            parts.append(f"{count} {what}")
    if integrity.returns:
        parts.append(f"came back {_several(integrity.returns, 'time')}")
    return ", ".join(parts)


class Contacts:
    """Which channels are flat or saturated at present: those whose counts have grown since the last look.

    Args:
        integrity: of the source.
        channels: their names.
    """

    def __init__(self, integrity: Integrity, channels: tuple[str, ...]) -> None:
        self._integrity, self._channels = integrity, channels
        self._flat, self._saturated = integrity.flat.copy(), integrity.saturated.copy()

    def in_words(self) -> str:
        """``ch4 flat, ch2 saturated``, or ""."""
        flat, saturated = self._integrity.flat.copy(), self._integrity.saturated.copy()
        parts = [self._named(flat > self._flat, "flat"), self._named(saturated > self._saturated, "saturated")]
        self._flat, self._saturated = flat, saturated
        return ", ".join(filter(None, parts))

    def _named(self, which: NDArray[np.bool_], how: str) -> str:
        if not which.any():
            return ""
        names = "all channels" if which.all() else " ".join(np.array(self._channels)[which])
        return f"{names} {how}"


class Notices:
    """Says on a text file (stderr) when samples are lost and when a device goes and comes back.

    Args:
        out: a text file.
        name: of the source.
        integrity: of the source.
        clock: seconds.
    """

    def __init__(self, out: IO[str], name: str, integrity: Integrity, clock: Callable[[], float] = monotonic) -> None:
        self._out, self._name, self._integrity, self._clock = out, name, integrity, clock
        self._state, self._words, self._due = "", "", 0.0

    def __call__(self, decision: Decision) -> None:  # noqa: ARG002 - it stands among the sinks
        """Looks with every decision."""
        self.refresh()

    def refresh(self) -> None:
        """Looks, and says what is new; also to be called while no decisions come."""
        state = self._integrity.state
        if state != self._state:
            self._say(state or "is back")
            self._state = state
        elif not state and self._clock() >= self._due:
            self._say_losses()

    def last(self) -> None:
        """Says what is left to say, at the end."""
        self._say_losses()

    def _say_losses(self) -> None:
        words = in_words(self._integrity)
        if words != self._words:
            self._words, self._due = words, self._clock() + QUIET_S
            self._say(f"so far {words}")

    def _say(self, what: str) -> None:
        print(f"note: {self._name}: {what}", file=self._out, flush=True)


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
