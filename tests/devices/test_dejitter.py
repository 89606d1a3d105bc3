from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from devices.dejitter import Dejitter

Floats = NDArray[np.float64]


def taken(rate_hz: float, off: float, seconds: float) -> Floats:
    return 100 + np.arange(int(seconds * rate_hz)) / (rate_hz * (1 + off))


def waits(times: Floats, rng: np.random.Generator) -> Floats:
    return np.maximum.accumulate(times + rng.exponential(2e-3, len(times)))


def bursts(times: Floats, rng: np.random.Generator) -> Floats:
    number = np.floor(times / 0.016).astype(int) + 1
    return number * 0.016 + rng.exponential(2e-4, number.max() + 1)[number]


def radio(times: Floats, rng: np.random.Generator) -> Floats:
    number = np.floor(times / 0.015).astype(int) + 1
    late = 7.5e-3 * rng.geometric(0.7, number.max() + 1) + rng.exponential(1e-3, number.max() + 1)
    return np.maximum.accumulate(number * 0.015 + late[number])


def one_by_one(dejitter: Dejitter, raw: Floats, first: int = 0) -> Floats:
    return np.concatenate([dejitter(first + at, raw[at : at + 1]) for at in range(len(raw))])


@pytest.mark.parametrize("off", [-0.01, 0.0, 0.01])
@pytest.mark.parametrize(("arrive", "allowed_ms"), [(waits, (0.1, 0.03)), (bursts, (0.4, 0.1)), (radio, (0.5, 0.1))])
def test_smooth_from_the_first_second_on(arrive, allowed_ms, off):
    times = taken(1000, off, 12)
    raw = arrive(times, np.random.default_rng(3))
    error_ms = (one_by_one(Dejitter(1000), raw) - times) * 1e3
    assert error_ms[1000:3000].std() < allowed_ms[0] < (raw - times).std() * 1e3 / 4
    assert error_ms[10_000:].std() < allowed_ms[1]


def test_the_error_is_the_shortest_wait_and_not_the_middle_one():
    times = taken(1000, 0.001, 5)
    raw = waits(times, np.random.default_rng(0))
    smooth = one_by_one(Dejitter(1000), raw)
    assert abs((smooth - times)[1000:].mean()) < 1e-4
    assert (raw - times).mean() > 1e-3


def test_the_rate_is_found():
    dejitter = Dejitter(1000)
    dejitter(0, bursts(taken(1000, 0.007, 5), np.random.default_rng(0)))
    assert dejitter.rate_hz == pytest.approx(1007, rel=1e-4)
    dejitter.reset()
    assert dejitter.rate_hz == 1000


@settings(deadline=None, max_examples=60)
@given(
    waits_ms=st.lists(st.floats(0, 300), min_size=1, max_size=300),
    jumps=st.lists(st.integers(0, 40), min_size=300, max_size=300),
    cut=st.integers(1, 50),
)
def test_never_decreasing_never_later_than_the_arrival_and_the_same_however_cut(waits_ms, jumps, cut):
    late = np.asarray(waits_ms) / 1e3
    index = np.cumsum(np.asarray(jumps[: len(late)])) + np.arange(len(late))
    raw = np.maximum.accumulate(index / 500 + late)
    whole = Dejitter(500)
    times = np.concatenate([whole(int(n), raw[at : at + 1]) for at, n in enumerate(index)])
    assert (np.diff(times) >= 0).all()
    assert (times <= raw).all()
    straight, pieces = Dejitter(500), Dejitter(500)
    np.testing.assert_array_equal(
        straight(0, raw), np.concatenate([pieces(at, raw[at : at + cut]) for at in range(0, len(raw), cut)])
    )


def test_never_decreasing_where_the_stamps_are():
    times = one_by_one(Dejitter(1000), taken(1000, 0, 1)[::-1].copy())
    assert (np.diff(times) >= 0).all()
    assert np.isfinite(times).all()


def test_all_at_once_leaves_a_rate():
    dejitter = Dejitter(1000)
    dejitter(0, np.zeros(5000))
    assert 800 <= dejitter.rate_hz <= 1250


def test_a_gap_leaves_the_times_in_place():
    times = taken(1000, 0.002, 8)
    raw = bursts(times, np.random.default_rng(1))
    dejitter = Dejitter(1000)
    dejitter(0, raw[:3000])
    error = dejitter(5500, raw[5500:]) - times[5500:]
    assert np.abs(error).max() < 2e-3


@pytest.mark.parametrize("step_s", [-0.2, 3.0])
def test_a_step_of_the_clock_is_followed_within_a_second(step_s):
    times = taken(1000, 0.003, 12)
    times[6000:] += step_s
    raw = waits(times, np.random.default_rng(2))
    raw[6000:] = waits(times[6000:], np.random.default_rng(3))
    smooth = one_by_one(Dejitter(1000), raw)
    assert (np.diff(smooth) >= 0).all()
    assert np.abs(smooth - times)[7500:].max() < 1e-3


def test_a_stall_is_not_a_step():
    times = taken(1000, 0.003, 10)
    raw = waits(times, np.random.default_rng(2))
    raw[4000:4500] = raw[4500]
    smooth = one_by_one(Dejitter(1000), raw)
    assert np.abs(smooth - times)[2000:].max() < 5e-4


def test_a_slow_drift_is_followed():
    x = np.arange(60_000) / 1000
    times = x + 0.5 * 5e-6 * x**2  # 5 ppm every second
    smooth = one_by_one(Dejitter(1000), waits(times, np.random.default_rng(2)))
    assert np.abs(smooth - times)[5000:].max() < 1e-3


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_is_needed(rate_hz):
    with pytest.raises(ValueError, match="give a rate above zero"):
        Dejitter(rate_hz)
