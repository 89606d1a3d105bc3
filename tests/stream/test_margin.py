"""What the loop and its displays share beside the page."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from dsp.flow import Chunk
from stream.latency import Histogram
from stream.margin import BINS, EVENTS, KEYS, WORDS, Margin, bin_edges_s, layout


@pytest.fixture
def memory() -> np.ndarray:
    return np.zeros(1, layout(100.0, 2))


def ramp(first: int, end: int) -> Chunk:
    return Chunk(np.repeat(np.arange(first, end, dtype=np.float32)[:, None], 2, axis=1), first)


@pytest.mark.parametrize("length", [1, 7, 64, 200, 333])
def test_the_latest_samples_are_kept_however_they_come(memory, length):
    margin = Margin(memory)
    for first in range(0, 999, length):
        margin.hear(ramp(first, min(first + length, 999)))
        end, samples = margin.heard()
        assert end == min(first + length, 999)
        np.testing.assert_array_equal(samples[:, 1], np.arange(max(0, end - 200), end))


def test_what_is_missing_is_not_a_number(memory):
    margin = Margin(memory)
    margin.hear(ramp(0, 150))
    margin.hear(ramp(170, 190))
    samples = margin.heard()[1][:, 0]
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(samples)), np.arange(150, 170))
    margin.hear(ramp(5000, 5010))
    samples = margin.heard()[1][:, 0]
    assert len(samples) == 200
    assert np.isnan(samples[:190]).all()
    np.testing.assert_array_equal(samples[190:], np.arange(5000, 5010))


def test_no_sample_is_torn_while_another_thread_writes(memory):
    margin, ended = Margin(memory), threading.Event()

    def write() -> None:
        for first in range(0, 300_000, 30):
            margin.hear(ramp(first, first + 30))
        ended.set()

    thread = threading.Thread(target=write)
    thread.start()
    looks = 0
    while not ended.is_set() or not looks:
        end, samples = margin.heard()
        np.testing.assert_array_equal(samples[:, 0], np.arange(end - len(samples), end))
        looks += 1
    thread.join()


def test_events_come_in_order_and_the_latest_are_kept(memory):
    margin = Margin(memory)
    margin.note(5, "marker 1")
    margin.note(9, "ü" * WORDS)
    assert [(each.number, each.at) for each in margin.events()] == [(0, 5), (1, 9)]
    assert margin.events()[0].text == "marker 1"
    assert margin.events()[1].text == "ü" * (WORDS // 2)
    for k in range(EVENTS):
        margin.note(k, str(k))
    assert [each.text for each in margin.events()] == [str(k) for k in range(EVENTS)]
    assert [each.text for each in margin.events(since=EVENTS + 1)] == [str(EVENTS - 1)]


def test_keys_are_taken_once(memory):
    display, loop = Margin(memory), Margin(memory)
    display.press("pq")
    display.press("ä")
    assert loop.take_keys() == "pq"
    assert loop.take_keys() == ""
    display.press("m" * (KEYS + 5))
    assert loop.take_keys() == "m" * KEYS


def test_latencies_are_counted_in_wider_bins(memory):
    margin, histogram = Margin(memory), Histogram()
    for seconds in (1e-9, 0.002, 0.002, 0.03, 1e3):
        histogram.add(seconds)
    margin.time(histogram)
    counts, edges = margin.latency(), bin_edges_s()
    assert len(counts) == BINS == len(edges) - 1
    assert counts.sum() == 5
    assert counts[np.searchsorted(edges, 0.002) - 1] == 2


def test_an_address_is_told(memory):
    display, loop = Margin(memory), Margin(memory)
    assert loop.address == ""
    display.address = "http://127.0.0.1:8765/"
    assert loop.address == "http://127.0.0.1:8765/"
