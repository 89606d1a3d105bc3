"""A replayed recording is the recording, on time."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from devices.recording import Recording
from devices.replay import Replay
from devices.source import Source
from devices.watched import Watched
from dsp.flow import Chunk, StreamInfo


def recording(length: int, rate_hz: float = 1000.0) -> Recording:
    samples = np.arange(2 * length, dtype=np.float32).reshape(length, 2)
    return Recording(StreamInfo("x", rate_hz, ("a", "b")), samples)


def drained(source: Source) -> list[Chunk]:
    chunks = []
    while (chunk := source.read()) is not None:
        chunks.append(chunk)
    return chunks


@given(st.integers(0, 300), st.sampled_from([200.0, 512.0, 1000.0]), st.sampled_from([None, 1e4, 1e6]))
@hypothesis_settings(deadline=None, max_examples=40)
def test_the_chunks_are_the_recording(length: int, rate_hz: float, speed: float | None) -> None:
    original = recording(length, rate_hz)
    chunks = drained(Replay(original, speed))
    assert [chunk.first for chunk in chunks] == [0, *[chunk.end for chunk in chunks]][: len(chunks)]
    joined = np.concatenate([original.samples[:0], *[chunk.samples for chunk in chunks]])
    assert np.array_equal(joined, original.samples)
    for chunk in chunks:
        assert chunk.stamps is not None
        assert chunk.stamps.shape == (len(chunk.samples),)


@pytest.mark.parametrize(("rate_hz", "chunk_ms", "size"), [(512, 10, 5), (200, 10, 2), (1000, 32, 32), (200, 1, 1)])
def test_a_chunk_is_as_long_as_asked_and_never_empty(rate_hz: float, chunk_ms: float, size: int) -> None:
    chunks = drained(Replay(recording(100, rate_hz), None, chunk_ms))
    assert {len(chunk.samples) for chunk in chunks[:-1]} == {size}


@pytest.mark.parametrize(("rate_hz", "speed", "size"), [(512, 1, 1), (1000, 1, 2), (1000, 10, 20), (1000, None, 10)])
def test_a_packet_takes_two_milliseconds_to_come(rate_hz: float, speed: float | None, size: int) -> None:
    assert len(drained(Replay(recording(60, rate_hz), speed))[0].samples) == size


def test_every_speed_gives_the_same_chunks() -> None:
    several = [drained(Replay(recording(200), speed, 10)) for speed in (None, 10, 1000)]
    for chunks in several[1:]:
        assert [chunk.first for chunk in chunks] == [chunk.first for chunk in several[0]]
        assert all(np.array_equal(a.samples, b.samples) for a, b in zip(chunks, several[0], strict=True))


def test_the_pace_is_the_recordings_times_the_speed() -> None:
    source = Replay(recording(5000), speed=50)
    before = time.perf_counter()
    stamps = []
    while (chunk := source.read()) is not None:
        assert chunk.stamps is not None
        assert chunk.stamps[-1] <= time.perf_counter()
        stamps.append(chunk.stamps[-1])
    assert stamps[-1] - before >= 5.0 / 50
    # An absolute schedule: chunk k at start + k * 100 ms / 50, whatever the machine did in between.
    assert np.diff(stamps) == pytest.approx(0.1 / 50, abs=1e-9)


def test_every_sample_has_its_own_stamp() -> None:
    source = Replay(recording(100), speed=10)
    stamps = np.concatenate([chunk.stamps for chunk in drained(source) if chunk.stamps is not None])
    assert len(stamps) == 100
    assert np.diff(stamps) == pytest.approx(0.001 / 10, abs=1e-9)


def test_a_late_reader_catches_up_and_sees_its_lateness() -> None:
    source = Replay(recording(1000), speed=10, chunk_ms=10)
    first = source.read()
    time.sleep(0.1)
    chunks = drained(source)
    assert first is not None
    assert first.stamps is not None
    assert chunks[-1].stamps is not None
    assert chunks[-1].stamps[-1] - first.stamps[-1] == pytest.approx(0.99 / 10)


def test_a_long_wait_is_cut_into_empty_chunks() -> None:
    source = Replay(recording(10), speed=0.05, chunk_ms=10)
    chunks = drained(source)
    assert len(chunks[0].samples) == 0
    assert chunks[0].first == 0
    assert [len(chunk.samples) for chunk in chunks if len(chunk.samples)] == [10]


def test_close_ends_a_waiting_read() -> None:
    source = Replay(recording(1000), speed=0.001)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(drained(source)))
    thread.start()
    source.close()
    source.close()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert sum(len(chunk.samples) for chunk in answers[0]) == 0
    assert source.read() is None


def test_the_end_stays_the_end() -> None:
    source = Replay(recording(0), None)
    assert source.read() is None
    assert source.read() is None
    assert source.info.name == "x"


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Replay(recording(10), speed)


def test_an_impossible_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match="chunk_ms"):
        Replay(recording(10), 1.0, 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=6),
    st.integers(0, 40),
    st.sampled_from([None, 1e6]),
    st.sampled_from([1.0, 7.0, 50.0]),
)
@hypothesis_settings(deadline=None, max_examples=60)
def test_gaps_are_missing_again(pieces: list[tuple[int, int]], rest: int, speed: float | None, chunk_ms: float) -> None:
    gaps, end = [], 0
    for between, count in pieces:
        gaps.append((end + between, count))
        end += between + count
    samples = recording(end + rest).samples
    original = Recording(StreamInfo("x", 1000.0, ("a", "b")), samples, gaps=tuple(gaps))
    watched = Watched(Replay(original, speed, chunk_ms))
    chunks = drained(watched)
    indices = np.concatenate([np.empty(0, int), *[np.arange(chunk.first, chunk.end) for chunk in chunks]])
    filled = np.concatenate([np.empty(0, int), *[np.arange(first, first + count) for first, count in gaps]])
    assert np.array_equal(indices, np.setdiff1d(np.arange(len(samples)), filled))
    for chunk in chunks:
        assert len(chunk.samples)
        assert np.array_equal(chunk.samples, samples[chunk.first : chunk.end])
    assert watched.integrity.samples == len(indices)
    assert watched.integrity.lost == (indices[-1] + 1 - indices[0] - len(indices) if len(indices) else 0)


def test_what_comes_after_a_gap_comes_as_late_as_it_came_live() -> None:
    samples = recording(200).samples
    replay = Replay(Recording(StreamInfo("x", 1000.0, ("a", "b")), samples, gaps=((10, 180),)), chunk_ms=10)
    chunks = [chunk for chunk in drained(replay) if len(chunk.samples)]
    assert [chunk.first for chunk in chunks] == [0, 190]
    stamps = [chunk.stamps for chunk in chunks]
    assert stamps[0] is not None
    assert stamps[1] is not None
    assert stamps[1][-1] - stamps[0][-1] == pytest.approx(0.19)


@pytest.mark.parametrize("gaps", [((-1, 2),), ((0, 0),), ((5, 6),), ((2, 3), (4, 1)), ((5, 1), (2, 1))])
def test_gaps_that_cannot_be_are_refused(gaps: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match=r"'x' has a gap of -?\d+ samples from sample -?\d+ on"):
        Recording(StreamInfo("x", 1000.0, ("a", "b")), recording(10).samples, gaps=gaps)


@pytest.mark.parametrize("speed", [1.0, None])
def test_what_is_held_goes_on_with_the_next_sample_and_makes_up_for_nothing(speed: float | None) -> None:
    original = recording(400)
    replay = Replay(original, speed)
    first = [replay.read() for _ in range(3)]
    replay.hold(True)
    began = time.perf_counter()
    assert all(len(chunk.samples) == 0 for chunk in (replay.read(), replay.read()) if chunk is not None)
    held = time.perf_counter() - began
    replay.hold(False)
    rest = drained(replay)
    samples = [chunk.samples for chunk in (*first, *rest) if chunk is not None]
    assert np.array_equal(np.concatenate(samples), original.samples)
    if speed is not None:
        stamps = np.concatenate(
            [chunk.stamps for chunk in (*first, *rest) if chunk is not None and chunk.stamps is not None]
        )
        assert np.diff(stamps).max() >= 0.9 * held
        assert np.sort(np.diff(stamps))[-2] == pytest.approx(1e-3, abs=1e-4)
