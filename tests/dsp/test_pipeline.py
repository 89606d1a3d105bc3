"""The law: however a stream is cut, every window is the same, bit for bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.design import DspSpec, design
from dsp.flow import Chunk, Samples, Window
from dsp.pipeline import Pipeline, filtered
from tests import naive

EIGHT = design(DspSpec(rate_hz=1000, notch_hz=50, window_ms=50, hop_ms=17, scale_uv=(80.0,)))
THREE = design(DspSpec(rate_hz=1000, channels=3, notch_hz=60, window_ms=31, hop_ms=40, scale_uv=(3.0, 50.0, 700.0)))
RAW = design(DspSpec(rate_hz=1000, band_hz=None, window_ms=20, hop_ms=1))


def noise(length: int, channels: int, seed: int = 0) -> Samples:
    return (np.random.default_rng(seed).normal(size=(length, channels)) * 300 + 1000).astype(np.float32)


def kept(window: Window) -> tuple[int, int, bytes]:
    return window.first, window.end, window.samples.tobytes()


def cut(samples: Samples, sizes: list[int], first: int = 0) -> list[Chunk]:
    edges = [0, *np.minimum(np.cumsum(sizes), len(samples)), len(samples)]
    return [Chunk(samples[a:b], first + a) for a, b in itertools.pairwise(edges)]


def run(pipeline: Pipeline, chunks: list[Chunk]) -> list[tuple[int, int, bytes]]:
    return [kept(window) for chunk in chunks for window in pipeline.feed(chunk)]


@settings(deadline=None, max_examples=60)
@given(
    which=st.sampled_from([EIGHT, THREE, RAW]),
    length=st.integers(0, 260),
    sizes=st.lists(st.one_of(st.integers(0, 3), st.integers(0, 120)), max_size=40),
    first=st.integers(0, 2**40),
    seed=st.integers(0, 9),
)
def test_any_chunking_equals_the_slow_twin(which, length, sizes, first, seed):
    samples = noise(length, which.spec.channels, seed)
    expected = [(first + a, first + b, w.tobytes()) for a, b, w in naive.windows(which, samples)]
    assert run(Pipeline(which), cut(samples, sizes, first)) == expected
    assert len(expected) == which.spec.windows_in(length)


@settings(deadline=None, max_examples=20)
@given(length=st.integers(0, 300), which=st.sampled_from([EIGHT, THREE]))
def test_offline_filtering_is_the_same_kernel(length, which):
    samples = noise(length, which.spec.channels)
    whole = filtered(which, samples)
    assert whole.tobytes() == naive.filtered(which, samples).tobytes()


def test_one_sample_at_a_time_equals_one_long_chunk():
    samples = noise(400, 8)
    assert run(Pipeline(EIGHT), cut(samples, [1] * 400)) == run(Pipeline(EIGHT), [Chunk(samples, 0)])


def test_starts_at_rest_whatever_the_offset():
    constant = np.full((200, 8), 1e6, np.float32)
    assert np.abs(filtered(EIGHT, constant)).max() < 1e-3


def test_removes_mains_and_keeps_the_band():
    t = np.arange(4000) / 1000

    def gain(hz: float) -> float:
        wave = np.repeat(np.sin(2 * np.pi * hz * t)[:, None], 8, 1).astype(np.float32) * 80
        return float(filtered(EIGHT, wave)[2000:].std() * np.sqrt(2))

    assert gain(50) < 0.01
    assert gain(100) < 0.01
    assert gain(5) < 0.01
    assert gain(120) == pytest.approx(1, abs=0.05)


def test_a_long_gap_starts_anew_and_is_counted():
    samples = noise(400, 8)
    pipeline = Pipeline(EIGHT)
    before = run(pipeline, [Chunk(samples[:130], 0)])
    after = run(pipeline, [Chunk(samples[231:], 231)])
    assert before == run(Pipeline(EIGHT), [Chunk(samples[:130], 0)])
    assert after == run(Pipeline(EIGHT), [Chunk(samples[231:], 231)])
    assert after[0][0] == 231
    assert (pipeline.lost, pipeline.bridged) == (101, 0)


def test_a_short_gap_is_bridged_by_a_straight_line_and_marked():
    samples = noise(400, 8)
    pipeline = Pipeline(EIGHT)
    pieces = [Chunk(samples[:130], 0, np.arange(130.0)), Chunk(samples[150:], 150, np.arange(150.0, 400.0))]
    got = [(w.first, w.end, w.intact, w.samples.copy(), w.stamp) for piece in pieces for w in pipeline.feed(piece)]
    line = np.linspace(samples[129], samples[150], 22)[1:-1]
    whole = np.concatenate([samples[:130], line.astype(np.float32), samples[150:]])
    expected = filtered(EIGHT, whole)
    assert [end for _, end, *_ in got] == list(range(50, 401, 17))
    for first, end, intact, window, stamp in got:
        np.testing.assert_allclose(window, expected[first:end], atol=1e-4)
        assert intact == (end <= 130 or first >= 150)
        assert stamp == (150 if 130 < end <= 150 else end - 1)
    assert (pipeline.lost, pipeline.bridged) == (20, 20)


@settings(deadline=None, max_examples=60)
@given(
    pieces=st.lists(st.tuples(st.sampled_from([0, 1, 3, 20, 60, 99, 100, 101, 250]), st.integers(1, 120)), max_size=8),
    cuts=st.lists(st.integers(0, 40), min_size=1, max_size=20),
)
def test_windows_of_a_stream_with_gaps_equal_the_slow_twin_however_it_is_cut(pieces, cuts):
    samples = noise(3000, 8)
    at, whole, chunks = 5, [], []
    for gap, length in pieces:
        at += gap
        piece = samples[at : at + length]
        if whole and gap == 0:
            whole[-1] = (whole[-1][0], np.concatenate([whole[-1][1], piece]))
        else:
            whole.append((at, piece))
        chunks += [Chunk(part.samples, at + part.first) for part in cut(piece, cuts)]
        at += length
    pipeline = Pipeline(EIGHT)
    got = [(w.first, w.end, w.intact, w.samples.tobytes()) for chunk in chunks for w in pipeline.feed(chunk)]
    expected = naive.gapped_windows(EIGHT, whole, 100)
    assert got == [(first, end, intact, window.tobytes()) for first, end, intact, window in expected]


def test_nothing_is_bridged_where_that_is_asked_for():
    samples = noise(200, 8)
    pipeline = Pipeline(EIGHT, bridge_ms=0)
    run(pipeline, [Chunk(samples[:60], 0)])
    assert run(pipeline, [Chunk(samples[61:], 61)])[0][0] == 61
    assert (pipeline.lost, pipeline.bridged) == (1, 0)


def test_stamp_is_that_of_the_last_sample():
    samples = noise(120, 8)
    stamps = np.arange(120) / 7
    ends = [(w.end, w.stamp) for w in Pipeline(EIGHT).feed(Chunk(samples, 0, stamps))]
    assert ends == [(end, stamps[end - 1]) for end in (50, 67, 84, 101, 118)]


def test_views_point_into_one_memory():
    windows = [w.samples for w in Pipeline(EIGHT).feed(Chunk(noise(200, 8), 0))]
    assert all(np.shares_memory(windows[0].base, w) for w in windows)


@pytest.mark.parametrize(
    ("chunk", "sentence"),
    [
        (Chunk(noise(5, 7), 100), "built for"),
        (Chunk(noise(5, 8), 99), "had already reached 100"),
    ],
)
def test_refuses_what_does_not_fit(chunk, sentence):
    pipeline = Pipeline(EIGHT)
    list(pipeline.feed(Chunk(noise(100, 8), 0)))
    with pytest.raises(ValueError, match=sentence):
        list(pipeline.feed(chunk))


def test_equals_scipy_with_state():
    signal = pytest.importorskip("scipy.signal")
    samples = noise(500, 8)
    sections, rest = EIGHT.arrays()
    x = samples.astype(np.float64)
    expected, _ = signal.sosfilt(sections, x, axis=0, zi=rest[:, :, None] * x[0])
    ours = filtered(EIGHT, samples)
    # Where scipy's own build fuses multiply and add (some Arm builds do), the last bit may differ.
    np.testing.assert_allclose(ours, (expected * (1 / 80.0)).astype(np.float32), rtol=2e-6, atol=2e-6)


def test_an_empty_chunk_says_nothing_about_the_stream():
    samples = noise(200, 8)
    pipeline = Pipeline(EIGHT)
    empty = samples[:0]
    chunks = [Chunk(samples[:120], 0), Chunk(empty, 0), Chunk(empty, 999), Chunk(samples[120:], 120)]
    assert run(pipeline, chunks) == run(Pipeline(EIGHT), [Chunk(samples, 0)])
    assert pipeline.lost == 0


def test_what_cannot_be_written_is_filtered_too():
    samples = noise(120, 8)
    frozen = np.frombuffer(samples.tobytes(), np.float32).reshape(samples.shape)
    assert run(Pipeline(EIGHT), [Chunk(frozen, 0)]) == run(Pipeline(EIGHT), [Chunk(samples, 0)])


def test_stamps_belong_to_samples():
    with pytest.raises(ValueError, match="9 samples but 3 stamps"):
        list(Pipeline(EIGHT).feed(Chunk(noise(9, 8), 0, np.zeros(3))))
