from __future__ import annotations

import math

from stream.foresight import KEPT, LEAD_S, TRIED, Foresight

HOP = 0.16


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_rehearses_once_shortly_before_the_next_window() -> None:
    clock, done = Clock(), []
    foresight = Foresight(HOP, lambda: done.append(clock.now), 0.002, 0.001, clock)
    assert foresight.wait_s(0.1) == 0.1, "nothing was seen yet"
    assert not foresight.act()
    foresight.saw(100.0)
    due = 100.16 - LEAD_S - 0.001
    assert foresight.wait_s(0.1) == 0.1
    clock.now = 100.1
    assert foresight.wait_s(0.1) == due - 100.1
    assert not foresight.act()
    clock.now = due
    assert foresight.wait_s(0.1) == 0
    assert foresight.act()
    assert not foresight.act(), "once for each window"
    assert foresight.wait_s(0.1) == 0.1
    foresight.saw(math.nan)
    assert foresight.wait_s(0.1) == 0.1
    assert done == [due]


def test_where_there_is_hardly_any_sleep_it_lets_it_be() -> None:
    clock = Clock()
    foresight = Foresight(0.01, lambda: None, 0.006, 0.001, clock)
    foresight.saw(100.0)
    clock.now = 200.0
    assert not foresight.act()
    assert foresight.wait_s(0.1) == 0.1


class Room:
    """A loop on a simulated clock: windows come at times, and take as long as is said."""

    def __init__(self, awake_s: float, asleep_s: float, rehearsal_s: float = 0.001, told_s: float = 0.001) -> None:
        self.clock = Clock()
        self.took = {True: awake_s, False: asleep_s}
        self.rehearsal_s = rehearsal_s
        self.rehearsed: list[bool] = []
        self.foresight = Foresight(HOP, self.rehearse, asleep_s, told_s, self.clock)

    def rehearse(self) -> None:
        self.clock.now += self.rehearsal_s

    def run(self, arrivals: list[float]) -> Room:
        for arrived in arrivals:
            acted = False
            wake = self.clock.now + self.foresight.wait_s(1000)
            if wake < arrived:
                self.clock.now = wake
                acted = self.foresight.act()
            self.rehearsed.append(acted)
            self.clock.now = max(self.clock.now, arrived) + self.took[acted]
            self.foresight.saw(arrived)
            self.foresight.decided(self.clock.now)
        return self

    def share(self, first: int, end: int) -> float:
        return sum(self.rehearsed[first:end]) / (end - first)


def regular(count: int) -> list[float]:
    return [100 + number * HOP for number in range(count)]


def test_it_is_kept_where_it_helps_and_left_where_it_does_not() -> None:
    helped = Room(awake_s=0.002, asleep_s=0.003).run(regular(1000))
    assert 0.4 < helped.share(0, TRIED) < 0.6, "it is tried before it is judged"
    assert helped.share(TRIED + 1, 1000) == 1
    useless = Room(awake_s=0.003, asleep_s=0.003).run(regular(1000))
    assert useless.share(TRIED + 1, 1000) == 0


def test_it_is_tried_again() -> None:
    room = Room(awake_s=0.003, asleep_s=0.003).run(regular(TRIED + KEPT - 10))
    room.took[True] = 0.002
    later = [at for at in regular(2 * TRIED + KEPT + 200) if at > 100 + HOP * (TRIED + KEPT - 10) - 1e-6]
    room.run(later)
    assert room.share(TRIED + 10, TRIED + KEPT - 10) == 0
    assert all(room.rehearsed[-100:])


def test_one_that_takes_longer_than_was_said_begins_earlier() -> None:
    """Five milliseconds where one was foreseen: the first has the window wait, the next ones do not."""
    room = Room(awake_s=0.002, asleep_s=0.003, rehearsal_s=0.005).run(regular(400))
    assert all(room.rehearsed[TRIED + 1 :])


def test_a_device_that_sends_in_bursts_is_left_alone() -> None:
    """Four windows every 0.64 s: what is expected a hop after the last one comes three hops later."""
    arrivals = [100 + 4 * HOP * (number // 4) for number in range(600)]
    room = Room(awake_s=0.0029, asleep_s=0.003).run(arrivals)
    assert room.share(TRIED + 1, 600) == 0
