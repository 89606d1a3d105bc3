"""What a person can do to a stream that runs, by the keys of its display: pause, mark, calibrate, quit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

from models.decision import Decision
from stream.loop import Sink

PAUSE, MARKER, CALIBRATE, QUIT = "p", "m", "c", "q"
SURE_S = 4.0
"""Within which a calibration has to be asked for again."""

_ALIKE = {" ": PAUSE, "\x1b": QUIT}
"""Keys that mean the same."""


class Ended(Exception):  # noqa: N818 - nothing is wrong
    """Raised in the loop: a person has ended the run."""


class Recalibrate(Ended):
    """A person wants to calibrate, and to go on afterwards.

    Attributes:
        passed_s: seconds of the stream until then.
    """

    passed_s = 0.0


class Marks(Protocol):
    """Takes markers, as a sink or a recording does."""

    def mark(self, index: int, text: str) -> object:
        """Something of note at a sample."""


class Pauses(Marks, Protocol):
    """A sink that is told when decisions stop for a while."""

    def pause(self, paused: bool) -> object:
        """They stop, or go on."""

    def __call__(self, decision: Decision) -> object:
        """Takes a decision."""


class Controls:
    """Does what keys say; called from the loop's thread alone.

    Args:
        hold: holds the source, where it can be held (a recording).
        no_calibration: why none can begin here, for who asks for one; "" where one can.
        away: the source is being waited for, and could not be opened anew.

    Attributes:
        paused: decisions are handed to nobody.
        marks: what takes markers.
        sinks: what takes decisions unless paused, and markers.
    """

    def __init__(
        self,
        hold: Callable[[bool], object] | None = None,
        *,
        no_calibration: str = "no calibration here",
        away: Callable[[], bool] = lambda: False,
    ) -> None:
        self._hold, self._no_calibration, self._away = hold, no_calibration, away
        self._marked = 0
        self._sure_until = 0.0
        self.paused = False
        self.marks: list[Marks] = []
        self.sinks: list[Pauses] = []

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Those that mean something, each with what it does."""
        calibrate = () if self._no_calibration else ((CALIBRATE, "calibrate"),)
        return ((PAUSE, "pause"), (MARKER, "marker"), *calibrate, (QUIT, "quit"))

    def press(self, key: str, index: int) -> str:
        """Does what a key says; one without a meaning does nothing.

        Args:
            key: a character.
            index: of the newest sample that was decided on.

        Returns:
            What was done, in words, "" for nothing.

        Raises:
            Ended: the run is to end.
            Recalibrate: the run is to end for a calibration, which was asked for twice within ``SURE_S``.
        """
        key = _ALIKE.get(key, key.lower())
        if key == QUIT:
            raise Ended
        if key == CALIBRATE:
            return self._no_calibration or self._calibrate()
        if key == PAUSE:
            return self._pause()
        if key == MARKER:
            return self._mark(index)
        return ""

    def gate(self) -> Sink:
        """A sink that hands decisions on to ``sinks``, unless paused."""

        def hand_on(decision: Decision) -> None:
            if not self.paused:
                for sink in self.sinks:
                    sink(decision)

        return hand_on

    def _calibrate(self) -> str:
        """Asks once more first: one key too many is not to end what an audience sees."""
        if self._away():
            return "no calibration while the device is away"
        now = monotonic()
        if now < self._sure_until:
            raise Recalibrate
        self._sure_until = now + SURE_S
        return "press c once more to calibrate"

    def _pause(self) -> str:
        self.paused = not self.paused
        for sink in self.sinks:
            sink.pause(self.paused)
        if self._hold is not None:
            self._hold(self.paused)
        return "paused" if self.paused else "goes on"

    def _mark(self, index: int) -> str:
        self._marked += 1
        words = f"marker {self._marked}"
        takers: Sequence[Marks] = [*self.marks, *self.sinks]
        for taker in takers:
            taker.mark(index, words)
        return words
