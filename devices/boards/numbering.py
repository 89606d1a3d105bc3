"""Numbers packets and lines by the host's clock, and packets by a counter of eight bits besides."""

from __future__ import annotations

import math

TURN = 256
"""Values of the counter."""

_SLACK_S = 0.1
_SLACK_SHARE = 0.01
_REMEMBERED_S = 2.0

HELD_S = 0.06
"""How long what is in doubt waits for what comes after it."""

_PATIENCE_S = 0.15
_LONGEST_S = 0.6
_CATCHING_UP_S = 0.01


class Clock:
    """How far a device can have got at a given time, by what arrived in the last seconds.

    What a device sends can arrive late, but never before it was made. So the least delay of the last seconds, which
    some packet has met or all would be late, says which number a packet has that arrives now and is not late at all.

    Args:
        rate_hz: packets or lines a second, nominally.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self.restart()

    def restart(self) -> None:
        """Forget what was heard."""
        self._least_s = [math.inf, math.inf]  # of the stretch before this one, and of this one
        self._began_s = -math.inf
        self.heard_s = math.inf

    def heard(self, number: int, arrived_s: float) -> None:
        """The one with this number is certain to have arrived then."""
        if arrived_s - self._began_s > _REMEMBERED_S:
            self._began_s = arrived_s
            self._least_s = [self._least_s[1], math.inf]
        self.heard_s = arrived_s
        self._least_s[1] = min(self._least_s[1], arrived_s - number / self._rate_hz)

    def punctual(self, arrived_s: float) -> float:
        """The number of one that arrives then and is not late; infinity where nothing was heard yet."""
        return math.inf if math.isinf(self.heard_s) else (arrived_s - min(self._least_s)) * self._rate_hz

    def late_s(self, number: int, arrived_s: float) -> float:
        """How late one is that has this number and arrives then."""
        return arrived_s - min(self._least_s) - number / self._rate_hz

    def latest(self, arrived_s: float) -> float:
        """The largest number of one that arrives then, with some room for what the clock cannot know."""
        if math.isinf(self.heard_s):
            return math.inf
        slack_s = _SLACK_S + _SLACK_SHARE * max(arrived_s - self.heard_s, 0.0)
        return self.punctual(arrived_s) + slack_s * self._rate_hz


class Backlog:
    """Tells late from lost after a silence: what was late comes faster than it was made, until it has caught up."""

    def __init__(self) -> None:
        self._began_s = math.inf
        self._better_s = math.inf
        self._least_s = math.inf

    def add(self, late_s: float, arrived_s: float) -> None:
        """One came, so late if nothing was lost."""
        if math.isinf(self._began_s):
            self._began_s = arrived_s
        if late_s < self._least_s - _CATCHING_UP_S:
            self._least_s, self._better_s = late_s, arrived_s

    def over(self, now_s: float) -> bool:
        """It does not get better any more."""
        return now_s - self._better_s >= _PATIENCE_S or now_s - self._began_s >= _LONGEST_S


class Numbering:
    """The number of each packet since the stream began.

    The counter knows a gap only modulo ``TURN`` packets. The clock knows the rest: of all numbers that fit the counter
    the largest that is not early is right, provided that the packet is not late by a whole turn.

    Args:
        rate_hz: packets a second, nominally.
    """

    def __init__(self, rate_hz: float) -> None:
        self.clock = Clock(rate_hz)
        self.restart(0, None)

    def restart(self, number: int, counter: int | None) -> None:
        """The next packet has this number and, where that is known, this counter."""
        self.last = number - 1
        self.counter = None if counter is None else (counter - 1) % TURN
        self.clock.restart()

    def step(self, counter: int) -> int:
        """By how much the number grows at least, from the last packet to one with this counter: 1 to ``TURN``."""
        return 1 if self.counter is None else (counter - self.counter - 1) % TURN + 1

    def turns(self, number: int, arrived_s: float) -> int:
        """Whole turns of the counter that may have passed besides, without the packet being early."""
        latest = self.clock.latest(arrived_s)
        return 0 if math.isinf(latest) else max(0, math.floor((latest - number) / TURN))

    def follow(self, number: int, counter: int) -> None:
        """A packet was taken."""
        self.last, self.counter = number, counter
