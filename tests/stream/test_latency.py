from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.latency import HIGHEST_S, LOWEST_S, WIDTH, Histogram, Stages, milliseconds


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
    for duration in (-1.0, 0.0, 1e-9, 1e6):
        histogram.add(duration)
    assert histogram.count == 4
    assert histogram.quantile(0.5) == pytest.approx(LOWEST_S, rel=WIDTH - 1)
    assert histogram.quantile(1.0) == pytest.approx(HIGHEST_S, rel=WIDTH - 1)
    assert histogram.max == 1e6


def test_nothing_counted_is_not_a_number() -> None:
    assert math.isnan(Histogram().quantile(0.5))
    assert milliseconds(Histogram().max) is None
    assert milliseconds(0.0012345678) == 1.235


def test_a_quantile_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram().quantile(1.5)


def test_stages_add_up_to_the_total() -> None:
    stages = Stages()
    second = 10**9
    stages.add(1.0, 2 * second, 4 * second, 8 * second, 16 * second)
    assert [histogram.max for histogram in stages.named().values()] == [1.0, 2.0, 4.0, 8.0, 7.0]
    assert list(stages.named()) == ["sample -> window", "classify", "decide", "sinks", "total"]
