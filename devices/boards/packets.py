"""Packets of a fixed length in a stream of bytes in which bytes are lost, added and changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.boards.numbering import HELD_S, TURN, Backlog, Numbering
from devices.boards.reading import Before, Candidate, best_reading, fits
from devices.integrity import Integrity

LOOKAHEAD = 4
"""Packets that are looked at before a doubt is decided."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the packets of a device look.

    Attributes:
        length: bytes of a packet.
        head: with which it begins.
        counter_at: which byte is the counter, one more in each packet, modulo 256.
        tails: smallest and largest value of the last byte.
    """

    length: int
    head: bytes
    counter_at: int
    tails: tuple[int, int]


class Run(NamedTuple):
    """Packets that followed one another.

    Attributes:
        rows: ``(n, length)`` uint8.
        first: number of the first one.
    """

    rows: NDArray[np.uint8]
    first: int


class _Held(NamedTuple):
    """Packets after a silence.

    Attributes:
        run: numbered as if the counter had not gone round.
        arrived_s: when they came.
        jumped: packets are missing before them.
        turns: of the counter that may have passed besides, without these being early.
    """

    run: Run
    arrived_s: float
    jumped: bool
    turns: int


class Packets:
    """Finds the packets in a stream of bytes, wherever it is cut, and numbers them.

    A packet that stands where one is expected, with head, tail and the next counter, is given out at once. Anything
    else is a doubt, and waits for up to ``LOOKAHEAD`` packets, though no longer than ``HELD_S``: of all ways to read
    those bytes the one is taken that needs the fewest faults (``devices.boards.reading``). So a byte that was lost,
    added or changed costs the packet it hit and no other, also where data look like heads and tails; a lone counter
    that does not fit is one damaged packet and not hundreds lost; a packet that comes twice is left out once. After a
    silence in which the counter may have gone round, packets are held back as well until it is known whether they were
    lost or only late (``devices.boards.numbering.Backlog``).

    What cannot be noticed: these packets carry no checksum, so a change within the data, or one of the counter that
    looks as if the packet before it had been lost (which then was), passes. So may a byte added within the data, where
    by chance the last byte that counts fits as a tail.

    Args:
        form: of the packets.
        rate_hz: packets a second.
        integrity: where ``duplicates``, ``damaged``, ``resyncs`` and ``skipped`` are counted.
    """

    def __init__(self, form: Form, rate_hz: float, integrity: Integrity) -> None:
        self._form = form
        self._integrity = integrity
        self._numbering = Numbering(rate_hz)
        self.restart(0, None)

    def restart(self, number: int, counter: int | None) -> None:
        """Forget what came before; the next packet has this number and, where that is known, this counter."""
        self._numbering.restart(number, counter)
        self._data = b""
        self._marks: list[tuple[int, float]] = []  # from which byte on they arrived when
        self._at = 0  # what lies before it is decided
        self._end = 0  # of the last packet that was taken; bytes from there to _at were passed over
        self._last = b""
        self._held: list[_Held] = []
        self._backlog = Backlog()
        self._given: list[Run] = []

    def feed(self, raw: bytes, arrived_s: float) -> list[Run]:
        """Takes the next bytes; none are fine, and let out what was held back long enough.

        Args:
            raw: follow those of the call before.
            arrived_s: when they were read, in seconds, never less than before.

        Returns:
            What is certain now, in ascending order; runs that are next to each other are one.
        """
        if raw:
            self._marks.append((len(self._data), arrived_s))
            self._data += raw
        while self._take_healthy() or self._decide(arrived_s):
            pass
        if self._held and (not self._held[-1].turns or self._backlog.over(arrived_s)):
            self._let_out()
        self._trim()
        given, self._given = self._given, []
        return given if len(given) < 2 else _joined(given)

    def _take_healthy(self) -> bool:
        """Takes the packets that are as expected; whether there were any."""
        form, at, counter = self._form, self._at, self._numbering.counter
        count = (len(self._data) - at) // form.length
        if count < 1 or at != self._end or counter is None:
            return False
        count = min(count, self._arrived_with(at))
        if count == 1:
            if not self._shaped(at) or self._data[at + form.counter_at] != (counter + 1) % TURN:
                return False
        else:
            rows = self._rows(at, count)
            good = (rows[:, form.counter_at] == (counter + 1 + np.arange(count)) % TURN) & (rows[:, 0] == form.head[0])
            for place in range(1, len(form.head)):
                good &= rows[:, place] == form.head[place]
            good &= (rows[:, -1] >= form.tails[0]) & (rows[:, -1] <= form.tails[1])
            count = count if good.all() else int(good.argmin())
        if count:
            self._give(at, count)
        return count > 0

    def _decide(self, now_s: float) -> bool:
        """Settles what is at the place where a packet is expected and is not; whether that was possible."""
        form, at = self._form, self._at
        here = len(self._data) - at
        if here < form.length:
            return False
        if at == self._end:
            if self._is_repeat(at):
                self._integrity.duplicates += 1
                self._at = self._end = at + form.length
                return True
            if here >= 2 * form.length and self._is_jump(at):
                self._give(at, 1)
                return True
        window = LOOKAHEAD * form.length
        if here < window and now_s - self._arrival(at) < HELD_S:
            return False
        found, passed = self._read(at, min(here, window))
        if found is not None:
            self._give(found, 1)
        elif here >= window:
            self._at += passed
        else:
            return False
        return True

    def _is_repeat(self, at: int) -> bool:
        same = self._data.startswith(self._last, at) if self._last else False
        return same and not self._numbering.turns(self._numbering.last, self._arrival(at))

    def _is_jump(self, at: int) -> bool:
        """Packets are missing before a sound one: it and the next one are as they should be, but for the jump."""
        form, numbering = self._form, self._numbering
        counter, following = self._data[at + form.counter_at], self._data[at + form.length + form.counter_at]
        if not (self._shaped(at) and self._shaped(at + form.length)) or following != (counter + 1) % TURN:
            return False
        return numbering.last + numbering.step(counter) <= numbering.clock.latest(self._arrival(at))

    def _read(self, at: int, length: int) -> tuple[int | None, int]:
        """Where the best reading of these bytes has its first packet; else, how many bytes can be passed over."""
        form, numbering = self._form, self._numbering
        doubtful = self._data[at : at + length]
        starts = self._starts(doubtful)
        if not starts:
            return None, length - form.length + 1
        candidates = [
            Candidate(start, doubtful[start + form.counter_at], numbering.clock.latest(self._arrival(at + start)))
            for start in starts
        ]
        before = Before(at - self._end, numbering.last, numbering.counter)
        found = best_reading(candidates, before, doubtful, form.length, form.head)
        return (None, starts[0] or 1) if found is None else (at + found.start, 0)

    def _starts(self, doubtful: bytes) -> list[int]:
        """Where a packet may begin: its head is there, and its tail as well."""
        (low, high), length = self._form.tails, self._form.length
        found, start = [], doubtful.find(self._form.head)
        while 0 <= start <= len(doubtful) - length:
            if low <= doubtful[start + length - 1] <= high:
                found.append(start)
            start = doubtful.find(self._form.head, start + 1)
        return found

    def _give(self, at: int, count: int) -> None:
        """Takes ``count`` packets that follow one another from ``at`` on."""
        form, numbering = self._form, self._numbering
        rows = self._rows(at, count)
        step = numbering.step(int(rows[0, form.counter_at]))
        if at > self._end:
            self._count_damage(at, step)
        first, arrived_s = numbering.last + step, self._arrival(at)
        last = first + count - 1
        run = Run(rows, first)
        turns = numbering.turns(last, arrived_s)
        if self._held or turns:
            self._held.append(_Held(run, arrived_s, step > 1, turns))
            self._backlog.add(numbering.clock.late_s(last, arrived_s), arrived_s)
        else:
            self._given.append(run)
            numbering.clock.heard(last, arrived_s)
        numbering.follow(last, int(rows[-1, form.counter_at]))
        self._at = self._end = at + count * form.length
        self._last = self._data[self._end - form.length : self._end]

    def _count_damage(self, at: int, step: int) -> None:
        """What was passed over between the last packet and the one at ``at``, whose number is ``step`` larger."""
        length = self._form.length
        passed = at - self._end
        if self._numbering.counter is not None and (step > 1 or 2 * passed > length):
            fit = step > 1 and fits(passed, step - 1, length)
            self._integrity.damaged += step - 1 if fit else math.ceil(passed / length)
        counters_only = passed % length == 0 and self._end >= 0 and all(map(self._shaped, range(self._end, at, length)))
        if not counters_only:
            self._integrity.resyncs += 1
            self._integrity.skipped += passed

    def _let_out(self) -> None:
        """Numbers the packets that came after a silence: as many turns as leave none of them early.

        Turns pass where packets are missing anyway. If that is not right after the silence but later, those before it
        were late only: the reader had been held up, until there was no room for more.
        """
        turns = 0
        jumps = [place for place, held in enumerate(self._held) if held.jumped and place]
        for place, held in enumerate(self._held):
            if (place == 0 and (held.jumped or not jumps)) or place in jumps:
                turns = min(later.turns for later in self._held[place:])
            first = held.run.first + turns * TURN
            self._given.append(held.run._replace(first=first))
            self._numbering.clock.heard(first + len(held.run.rows) - 1, held.arrived_s)
        self._numbering.last += turns * TURN
        self._held, self._backlog = [], Backlog()

    def _shaped(self, at: int) -> bool:
        """Head and tail of a packet are there."""
        low, high = self._form.tails
        return self._data.startswith(self._form.head, at) and low <= self._data[at + self._form.length - 1] <= high

    def _rows(self, at: int, count: int) -> NDArray[np.uint8]:
        length = self._form.length
        return np.frombuffer(self._data, np.uint8, count * length, at).reshape(count, length)

    def _arrival(self, at: int) -> float:
        """When the byte there arrived."""
        return next(arrived_s for start, arrived_s in reversed(self._marks) if start <= at)

    def _arrived_with(self, at: int) -> int:
        """How many packets from there on begin with bytes that arrived together."""
        until = next((start for start, _ in self._marks if start > at), len(self._data))
        return -((at - until) // self._form.length)

    def _trim(self) -> None:
        cut = self._at
        if not cut:
            return
        self._data = self._data[cut:]
        self._end -= cut
        self._at = 0
        marks = [(start - cut, arrived_s) for start, arrived_s in self._marks]
        later = [mark for mark in marks if mark[0] > 0]
        self._marks = ([(0, marks[len(marks) - len(later) - 1][1])] if self._data else []) + later


def _joined(runs: list[Run]) -> list[Run]:
    """With those that are next to each other as one."""
    parts: list[list[Run]] = []
    for run in runs:
        if parts and parts[-1][-1].first + len(parts[-1][-1].rows) == run.first:
            parts[-1].append(run)
        else:
            parts.append([run])
    return [Run(np.concatenate([run.rows for run in part]), part[0].first) for part in parts]
