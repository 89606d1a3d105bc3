from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from devices.lsl.losses import Losses

RATE_HZ = 1000.0
Floats = NDArray[np.float64]


def rows(count: int) -> NDArray[np.float32]:
    """Each row carries its number."""
    return np.repeat(np.arange(count, dtype=np.float32)[:, None], 3, axis=1)


def numbered(
    samples: NDArray[np.float32], stamps: Floats, *, cut: int = 1, rate_hz: float = RATE_HZ
) -> tuple[NDArray[np.int64], NDArray[np.float32], Losses]:
    """What comes out: indices and rows, after everything has gone in, and been settled at the end."""
    losses = Losses(rate_hz, samples.shape[1])
    blocks = []
    for at in range(0, len(stamps), cut):
        blocks += losses.take(samples[at : at + cut].copy(), stamps[at : at + cut].copy(), 1 / rate_hz)
    blocks += losses.settle(now=True)
    assert losses.held == 0
    index = np.concatenate([np.arange(block.first, block.first + len(block.stamps)) for block in blocks])
    return index, np.concatenate([block.samples for block in blocks]), losses


def arriving(rng: np.random.Generator, count: int, hiccups: int) -> Floats:
    """Stamps of a program that stamps when it sends: late by little, sometimes by much, then catching up."""
    due = np.arange(count) / RATE_HZ
    late = rng.exponential(5e-5, count)
    for at in rng.integers(0, count, hiccups):
        late[at] += rng.uniform(0.001, 0.06)
    stamps = np.zeros(count)
    now = 0.0
    for at in range(count):
        now = max(now + 4e-5, due[at]) + late[at] * (due[at] > now or late[at] > 1e-3)
        stamps[at] = now
    return stamps


@settings(deadline=None, max_examples=25)
@given(data=st.data(), cut=st.integers(1, 60), share=st.sampled_from([0.0, 0.01, 0.1, 0.3]), seed=st.integers(0, 99))
def test_ticking_stamps_give_every_sample_its_index(data, cut, share, seed):
    rng = np.random.default_rng(seed)
    kept = rng.random(1500) >= share
    begin, length = data.draw(st.integers(1, 1400)), data.draw(st.integers(0, 400))
    kept[begin : begin + length] = False
    kept[0] = True
    numbers = np.flatnonzero(kept)
    twice = np.sort(np.concatenate([numbers, rng.choice(numbers, len(numbers) // 50)]))
    index, came, losses = numbered(rows(1500)[twice], 500 + twice / RATE_HZ, cut=cut)
    np.testing.assert_array_equal(index, numbers)
    np.testing.assert_array_equal(came[:, 0], numbers)
    assert losses.duplicates == len(twice) - len(numbers)


def test_the_scatter_of_a_clock_hides_nothing():
    rng = np.random.default_rng(1)
    numbers = np.flatnonzero(rng.random(5000) >= 0.01)
    numbers[0] = 0
    stamps = numbers / RATE_HZ + rng.normal(0, 1e-5, len(numbers))
    index, _, _ = numbered(rows(5000)[numbers], stamps)
    np.testing.assert_array_equal(index, numbers)


@pytest.mark.parametrize("chunk", [2, 10, 32])
def test_a_packet_that_comes_twice_is_left_out(chunk):
    order = np.concatenate([np.arange(640), np.arange(640 - chunk, 640), np.arange(640, 900)])
    index, came, losses = numbered(rows(900)[order], order / RATE_HZ, cut=chunk)
    np.testing.assert_array_equal(index, np.arange(900))
    np.testing.assert_array_equal(came[:, 0], np.arange(900))
    assert losses.duplicates == chunk


@pytest.mark.parametrize("seed", range(8))
def test_a_sender_that_is_late_and_catches_up_has_lost_nothing(seed):
    rng = np.random.default_rng(seed)
    stamps = arriving(rng, 8000, hiccups=80)
    index, _, losses = numbered(rows(8000), stamps)
    np.testing.assert_array_equal(index, np.arange(8000))
    assert losses.duplicates == 0


def test_a_sender_that_is_late_and_has_lost_some_besides():
    stamps = arriving(np.random.default_rng(0), 4000, hiccups=0)
    stamps[2000:2200] = np.maximum(stamps[2000:2200], 2.2 + np.arange(200) * 4e-5)
    kept = np.delete(np.arange(4000), np.arange(2000, 2050))
    index, _, _ = numbered(rows(4000)[kept], stamps[kept])
    np.testing.assert_array_equal(index, kept)


@pytest.mark.parametrize(("begin", "length"), [(2000, 7), (2000, 200), (1234, 1000)])
def test_losses_of_a_sender_that_stamps_when_it_sends(begin, length):
    stamps = arriving(np.random.default_rng(5), 6000, hiccups=0)
    kept = np.delete(np.arange(6000), np.arange(begin, begin + length))
    index, _, _ = numbered(rows(6000)[kept], stamps[kept])
    np.testing.assert_array_equal(index, kept)


@pytest.mark.parametrize("burst", [2, 16])
def test_bursts_of_a_driver(burst):
    """Each burst is stamped at once when it is over."""
    rng = np.random.default_rng(2)
    number = np.arange(8000) // burst
    stamps = (number + 1) * burst / RATE_HZ + rng.exponential(1e-4, number[-1] + 1)[number]
    index, _, _ = numbered(rows(8000), stamps, cut=burst)
    np.testing.assert_array_equal(index, np.arange(8000))
    kept = np.flatnonzero((number < 3000 // burst) | (number >= 3400 // burst))
    index, _, _ = numbered(rows(8000)[kept], stamps[kept], cut=burst)
    np.testing.assert_array_equal(index, kept)


@pytest.mark.parametrize("chunk", [2, 8, 32])
def test_chunks_that_a_late_program_stamps_as_a_whole(chunk):
    late = np.random.default_rng(4).exponential(2e-3, 16000 // chunk + 1)
    stamps = np.arange(16000) / RATE_HZ + late[np.arange(16000) // chunk]
    index, _, _ = numbered(rows(16000), stamps, cut=chunk)
    np.testing.assert_array_equal(index, np.arange(16000))


@pytest.mark.parametrize("off", [-0.01, 0.01])
def test_a_rate_that_is_off(off):
    numbers = np.flatnonzero(np.random.default_rng(4).random(9000) >= 0.01)
    numbers = numbers[(numbers < 3000) | (numbers >= 5000)]
    numbers[0] = 0
    index, _, _ = numbered(rows(9000)[numbers], numbers / RATE_HZ * (1 + off))
    np.testing.assert_array_equal(index, numbers)


def test_the_same_values_again_are_no_duplicates():
    index, _, losses = numbered(np.zeros((2000, 3), np.float32), np.arange(2000) / RATE_HZ)
    assert len(index) == 2000
    assert losses.duplicates == 0


def test_nothing_in_doubt_is_not_held_back():
    losses = Losses(RATE_HZ, 3)
    for at in range(100):
        assert len(losses.take(rows(1), np.array([at / RATE_HZ]), 1 / RATE_HZ)) == 1


def test_a_jump_is_held_back_for_a_few_samples_only():
    losses = Losses(RATE_HZ, 3)
    losses.take(rows(100), np.arange(100) / RATE_HZ, 1 / RATE_HZ)
    held = [losses.take(rows(1), np.array([at / RATE_HZ]), 1 / RATE_HZ) for at in range(150, 154)]
    assert held[:3] == [[], [], []]
    assert [block.first for block in held[3]] == [150, 151]
    assert losses.next == 154


def test_a_return_has_the_index_it_is_given():
    losses = Losses(RATE_HZ, 3)
    losses.take(rows(100), np.arange(100) / RATE_HZ, 1 / RATE_HZ)
    losses.begin(5000)
    (block,) = losses.take(rows(10), 77 + np.arange(10) / RATE_HZ, 1 / RATE_HZ)
    assert block.first == 5000
