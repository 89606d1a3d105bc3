"""The ring's contract, sentence by sentence."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.flow import Chunk
from dsp.ring import MOST, Ring


def block(first: int, length: int, channels: int = 2) -> Chunk:
    """Samples whose value is their stream index, so that a reader can tell what it got."""
    index = np.arange(first, first + length)
    return Chunk(np.repeat(index[:, None], channels, 1).astype(np.float32), first, index / 1000)


def check(chunk: Chunk) -> list[int]:
    expected = np.arange(chunk.first, chunk.first + len(chunk.samples))
    assert (chunk.samples == expected[:, None]).all()
    assert np.array_equal(chunk.stamps, expected / 1000)
    return [int(i) for i in expected]


@settings(deadline=None, max_examples=200)
@given(
    capacity=st.integers(1, 20),
    steps=st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 3), st.integers(0, 45))), max_size=40),
)
def test_is_a_bounded_queue_that_forgets_its_oldest(capacity, steps):
    ring, model, at, dropped, got, wanted = Ring(2, capacity), [], 0, 0, [], []
    for step in [*steps, *[None] * 50]:
        if step is None:
            chunk = ring.read()
            got += check(chunk) if len(chunk.samples) else []
            run = next((k for k in range(1, len(model)) if model[k] != model[k - 1] + 1), len(model))
            wanted += model[:run]
            model = model[run:]
        else:
            gap, length = step
            at += gap
            ring.write(block(at, length))
            model += range(at, at + length)
            at += length
            dropped += max(len(model) - capacity, 0)
            model = model[-capacity:]
    assert got == wanted
    assert ring.dropped == dropped


def test_under_load_nothing_is_torn_repeated_or_lost_silently():
    ring, total = Ring(2, 700), 60_000

    def hammer() -> None:
        rng, at = np.random.default_rng(1), 0
        while at < total:
            length = min(int(rng.integers(1, 900)), total - at)
            ring.write(block(at, length))
            at += length
        ring.finish()

    writer = threading.Thread(target=hammer)
    writer.start()
    seen = 0
    last = -1
    while not ring.finished:
        assert ring.wait(5)
        index = check(ring.read())
        if index:
            assert index[0] > last
            last = index[-1]
            seen += len(index)
    writer.join(5)
    assert seen + ring.dropped == total
    assert last == total - 1


def test_a_block_overwritten_while_copied_is_given_up():
    ring = Ring(2, 10)
    ring.write(block(0, 10))
    ring._claimed += 4  # as if the writer had been stopped in the middle of its copy
    chunk = ring.read()
    assert check(chunk) == [4, 5, 6, 7, 8, 9]
    assert ring.dropped == 4


def test_wait_ends_by_time_news_or_end():
    ring = Ring(2, 10)
    assert not ring.wait(0.01)
    ring.write(block(0, 1))
    assert ring.wait(5)
    ring.read()
    assert not ring.wait(0.01)
    ring.finish()
    assert ring.wait(5)
    assert ring.finished


def test_a_sleeping_reader_is_woken():
    ring = Ring(2, 10)
    timer = threading.Timer(0.05, ring.write, [block(0, 3)])
    timer.start()
    assert ring.wait(10)
    assert check(ring.read()) == [0, 1, 2]
    timer.join()


def test_an_error_comes_after_the_last_sample():
    ring = Ring(2, 10)
    ring.write(block(0, 3))
    ring.fail(ValueError("the armband was unplugged"))
    assert ring.wait(1)
    assert not ring.finished
    assert check(ring.read()) == [0, 1, 2]
    with pytest.raises(ValueError, match="unplugged"):
        ring.read()


def test_what_is_read_is_the_readers_own():
    ring = Ring(2, 4)
    ring.write(block(0, 4))
    chunk = ring.read()
    ring.write(block(4, 4))
    assert check(chunk) == [0, 1, 2, 3]


def test_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="holds 2 channels"):
        Ring(2, 4).write(block(0, 1, channels=3))
    with pytest.raises(ValueError, match="cannot hold any"):
        Ring(0, 4)


def test_a_long_backlog_comes_in_pieces():
    ring = Ring(2, 20_000)
    ring.write(block(0, 15_000))
    pieces = []
    while len(chunk := ring.read().samples):
        pieces.append(len(chunk))
    assert sum(pieces) == 15_000
    assert max(pieces) == MOST


def test_an_empty_chunk_wakes_nobody():
    ring = Ring(2, 4)
    ring.write(block(0, 0))
    assert not ring.wait(0.01)


def test_stamps_belong_to_samples():
    ring = Ring(2, 4)
    with pytest.raises(ValueError, match="2 samples but 1 stamps"):
        ring.write(Chunk(block(0, 2).samples, 0, np.zeros(1)))
    assert len(ring.read().samples) == 0
