from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.latency import HIGHEST_S, LEGS, LOWEST_S, WIDTH, Histogram, Stages, milliseconds, quantiles_ms


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(LOWEST_S, HIGHEST_S * 0.99), min_size=1, max_size=200), st.floats(0, 1))
def test_quantiles_agree_with_numpy_within_a_bucket(durations: list[float], q: float) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    exact = float(np.sort(durations)[max(1, math.ceil(q * len(durations))) - 1])
    assert exact / WIDTH <= histogram.quantile(q) <= exact * WIDTH
    assert histogram.count == len(durations)
    assert histogram.max == max(durations)


def test_quantile_is_numpys_inverted_cdf() -> None:
    durations = np.random.default_rng(0).lognormal(-6, 1, 5000)
    histogram = Histogram()
    for duration in durations:
        histogram.add(float(duration))
    for q in (0.0, 0.5, 0.95, 0.99, 1.0):
        exact = float(np.quantile(durations, q, method="inverted_cdf"))
        assert histogram.quantile(q) == pytest.approx(exact, rel=WIDTH - 1)


def test_outliers_count_in_the_outermost_buckets() -> None:
    histogram = Histogram()
    for duration in (-1.0, 0.0, 1e-9, 1e6, math.nan):
        histogram.add(duration)
    assert histogram.count == 4
    assert histogram.quantile(0.5) == pytest.approx(LOWEST_S, rel=WIDTH - 1)
    assert histogram.quantile(1.0) == pytest.approx(HIGHEST_S, rel=WIDTH - 1)
    assert histogram.max == 1e6
    histogram.add(math.inf)
    assert (histogram.count, histogram.max) == (5, math.inf)
    never = Histogram()
    never.add(-1.0)
    assert (never.quantile(0.5), never.max) == (LOWEST_S, LOWEST_S)


def test_nothing_counted_is_not_a_number() -> None:
    assert math.isnan(Histogram().quantile(0.5))
    assert milliseconds(Histogram().max) is None
    assert milliseconds(0.0012345678) == 1.235


def test_a_quantile_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram().quantile(1.5)


def test_a_decision_is_counted_in_every_leg() -> None:
    stages = Stages()
    stages.add(1.0, 1.5, 3.5, 4.5, 8.5, 16.5, 48.5)
    assert {name: histogram.max for name, histogram in stages.named().items()} == {
        "device -> ring": 0.5,
        "ring -> window": 2.0,
        "copy": 1.0,
        "classify": 4.0,
        "decide": 8.0,
        "sinks": 32.0,
        "total": 15.5,
    }
    assert [histogram.count for histogram in stages.named().values()] == [1] * len(LEGS)


def test_without_a_ring_the_first_leg_is_left_out() -> None:
    stages = Stages()
    stages.add(1.0, math.nan, 3.5, 4.5, 8.5, 16.5, 48.5)
    named = stages.named()
    assert named["device -> ring"].count == 0
    assert math.isnan(named["device -> ring"].max)
    assert named["ring -> window"].max == 2.5
    assert stages.total.max == 15.5


def test_what_is_skipped_counts_up_to_the_next_decision() -> None:
    """No coordinated omission: the wait of those who got nothing is not left out of the total."""
    stages = Stages()
    for taken in (10.0, 11.0, 12.0):
        stages.skip(taken)
    assert stages.total.count == 0
    stages.add(13.0, 13.0, 13.1, 13.2, 13.3, 14.0, 14.1)
    assert stages.total.count == 4
    assert stages.total.max == 4.0
    assert stages.total.quantile(0.5) == pytest.approx(2.0, rel=WIDTH - 1)
    stages.add(15.0, 15.0, 15.1, 15.2, 15.3, 16.0, 16.1)
    assert stages.total.count == 5, "each of them once"


def test_a_stalled_loop_shows_in_the_figures() -> None:
    """A hundred decisions a second, of which one takes a second: those behind it count as late as they were."""
    stages, free = Stages(), 0.0
    for number in range(1000):
        due = number / 100
        began = max(free, due)
        free = began + (1.0 if number == 500 else 0.001)
        stages.add(due, due, began, began, free, free, free)
    assert stages.named()["classify"].quantile(0.99) < 0.002, "what one timer around the call would say"
    assert stages.total.quantile(0.95) > 0.4
    assert stages.total.quantile(0.5) < 0.002


def test_a_run_that_ends_leaves_nobody_out_who_still_waits() -> None:
    stages = Stages()
    stages.begin(10.0)
    stages.skip(10.0)
    stages.begin(11.0)
    stages.close(14.0)
    assert stages.total.count == 2
    assert (stages.total.max, stages.named()["classify"].count) == (4.0, 0)
    stages.close(20.0)
    assert stages.total.count == 2
    stages.begin(15.0)
    stages.add(15.0, 15.0, 15.1, 15.2, 15.3, 16.0, 16.1)
    stages.close(20.0)
    assert stages.total.count == 3, "one that was decided waits no more"


def test_more_skipped_windows_than_anybody_can_wait_for_are_still_counted() -> None:
    stages = Stages()
    for number in range(5000):
        stages.skip(float(number))
    stages.add(5000.0, 5000.0, 5001.0, 5002.0, 5003.0, 5004.0, 5005.0)
    assert stages.total.count == 5001


def test_quantiles_for_people() -> None:
    stages = Stages()
    for ms in range(1, 1001):
        stages.add(0.0, 0.0, 0.0, 0.0, 0.0, ms / 1e3, ms / 1e3)
    figures = quantiles_ms(stages.total)
    assert list(figures) == ["p50", "p95", "p99", "p99.9", "max"]
    for name, expected in (("p50", 500), ("p95", 950), ("p99", 990), ("p99.9", 999), ("max", 1000)):
        assert figures[name] == pytest.approx(expected, rel=WIDTH - 1)
