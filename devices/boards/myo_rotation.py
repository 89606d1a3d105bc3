"""Numbers for the notifications of a Myo, which have none: from the order of their handles, and from the clock.

The four EMG handles take turns, so a notification's place in the turn tells its number up to multiples of four, that is
of 40 ms. Which multiple it is, the clock tells: a notification can come late, but never before it was due.

* Whoever comes no later than 25 ms under the smallest number that its place allows has that number: the next possible
  one would make it early. This is so for every notification of a healthy stream.
* Else either whole turns are missing or it is late. It waits for those that come after it: where one of these is on
  time, it was late; where they go on being late by the same number of turns, so many turns are missing.
* The same place again is the same notification again, unless the clock says that a turn or more lies between.
* After a break in the order the next notification is waited for as well. Where it continues from what was before the
  break as if one in between were missing, that one was it, and the byte that tells its place was damaged.
* Where turns are missing and a notification is late besides, as after a pause of the host in which some were lost,
  nothing tells on which side of the loss it was. It is left out and counted as damaged, with what came at once with it:
  rather none than a wrong number.

What remains: a delay of more than 25 ms for all that comes within ``_HOLD_S`` looks like lost turns; so does, as long
as the device's rate is known only nominally, a drift of as much during a silence of some seconds. And one that was held
up on its way for just as long as the turns took that were lost behind it looks as if they had been lost before it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from devices.boards.myo_due import Due
from devices.integrity import Integrity

PLACES = 4

_EARLY = 1.5  # periods by which the line of what was due may itself be late
_AS_LATE = 1.7  # periods by which those that are late because of the same loss may differ
_HOLD_S = 0.09
_HOLD_MOST_S = 0.3
_CONFIRM_S = 0.03
_PACE_S = 0.015  # those that come within less came at once, and when says nothing about where they belong
_AT_ONCE_S = 0.005
_NOT_AGAIN_S = 0.025  # a second copy comes right behind the first


class Numbered(NamedTuple):
    """A notification whose number is settled."""

    number: int
    data: bytes


@dataclass(slots=True)
class _Waiting:
    place: int
    data: bytes
    at_s: float
    paused: bool
    number: int = 0  # the smallest that it can have


class Rotation:
    """Gives numbers to notifications.

    Args:
        period_s: nominal time from one to the next.
        integrity: where ``duplicates`` and ``damaged`` are counted.
    """

    def __init__(self, period_s: float, integrity: Integrity) -> None:
        self._integrity = integrity
        self._due = Due(period_s)
        self._waiting: deque[_Waiting] = deque()
        self._last: _Waiting | None = None
        self._doubted_s = -math.inf

    def restart(self) -> None:
        """The next notification is number 0, whatever its place."""
        self._due.restart()
        self._waiting.clear()
        self._last = None

    def add(self, place: int, data: bytes, at_s: float, *, paused: bool = False) -> None:
        """A notification as it came.

        Args:
            place: in the turn, from 0.
            data: of any size.
            at_s: when it came.
            paused: nobody had looked for long, so it may have come earlier.
        """
        new = _Waiting(place, data, at_s, paused)
        new.number = _smallest(self._waiting[-1] if self._waiting else self._last, new)
        self._waiting.append(new)

    def take(self, now_s: float) -> list[Numbered]:
        """Those whose numbers are settled, in ascending order; the rest waits."""
        settled = []
        while self._waiting:
            first = self._waiting[0]
            turns = self._turns()
            if self._undecided(first, turns, now_s):
                break
            fits = self._fits(first, turns)
            self._waiting.popleft()
            if not fits:
                continue
            for waiting in self._waiting if turns else ():
                waiting.number += PLACES * turns
            first.number += PLACES * turns
            self._due.add(first.number, first.at_s)
            self._last = first
            settled.append(Numbered(first.number, first.data))
        return settled

    def _periods_late(self, waiting: _Waiting, number: int | None = None) -> float:
        """By how much one came after it was due, with its smallest number; below zero: it would be early."""
        return self._due.lateness(waiting.number if number is None else number, waiting.at_s)

    def _late(self, waiting: _Waiting, number: int | None = None) -> int:
        """The same in turns."""
        return int((self._periods_late(waiting, number) + _EARLY) // PLACES)

    def _turns(self) -> int:
        """Whole turns that are missing before the first one, as far as those behind it tell by now."""
        turns = self._late(self._waiting[0])
        for waiting in reversed(self._waiting):
            if turns <= 0:
                break
            turns = min(turns, self._late(waiting))
        return max(0, turns)

    def _undecided(self, first: _Waiting, turns: int, now_s: float) -> bool:
        """Whether those that come next may tell more."""
        waited_s = now_s - first.at_s
        if turns:
            return self._lasted_s(turns) < _HOLD_S and waited_s < _HOLD_MOST_S
        return self._step(first) > 1 and len(self._waiting) == 1 and waited_s < _CONFIRM_S

    def _lasted_s(self, turns: int) -> float:
        """For how long notifications have come that were late by just so many turns."""
        came_s = [waiting.at_s for waiting in self._waiting if self._late(waiting) == turns]
        return came_s[-1] - came_s[0] if came_s else 0.0

    def _step(self, first: _Waiting) -> int:
        return first.number - self._last.number if self._last else 1

    def _fits(self, first: _Waiting, turns: int) -> bool:
        """Whether the first one can have a number; if not, it is counted."""
        again = not turns and self._step(first) == 0
        if again and self._last is not None and first.data == self._last.data:
            self._integrity.duplicates += 1
            return False
        uncertain = turns > 0 and self._may_precede_the_loss(first, turns)
        misplaced = not turns and self._is_misplaced(first)
        if misplaced:
            self._pass_over(first)
        bad = again or uncertain or misplaced
        self._integrity.damaged += bad
        return not bad

    def _may_precede_the_loss(self, first: _Waiting, turns: int) -> bool:
        """Whether it came with others at once, or too late for where the missing turns would put it."""
        at_once = first.at_s - self._doubted_s < _AT_ONCE_S
        least = min(self._periods_late(waiting) for waiting in self._waiting)
        too_late = self._periods_late(first) > least + _AS_LATE
        doubted = first.paused or at_once or too_late or self._lasted_s(turns) < _PACE_S
        if doubted:
            self._doubted_s = first.at_s
        return doubted

    def _is_misplaced(self, first: _Waiting) -> bool:
        """Whether the second one is two after the last, so that the first was the one in between."""
        if self._last is None or self._step(first) not in (2, 3) or len(self._waiting) < 2:
            return False
        second = self._waiting[1]
        if (second.place - self._last.place) % PLACES != 2 or second.data == first.data:
            return False
        return self._late(second, self._last.number + 2) <= 0

    def _pass_over(self, first: _Waiting) -> None:
        """Those behind the first count from the one before it."""
        before = self._last
        for waiting in self._waiting:
            if waiting is not first:
                waiting.number = _smallest(before, waiting)
                before = waiting


def _smallest(before: _Waiting | None, new: _Waiting) -> int:
    """The smallest number of one that came after another; the very first one is number 0."""
    if before is None:
        return 0
    step = (new.place - before.place) % PLACES
    if step == 0 and new.data != before.data and new.at_s - before.at_s > _NOT_AGAIN_S:
        step = PLACES
    return before.number + step
