"""Deadlines on a clock that is told: no test here waits."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.pace import Pace

HOP = 0.02
COSTS = (0.004, 0.002, 0.001, 0.0005)


class Machine:
    """A loop on a simulated clock: windows arrive, and an effort takes so long."""

    def __init__(
        self,
        took: Callable[[float, int], float],
        *,
        strict: bool = True,
        costs: tuple[float, ...] = COSTS,
        besides_s: float = 0.0,
    ) -> None:
        self.pace = Pace(HOP, costs, strict=strict, words=lambda effort: f"effort {effort}")
        self.took, self.besides_s = took, besides_s
        self.now = 0.0
        self.decided: list[tuple[int, int, float]] = []
        self.words: list[str] = []

    def run(self, arrivals: list[float], stamps: list[float] | None = None) -> Machine:
        for number, arrived in enumerate(arrivals):
            self.now = max(self.now, arrived)
            superseded = number + 1 < len(arrivals) and arrivals[number + 1] <= self.now
            stamp = math.nan if stamps is None else stamps[number]
            effort = self.pace.choose(arrived, self.now, superseded, stamp)
            if effort is not None:
                began = self.now
                self.now += self.took(self.now, effort)
                self.decided.append((number, effort, self.now - arrived))
                self.now += self.besides_s
                self.pace.done(effort, began, self.now - self.besides_s, self.now)
            self.words.append(self.pace.trouble(self.now))
        return self

    def changes(self) -> int:
        return sum(one[1] != other[1] for one, other in pairwise(self.decided))

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
    assert machine.words[80].endswith("; effort 1")
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
    assert any("windows skipped" in words for words in machine.words)
    assert machine.pace.late > 30


def test_a_burst_has_as_long_as_it_took_to_come() -> None:
    """Five windows at once, every 100 ms, as a radio sends them that bundles its samples."""
    arrivals = [burst * 5 * HOP for burst in range(40) for _ in range(5)]
    machine = Machine(lambda *_: 0.015).run(arrivals)
    assert machine.pace.skipped == 0
    assert machine.pace.late == 0
    lazy = Machine(lambda *_: 0.025).run(arrivals)
    assert lazy.pace.skipped + lazy.pace.late > 0


def test_a_burst_does_not_make_it_change_its_mind_all_the_time() -> None:
    """Everything takes nearly the whole hop, which is enough on average but not for the first of a burst."""
    costs = (0.019, 0.0095, 0.002)
    machine = Machine(lambda _, effort: costs[effort], costs=costs)
    machine.run([burst * 5 * HOP for burst in range(600) for _ in range(5)])
    assert machine.changes() < 60
    assert machine.pace.skipped == 0


def test_after_a_pause_of_the_radio_it_is_soon_up_to_date() -> None:
    """A second of silence, then all of it at once: what is behind is made up for and not dragged along."""
    costs = (0.019, 0.0125, 0.006)
    arrivals = [2.0 if 1 <= at < 2 else at for at in regular(300)]
    machine = Machine(lambda _, effort: costs[effort], costs=costs).run(arrivals)
    ages = {number: age for number, _, age in machine.decided}
    assert max(age for number, age in ages.items() if number < 100) <= 0.1 + HOP
    assert max(age for number, age in ages.items() if number >= 105) <= 2 * HOP
    assert machine.pace.skipped > 0
    assert any("windows skipped" in words for words in machine.words)


def test_a_process_that_stood_still_counts_as_late() -> None:
    """For half a second nothing ran, and then everything seems to have come just now; its stamps know better."""
    arrivals = [1.5 if 1 <= at < 1.5 else at for at in regular(150)]
    machine = Machine(at_costs).run(arrivals, regular(150))
    old = sum(arrivals[number] + age - number * HOP > 0.1 + HOP for number, _, age in machine.decided)
    assert old <= machine.pace.late + machine.pace.skipped
    assert machine.pace.late > 10


def test_a_radio_that_is_always_late_is_not_counted_against_the_machine() -> None:
    for delay_s in (0.15, 0.5):
        machine = Machine(at_costs).run([at + delay_s for at in regular(200)], regular(200))
        assert machine.pace.late == 0
        assert machine.words[-1] == ""


def test_a_load_that_hits_the_larger_efforts_harder_is_not_tried_over_and_over() -> None:
    costs = (0.010, 0.005, 0.002)
    machine = Machine(lambda _, effort: costs[effort] * (1.2 if effort else 2.5), costs=costs).run(regular(3000))
    assert machine.pace.late < 40
    assert machine.changes() < 50
    square = Machine(lambda now, effort: costs[effort] * (2.2 if now % 0.4 < 0.2 else 1), costs=costs)
    assert square.run(regular(3000)).pace.late < 60


def test_what_the_sinks_take_does_not_keep_the_views_away() -> None:
    costs = (0.005, 0.005 / 3)
    machine = Machine(lambda now, effort: costs[effort] * (6 if 1 <= now < 2 else 1), costs=costs, besides_s=0.0035)
    machine.run(regular(400))
    assert 1 in machine.efforts(60, 100)
    assert machine.efforts(300, 400) == {0}


def test_lateness_is_said_where_there_is_no_smaller_effort() -> None:
    machine = Machine(lambda *_: 0.024, costs=(0.024,)).run(regular(100))
    assert machine.pace.skipped > 5
    assert any("windows skipped" in words for words in machine.words)
    counting = Machine(lambda *_: 0.03, strict=False).run(regular(50))
    assert counting.words[-1] == "too slow for a hop of 20 ms: decisions late"


def test_skipping_is_said_at_the_decisions_in_between() -> None:
    """Who looks only then, as a display does, must not miss it."""
    machine = Machine(lambda *_: 0.05).run(regular(200))
    looks = [machine.words[number] for number, _, _ in machine.decided[5:]]
    assert all("windows skipped" in words for words in looks)


def test_a_single_stumble_costs_little() -> None:
    machine = Machine(lambda now, effort: COSTS[effort] + (0.03 if 1 <= now < 1.001 else 0)).run(regular(100))
    assert machine.pace.skipped == 0
    assert machine.pace.late <= 2
    assert machine.efforts(65, 100) == {0}


def test_stumbles_now_and_then_do_not_cost_the_views() -> None:
    machine = Machine(lambda now, effort: COSTS[effort] + (0.04 if round(now / HOP) % 20 == 0 else 0))
    machine.run(regular(2000))
    assert machine.pace.level == 0
    assert machine.pace.made[0] > 0.85 * 2000


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
