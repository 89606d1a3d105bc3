from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from stream.deadline import BURST_S, Deadlines

HOP = 0.02


def dues(*arrivals: float) -> list[float]:
    deadlines = Deadlines(HOP)
    return [round(deadlines.due(arrived, math.nan) - arrived, 9) for arrived in arrivals]


def test_a_window_is_due_a_hop_after_it_came() -> None:
    assert dues(0.0, 0.02, 0.045, 0.06, 0.5) == [HOP] * 5


def test_in_a_burst_each_is_due_a_hop_after_the_one_before_but_not_for_ever() -> None:
    assert dues(*[1.0] * 7, 2.0) == [0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.1, 0.02]
    assert dues(1.0, 1.001, 1.002) == [0.02, 0.039, 0.058]


def test_where_hops_are_long_a_burst_is_granted_nothing() -> None:
    deadlines = Deadlines(0.16)
    assert [round(deadlines.due(1.0, math.nan), 9) for _ in range(3)] == [1.16] * 3


def test_late_is_after_it_was_due() -> None:
    deadlines = Deadlines(HOP)
    due = deadlines.due(1.0, math.nan)
    assert not deadlines.late(due, 1.02)
    assert deadlines.late(due, 1.0201)


def test_late_is_also_what_is_much_older_than_usual() -> None:
    deadlines = Deadlines(HOP)
    for number in range(50):
        due = deadlines.due(number * HOP + 0.05, number * HOP)
        assert not deadlines.late(due, number * HOP + 0.06)
    due = deadlines.due(1.5, 1.0)
    assert deadlines.late(due, 1.501), "came half a second after it was taken, where a twentieth is usual"
    due = deadlines.due(1.5, 1.4)
    assert not deadlines.late(due, 1.501)


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=60))
def test_nobody_is_granted_more_than_a_burst(gaps: list[float]) -> None:
    arrivals = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    assert all(HOP - 1e-8 <= granted <= BURST_S + 1e-8 for granted in dues(*arrivals))
