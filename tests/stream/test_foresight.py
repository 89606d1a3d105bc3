from __future__ import annotations

import math

from stream.foresight import LEAD_S, Foresight


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_rehearses_once_shortly_before_the_next_window() -> None:
    clock, done = Clock(), []
    foresight = Foresight(0.16, lambda: done.append(clock.now), 0.002, 0.001, clock)
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
