"""Deadlines on a clock that is told: no test here waits."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.pace import Pace

HOP = 0.02
COSTS = (0.004, 0.002, 0.001, 0.0005)


class Machine:
    """A loop on a simulated clock: windows arrive, and an effort takes so long."""

    def __init__(self, took: Callable[[float, int], float], *, strict: bool = True) -> None:
        self.pace = Pace(HOP, COSTS, strict=strict, words=lambda effort: f"effort {effort}")
        self.took = took
        self.now = 0.0
        self.decided: list[tuple[int, int, float]] = []
        self.words: list[str] = []

    def run(self, arrivals: list[float]) -> Machine:
        for number, arrived in enumerate(arrivals):
            self.now = max(self.now, arrived)
            superseded = number + 1 < len(arrivals) and arrivals[number + 1] <= self.now
            effort = self.pace.choose(arrived, self.now, superseded)
            if effort is not None:
                began = self.now
                self.now += self.took(self.now, effort)
                self.decided.append((number, effort, self.now - arrived))
                self.pace.done(effort, began, self.now, self.now)
            self.words.append(self.pace.trouble())
        return self

    def efforts(self, first: int, end: int) -> set[int]:
        return {effort for number, effort, _ in self.decided if first <= number < end}


def regular(count: int) -> list[float]:
    return [number * HOP for number in range(count)]


def at_costs(_: float, effort: int) -> float:
    return COSTS[effort]


def test_where_there_is_time_every_decision_gets_everything() -> None:
    machine = Machine(at_costs).run(regular(200))
    assert machine.efforts(0, 200) == {0}
    assert machine.pace.made == [200, 0, 0, 0]
    assert (machine.pace.late, machine.pace.skipped) == (0, 0)
    assert set(machine.words) == {""}


def test_a_slower_machine_gets_fewer_views_then_fewer_members_and_it_all_comes_back() -> None:
    def took(now: float, effort: int) -> float:
        return COSTS[effort] * (8 if 1 <= now < 2 else 25 if 2 <= now < 3 else 1)

    machine = Machine(took).run(regular(250))
    assert machine.efforts(0, 50) == {0}
    assert machine.efforts(65, 100) == {1}, "sixteen milliseconds of twenty: a step less"
    assert machine.efforts(115, 150) == {3}, "twelve and a half, where the next would take twenty-five"
    assert machine.efforts(175, 250) == {0}
    assert machine.pace.skipped <= 3
    assert machine.words[80] == "too slow for a decision every 20 ms: each gets effort 1"
    assert machine.words[-1] == ""


def test_where_even_the_least_is_too_slow_windows_are_skipped_and_it_never_falls_behind() -> None:
    def took(now: float, effort: int) -> float:
        return COSTS[effort] + (0.05 if 1 <= now < 3 else 0.0)

    machine = Machine(took).run(regular(250))
    assert len(machine.decided) + machine.pace.skipped == 250
    assert machine.pace.skipped > 40
    assert max(age for _, _, age in machine.decided) < 0.05 + 3 * HOP
    assert [number for number, _, _ in machine.decided][-90:] == list(range(160, 250)), "and nothing more afterwards"
    assert machine.efforts(170, 250) == {0}
    assert any("and windows are skipped" in words for words in machine.words)
    assert machine.pace.late > 30


def test_a_burst_has_as_long_as_it_took_to_come() -> None:
    """Eight windows at once, every 160 ms, as a device sends them that bundles its samples."""
    arrivals = [burst * 8 * HOP for burst in range(20) for _ in range(8)]
    machine = Machine(lambda *_: 0.015).run(arrivals)
    machine.pace._slowness = 1.0
    assert machine.pace.skipped == 0
    assert machine.pace.late == 0
    lazy = Machine(lambda *_: 0.025).run(arrivals)
    assert lazy.pace.skipped + lazy.pace.late > 0


def test_a_single_stumble_costs_little() -> None:
    machine = Machine(lambda now, effort: COSTS[effort] + (0.03 if 1 <= now < 1.001 else 0)).run(regular(100))
    assert machine.pace.skipped == 0
    assert machine.pace.late <= 2
    assert machine.efforts(65, 100) == {0}


def test_who_only_counts_changes_nothing() -> None:
    machine = Machine(lambda *_: 0.03, strict=False).run(regular(50))
    assert [number for number, _, _ in machine.decided] == list(range(50))
    assert machine.efforts(0, 50) == {0}
    assert machine.pace.late == 50
    assert machine.pace.skipped == 0


def test_an_unknown_arrival_is_the_present() -> None:
    pace = Pace(HOP, COSTS)
    assert pace.choose(math.nan, 5.0, False) == 0
    pace.done(0, 5.0, 5.0 + HOP * 1.5, 5.0 + HOP * 1.5)
    assert pace.late == 1


@settings(deadline=None, max_examples=60)
@given(
    gaps=st.lists(st.floats(0, 0.1), min_size=5, max_size=80),
    slow=st.lists(st.floats(0.2, 60), min_size=1, max_size=10),
)
def test_every_window_is_decided_or_counted_and_the_newest_never_skipped(gaps: list[float], slow: list[float]) -> None:
    arrivals = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    machine = Machine(lambda now, effort: COSTS[effort] * slow[int(now * 20) % len(slow)]).run(arrivals)
    assert len(machine.decided) + machine.pace.skipped == len(arrivals)
    assert machine.decided[-1][0] == len(arrivals) - 1
    assert sum(machine.pace.made) == len(machine.decided)


@pytest.mark.parametrize("cost", [0.0, -1.0])
def test_a_cost_of_nothing_divides_nothing_by_nothing(cost: float) -> None:
    pace = Pace(HOP, [cost])
    assert pace.choose(0.0, 0.0, False) == 0
    pace.done(0, 0.0, 0.001, 0.001)
    assert pace.choose(HOP, HOP, True) in (0, None)
