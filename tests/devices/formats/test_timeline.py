"""Samples at their indices: what is drawn over a hole is what the live pipeline draws over it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats.timeline import filled
from devices.recording import Recording
from devices.replay import Replay
from dsp.design import DspSpec, design
from dsp.flow import Chunk, StreamInfo
from dsp.pipeline import Pipeline

RATE_HZ, CHANNELS = 1000.0, 8
DESIGN = design(DspSpec(RATE_HZ, window_ms=50, hop_ms=17))


@given(
    lost=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 100)), min_size=1, max_size=5), seed=st.integers(0, 99)
)
@settings(deadline=None, max_examples=40)
def test_windows_of_a_filled_recording_are_those_of_the_stream_with_its_gaps(
    lost: list[tuple[int, int]], seed: int
) -> None:
    ends = np.cumsum([length for pair in lost for length in pair])
    here = np.ones(int(ends[-1]) + 60, np.bool_)
    for first, end in ends.reshape(-1, 2):
        here[first:end] = False
    samples = np.random.default_rng(seed).normal(0, 50, (np.count_nonzero(here), CHANNELS)).astype(np.float32)
    whole, gaps = filled(samples, np.flatnonzero(here), RATE_HZ, "x")
    assert sum(count for _, count in gaps) == len(whole) - len(samples)
    replay = Replay(Recording(StreamInfo("x", RATE_HZ, tuple("abcdefgh")), whole, gaps=gaps), None)
    live, offline = Pipeline(DESIGN), Pipeline(DESIGN)
    streamed = [(w.end, w.samples.tobytes()) for chunk in iter(replay.read, None) for w in live.feed(chunk)]
    assert streamed == [(w.end, w.samples.tobytes()) for w in offline.feed(Chunk(whole, 0))]
    assert live.bridged == len(whole) - len(samples)
