"""What is missing from an LSL stream, and what came twice, told from its stamps."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Samples

Floats = NDArray[np.float64]

MEMORY_S = 3.0
"""How far back stamps are remembered."""

DOUBT_S, LONGEST_S = 0.25, 0.5
"""How long samples are held back until it is clear whether others are missing before them: mostly, and at most."""

AHEAD = 4
"""How many samples after a jump are looked at where stamps tick exactly, as those of a device's clock."""

SETTLED_S = 0.1
"""How long where they do not: a sender that stamps when it sends may be late for some samples in a row."""

EXACT = 0.05
"""Stamps tick exactly where they are off by less than this share of a period."""

UNKNOWN_S = 0.05
"""How much later than due a sample may commonly be, as long as not even a second of stamps that scatter is known."""

_FEW = 12
_OFF = 0.02  # share by which the true rate may differ from the nominal one
_COMMON = 3  # steps as far off as the third worst that is remembered are how this stream is stamped, not losses


class _Manner(NamedTuple):
    """How a stream is stamped, as far as is remembered.

    Attributes:
        usual_s: how much later than due a sample commonly is, after the one before.
        backwards: samples commonly come much earlier than due.
        exact: neither by any amount to speak of.
        quiet_s: how long stamps tick between two that do not, where they are not exact: a chunk of the sender.
    """

    usual_s: float = 0.0
    backwards: bool = False
    exact: bool = False
    quiet_s: float = 0.0


class Block(NamedTuple):
    """Samples that follow one another.

    Attributes:
        samples: ``(T, C)`` float32.
        stamps: ``(T,)`` seconds, the stream's own.
        first: stream index of the first one.
    """

    samples: Samples
    stamps: Floats
    first: int


class Losses:
    """Numbers the samples of a stream that has no counter, only stamps.

    The transport loses nothing, but a program can miss samples of its device, and a buffer can overflow; then the
    stamps jump. A jump may also be a sender that came late and is catching up. So the samples behind one are held back
    until it is clear: where the stamps fall back, none are missing; where they stay shifted, as many are as fit into
    the shift of the earliest ones. Stamps that tick exactly, those of a device or of an emulator, are clear within
    ``AHEAD`` samples, and their losses are counted exactly. Stamps that do not (taken when a program or a driver came
    to it) take ``SETTLED_S`` where samples are missing, no longer than the catching up where they are not, and hide
    losses shorter than their common scatter; chunks of more than 50 ms that a late program stamps as a whole may feign
    some. Nothing is held back for long: a coarse stream for some samples or chunks, any other for ``DOUBT_S``.

    A sample whose stamp and values have come before is left out, if the stamps tick.

    Args:
        rate_hz: nominal rate.
        channels: columns of the samples.

    Attributes:
        duplicates: samples left out.
        next: stream index of the next sample, if none is missing.
    """

    def __init__(self, rate_hz: float, channels: int) -> None:
        self.duplicates = 0
        self.next = 0
        self._period = 1 / rate_hz
        size = max(8 * AHEAD, round(MEMORY_S * rate_hz))
        self._rows = np.zeros((size, channels), np.float32)
        self._stamps = np.zeros(size)
        self._index = np.zeros(size)
        self._kept = 0  # how many have been written to the three above, which are rings
        self._held = Block(np.empty((0, channels), np.float32), np.empty(0), 0)
        self._since_s = 0.0

    @property
    def held(self) -> int:
        """Samples that are held back."""
        return len(self._held.stamps)

    def begin(self, index: int) -> None:
        """The stream has returned: what was held back is dropped, and the next sample has this index."""
        self.next = index
        self._kept = 0
        self._held = Block(self._held.samples[:0], self._held.stamps[:0], 0)

    def take(self, samples: Samples, stamps: Floats, period_s: float) -> list[Block]:
        """Numbers the next samples; those in doubt come with a later call.

        Args:
            samples: ``(T, C)`` float32, kept by this object.
            stamps: ``(T,)`` seconds, the stream's own.
            period_s: between samples, as well as it is known.
        """
        self._period = period_s
        if not self.held:
            if self._ticks(stamps):
                return [self._accept(samples, stamps)]
            self._since_s = time.perf_counter()
        self._held = Block(np.concatenate([self._held.samples, samples]), np.append(self._held.stamps, stamps), 0)
        return self.settle()

    def settle(self, *, now: bool = False) -> list[Block]:
        """Decides on what is held back where it can be decided, or where the time is up (or is to be: ``now``)."""
        blocks: list[Block] = []
        while self.held:
            manner = self._manner()
            late = time.perf_counter() - self._since_s > max(DOUBT_S, 1.5 * self._span(manner))
            if sound := self._sound(manner):
                blocks.append(self._accept(*self._pop(sound)))
            elif self._step() < 0:
                self._pop(1)
                self.duplicates += 1
            elif (lost := self._lost(manner, late or now)) is None:
                break
            else:
                self.next += lost
                blocks.append(self._accept(*self._pop(1)))
                self._since_s = time.perf_counter()
        return blocks

    def _ticks(self, stamps: Floats) -> bool:
        """Whether every sample comes when it is due after the one before."""
        half = 0.5 * self._period
        if self._kept and abs(stamps[0] - self._last() - self._due() * self._period) >= half:
            return False
        return len(stamps) == 1 or bool((np.abs(np.diff(stamps) - self._period) < half).all())

    def _last(self) -> float:
        return float(self._stamps[(self._kept - 1) % len(self._stamps)])

    def _due(self) -> float:
        """Periods from the last sample to the next one."""
        return self.next - float(self._index[(self._kept - 1) % len(self._index)])

    def _step(self) -> float:
        """How much later than due the first of those held back is, in seconds."""
        return float(self._held.stamps[0]) - self._last() - self._due() * self._period if self._kept else 0.0

    def _sound(self, manner: _Manner) -> int:
        """How many of those held back come in no doubt."""
        stamps = self._held.stamps
        steps = np.diff(stamps, prepend=stamps[0] - self._step() - self._period) - self._period
        half = 0.5 * self._period
        odd = steps > half + manner.usual_s
        if not manner.backwards:
            for at in np.flatnonzero(steps < -half).tolist():
                odd[at] = self._seen(at)
                if odd[at] or odd[:at].any():
                    break
        found = np.flatnonzero(odd)
        return int(found[0]) if len(found) else len(stamps)

    def _seen(self, at: int) -> bool:
        """Whether a sample held back has come before, as far as is remembered."""
        row, stamp = self._held.samples[at], self._held.stamps[at]
        size = min(self._kept, len(self._stamps))
        for stamps, rows in (
            (self._stamps[:size], self._rows[:size]),
            (self._held.stamps[:at], self._held.samples[:at]),
        ):
            if any(np.array_equal(rows[same], row) for same in np.flatnonzero(stamps == stamp)):
                return True
        return False

    def _lost(self, manner: _Manner, late: bool) -> int | None:
        """How many samples are missing before the first of those held back; None where that is not clear yet."""
        stamps = self._held.stamps if manner.backwards else self._held.stamps[self._new()]
        span = self._span(manner)
        shift = stamps - self._last() - (np.arange(len(stamps)) + self._due()) * self._period - self._before(span)
        lost = max(0, math.floor(shift.min() / self._period + 0.5))
        if lost * self._period <= manner.usual_s:
            return 0
        tolerance = 0.5 * self._period + manner.usual_s
        if late:
            return lost if shift[0] - shift.min() <= tolerance else 0
        if len(stamps) < AHEAD or stamps[-1] - stamps[0] < span:
            return None
        recent = shift[min(int(np.argmax(stamps >= stamps[-1] - span)), len(shift) - AHEAD) :]
        catching_up = (np.maximum.accumulate(recent) - recent).max() > tolerance
        return None if catching_up else lost

    def _new(self) -> NDArray[np.bool_]:
        """Which of those held back did not come before; a duplicate would make those after it look early."""
        stamps = self._held.stamps
        new = np.ones(len(stamps), np.bool_)
        back = stamps[1:] <= np.maximum.accumulate(stamps)[:-1]
        for at in (np.flatnonzero(back) + 1).tolist():
            new[at] = not self._seen(at)
        return new

    def _span(self, manner: _Manner) -> float:
        """Seconds in which one sample is as early as any, and which are late together only where some are missing."""
        if manner.exact:
            return (AHEAD - 1.5) * self._period
        wanted = max(SETTLED_S, 2 * manner.usual_s, 2.5 * manner.quiet_s)
        return max(AHEAD * self._period, min(wanted, LONGEST_S))

    def _before(self, span: float) -> float:
        """How much earlier than the last one the earliest of the last samples was, at most 0."""
        size = min(self._kept, len(self._stamps), max(AHEAD, math.ceil(span / self._period)))
        at = np.arange(self._kept - size, self._kept) % len(self._stamps)
        late = self._stamps[at] - self._index[at] * self._period
        return float(late.min() - late[-1])

    def _manner(self) -> _Manner:
        size = min(self._kept, len(self._stamps))
        if size < _FEW:
            return self._first_manner()
        at = np.arange(self._kept - size, self._kept) % len(self._stamps)
        due, passed = np.diff(self._index[at]), np.diff(self._stamps[at])
        period = float(passed.sum() / due.sum())
        if abs(period / self._period - 1) > _OFF:
            period = self._period
        steps = passed - due * period
        ordered = np.partition(steps, (_COMMON - 1, len(steps) - _COMMON))
        early, usual = float(ordered[_COMMON - 1]), max(0.0, float(ordered[len(steps) - _COMMON]))
        if max(usual, -early) < EXACT * period:
            self._period = period
            jump = self._step() + self._due() * period
            if abs(math.remainder(jump, period)) < EXACT * period + 1e-3 * abs(jump):
                return _Manner(usual, False, True)
        if size * period < 1:
            usual = max(usual, UNKNOWN_S)
        odd = int(np.count_nonzero(np.abs(steps) > EXACT * period))
        return _Manner(usual, early < -0.5 * period, False, size * period / max(odd, 1))

    def _first_manner(self) -> _Manner:
        """From the very first samples, of which some may be missing as well."""
        passed = np.diff(np.concatenate([self._stamps[: self._kept], self._held.stamps]))
        typical = float(np.median(passed)) if len(passed) else self._period
        if abs(typical / self._period - 1) < _OFF:
            self._period = typical
        odd = np.abs(passed - np.round(passed / self._period) * self._period)
        exact = bool((odd < EXACT * self._period).all())
        return _Manner(0.0 if exact else UNKNOWN_S, False, exact)

    def _pop(self, count: int) -> tuple[Samples, Floats]:
        samples, stamps, _ = self._held
        self._held = Block(samples[count:], stamps[count:], 0)
        return samples[:count], stamps[:count]

    def _accept(self, samples: Samples, stamps: Floats) -> Block:
        """Gives samples the next indices and remembers them."""
        block = Block(samples, stamps, self.next)
        self.next += len(stamps)
        size = len(self._stamps)
        tail = min(len(stamps), size)
        begin = (self._kept + len(stamps) - tail) % size
        wraps = begin + tail > size
        at = (begin + np.arange(tail)) % size if wraps else slice(begin, begin + tail)
        self._rows[at] = samples[-tail:]
        self._stamps[at] = stamps[-tail:]
        self._index[at] = np.arange(self.next - tail, self.next)
        self._kept += len(stamps)
        return block
