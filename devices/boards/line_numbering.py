"""Numbers lines of text: by a time in microseconds that each begins with, or by counting them and the host's clock."""

from __future__ import annotations

from typing import NamedTuple

from devices.boards.numbering import HELD_S, Backlog, Clock
from devices.integrity import Integrity

SILENCE_S = 0.25
"""How long nothing has to come for lines to be missing, where they carry no time."""

_WRAP = 2**32  # where an Arduino's micros() begins again
_PULL, _PULL_STEP = 0.1, 0.001


class Line(NamedTuple):
    """Numbers of one line.

    Attributes:
        values: without the time.
        time_us: that it began with, or 0.
        arrived_s: on the host's clock.
    """

    values: list[float]
    time_us: float
    arrived_s: float


Numbered = tuple[int, list[float]]
"""The index of a line, and its values."""


class Counted:
    """Lines without a time: one follows the other, unless nothing came for longer than ``SILENCE_S``.

    After such a silence the lines wait until it is known whether they were lost or only late
    (``devices.boards.numbering.Backlog``); where they were lost, as many are missing as the clock says, which is right
    to a few.

    Args:
        rate_hz: lines a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self._clock = Clock(rate_hz)
        self.restart(0)

    def restart(self, index: int) -> None:
        """The next line has this index."""
        self._next = index
        self._held: list[tuple[int, Line]] = []
        self._backlog = Backlog()
        self._clock.restart()

    def miss(self, count: int) -> None:
        """That many lines came and could not be read."""
        self._next += count

    def take(self, line: Line) -> list[Numbered]:
        """The lines whose index is certain now."""
        index, self._next = self._next, self._next + 1
        if self._held or line.arrived_s - self._clock.heard_s > SILENCE_S:
            self._held.append((index, line))
            self._backlog.add(self._clock.late_s(index, line.arrived_s), line.arrived_s)
            return []
        self._clock.heard(index, line.arrived_s)
        return [(index, line.values)]

    def let_out(self, now_s: float) -> list[Numbered]:
        """Those that have waited long enough."""
        if not self._held or not self._backlog.over(now_s):
            return []
        missing = min(round(self._clock.punctual(line.arrived_s) - index) for index, line in self._held)
        held, self._held = [(index + max(0, missing), line) for index, line in self._held], []
        self._next += max(0, missing)
        self._backlog = Backlog()
        for index, line in held:
            self._clock.heard(index, line.arrived_s)
        return [(index, line.values) for index, line in held]


class Timed:
    """Lines with a time: the index follows from it, so that a gap is exact, also where the time begins again at 2**32.

    A line whose time is not the next one waits for the line after it. If that one's time lies before it, its own was
    damaged. If the time begins anew, or leaps further than the host's clock allows, and goes on from there, the device
    has restarted, and the host's clock says how much is missing.

    Args:
        step_us: from one line to the next, as measured.
        integrity: where ``duplicates`` and ``damaged`` are counted.
    """

    def __init__(self, step_us: float, integrity: Integrity) -> None:
        self._step_us = step_us
        self._integrity = integrity
        self._clock = Clock(1e6 / step_us)
        self.restart(0)

    def restart(self, index: int) -> None:
        """The next line has this index, whatever its time."""
        self._index = index - 1
        self._last: Line | None = None
        self._due_us = 0.0  # where the last line would be without jitter, as its time counts
        self._doubt: Line | None = None
        self._clock.restart()

    def miss(self, count: int) -> None:
        """That many lines came and could not be read; the time of the next one tells."""

    def take(self, line: Line) -> list[Numbered]:
        """The lines whose index is certain now."""
        if self._last is None:
            self._due_us = line.time_us
            return [self._accept(line, 1)]
        out: list[Numbered] = []
        if self._doubt is not None:
            doubt, self._doubt = self._doubt, None
            out += self._settle(self._last, doubt, line)
        steps = self._steps(self._last, line)
        if steps == 1:
            out.append(self._accept(line, 1))
        elif line.time_us == self._last.time_us and line.values == self._last.values:
            self._integrity.duplicates += 1
        else:
            self._doubt = line
        return out

    def let_out(self, now_s: float) -> list[Numbered]:
        """One that has waited long enough and is not early."""
        doubt = self._doubt
        if doubt is None or self._last is None or now_s - doubt.arrived_s < HELD_S:
            return []
        steps = self._steps(self._last, doubt)
        if steps < 1 or self._index + steps > self._clock.latest(doubt.arrived_s):
            return []
        self._doubt = None
        return [self._accept(doubt, steps)]

    def _settle(self, last: Line, doubt: Line, following: Line) -> list[Numbered]:
        """What the line after it says of a line in doubt."""
        steps, further_us = self._steps(last, doubt), _later(doubt.time_us, following.time_us)
        next_to_it = round(further_us / self._step_us) == 1
        early = self._index + steps > self._clock.latest(doubt.arrived_s)
        if steps > 1 and further_us > 0 and not early:
            return [self._accept(doubt, max(1, min(steps, self._steps(last, following) - 1)))]
        if next_to_it and (early or (steps < 1 and self._steps(last, following) < 1)):
            missing = round(self._clock.punctual(doubt.arrived_s)) - self._index
            self._due_us = doubt.time_us - self._step_us * max(1, missing)
            return [self._accept(doubt, max(1, missing))]
        self._integrity.damaged += 1
        return []

    def _steps(self, last: Line, line: Line) -> int:
        """How many lines further it is than the last one; at least 1 where its time is later at all."""
        later_us = _later(last.time_us, line.time_us)
        steps = round((later_us + last.time_us - self._due_us) / self._step_us)
        return max(steps, 1) if later_us > 0 else min(steps, 0)

    def _accept(self, line: Line, steps: int) -> Numbered:
        due_us = self._due_us + steps * self._step_us
        if self._last is None:
            due_us = line.time_us
        elif line.time_us < self._last.time_us and line.time_us < due_us - _WRAP / 2:
            due_us -= _WRAP
        off_us = min(max(line.time_us - due_us, -self._step_us / 2), self._step_us / 2)
        self._due_us = due_us + _PULL * off_us
        self._step_us += _PULL_STEP * off_us / steps
        self._last = line
        self._index += steps
        self._clock.heard(self._index, line.arrived_s)
        return self._index, line.values


def _later(before_us: float, after_us: float) -> float:
    """From one time to the other, which may have begun again in between."""
    later_us = after_us - before_us
    return later_us + _WRAP if later_us < -_WRAP / 2 else later_us
