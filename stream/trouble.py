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

Trouble = Callable[[], str]
"""What is amiss besides the source, in words; "" where nothing is."""


def no_trouble() -> str:
    """Where nothing else can be amiss."""
    return ""


def both(one: Trouble, other: Trouble) -> Trouble:
    """What either has to say."""
    return lambda: "; ".join(filter(None, (one(), other())))


def in_words(integrity: Integrity) -> str:
    """The counts that are not zero, or "" where nothing is amiss: ``lost 12 samples in 3 gaps, 1 damaged``."""
    parts = []
    if integrity.gaps:
        parts.append(f"lost {in_number(integrity.lost, 'sample')} in {in_number(integrity.gaps, 'gap')}")
    for count, what in (
        (integrity.damaged, "damaged"),
        (integrity.duplicates, "twice"),
        (integrity.resyncs, "resynchronised"),
    ):
        if count:
            parts.append(f"{count} {what}")
    if integrity.returns:
        parts.append(f"came back {in_number(integrity.returns, 'time')}")
    if integrity.unseen:
        parts.append(integrity.unseen)
    return ", ".join(parts)


def contact_in_words(integrity: Integrity, channels: tuple[str, ...]) -> str:
    """The channels that were flat or saturated and for how much of the time: ``ch4 flat 12.0%``; "" for none."""
    parts = []
    for how, counts in (("flat", integrity.flat), ("saturated", integrity.saturated)):
        for channel, count in zip(channels, counts.tolist(), strict=True):
            if count:
                parts.append(f"{channel} {how} {count / max(integrity.samples, 1):.1%}")
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


class Complaints:
    """Says on a text file when something becomes amiss and when it is over; a sink, so that it looks now and then.

    Args:
        out: a text file, such as stderr.
        trouble: what is amiss at present, in words.
        clock: seconds.
    """

    def __init__(self, out: IO[str], trouble: Trouble, clock: Callable[[], float] = monotonic) -> None:
        self._out, self._trouble, self._clock = out, trouble, clock
        self._words, self._due = "", 0.0

    def __call__(self, decision: Decision) -> None:  # noqa: ARG002 - it stands among the sinks
        """Looks with every decision."""
        self.refresh()

    def refresh(self) -> None:
        """Looks, and says what is new, at most every ``QUIET_S``."""
        if self._clock() < self._due:
            return
        words = self._trouble()
        if words != self._words:
            said = words or f"this is over: {self._words}"
            self._words, self._due = words, self._clock() + QUIET_S
            print(f"note: {said}", file=self._out, flush=True)


class Notices:
    """Says on a text file (stderr) when samples are lost and when a device goes and comes back.

    Args:
        out: a text file.
        name: of the source.
        integrity: of the source.
        also: what else is amiss at present, in words.
        clock: seconds.
    """

    def __init__(
        self,
        out: IO[str],
        name: str,
        integrity: Integrity,
        also: Trouble = no_trouble,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._out, self._name, self._integrity, self._clock = out, name, integrity, clock
        self._others = Complaints(out, also, clock)
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
        elif self._clock() >= self._due and not state:
            self._say_losses()
        self._others.refresh()

    def last(self) -> None:
        """Says what is left to say, at the end."""
        self._say_losses()
        self._others.refresh()

    def _say_losses(self) -> None:
        words = in_words(self._integrity)
        if words != self._words:
            self._words, self._due = words, self._clock() + QUIET_S
            self._say(f"so far {words}")

    def _say(self, what: str) -> None:
        print(f"note: {self._name}: {what}", file=self._out, flush=True)


def in_number(count: int, what: str) -> str:
    """``1 sample``, ``2 samples``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
