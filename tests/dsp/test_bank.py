from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp import bank as banks
from dsp.bank import Bank
from dsp.design import DspSpec, design
from dsp.flow import Chunk
from dsp.pipeline import Pipeline

DESIGNS = {
    channels: design(DspSpec(500.0, channels, band_hz=(20.0, 200.0), window_ms=60, hop_ms=20, scale_uv=(7.0,)))
    for channels in (3, 8)
}


@settings(deadline=None, max_examples=25)
@given(
    channels=st.sampled_from([3, 8]),
    streams=st.integers(1, 5),
    hops=st.integers(0, 6),
    each=st.sampled_from([1, 512]),
)
def test_every_stream_is_a_pipeline_bit_for_bit(channels: int, streams: int, hops: int, each: int) -> None:
    made = DESIGNS[channels]
    window, hop = made.spec.window, made.spec.hop
    rng = np.random.default_rng(streams)
    samples = (rng.standard_normal((streams, window + hops * hop, channels)) * 50 + 1000).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(banks, "EACH", each)  # one stream a thread, or all in this one
        patch.setattr("os.cpu_count", lambda: 4)
        bank = Bank(made, streams)
    found = []
    for first, end in [(0, window), *((window + k * hop, window + (k + 1) * hop) for k in range(hops))]:
        bank.advance(np.ascontiguousarray(samples[:, first:end]))
        found.append(bank.windows.copy())
    for stream in range(streams):
        expected = [w.samples.copy() for w in Pipeline(made).feed(Chunk(samples[stream], 0))]
        assert len(expected) == len(found)
        for there, here in zip(expected, found, strict=True):
            assert np.array_equal(there, here[stream])


def test_nothing_changes_nothing_and_wrong_samples_are_refused() -> None:
    bank = Bank(DESIGNS[3], 2)
    bank.advance(np.ones((2, 30, 3), np.float32))
    before = bank.windows.copy()
    bank.advance(np.ones((2, 0, 3), np.float32))
    assert np.array_equal(bank.windows, before)
    for shape in ((3, 10, 3), (2, 10, 8), (10, 3)):
        with pytest.raises(ValueError, match="2 streams of 3 channels"):
            bank.advance(np.ones(shape, np.float32))
    with pytest.raises(ValueError, match="C-contiguous float32"):
        bank.advance(np.ones((2, 10, 3)))
