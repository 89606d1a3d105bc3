"""The windows that the classifier sees behind the real thread are those that training saw."""

from __future__ import annotations

import numpy as np
import pytest

from devices.files import load, save_npz
from devices.replay import Replay
from devices.simulator import simulate
from dsp.design import DspSpec, design
from dsp.pipeline import Pipeline
from dsp.ring import Ring
from stream.acquire import Acquisition, chunks
from train.corpus import track
from train.task import grid

DESIGN = design(DspSpec(rate_hz=1000, notch_hz=50, scale_uv=(40.0,)))


@pytest.mark.parametrize("speed", [None, 40.0])
def test_serving_sees_what_training_saw(tmp_path, speed):
    save_npz(tmp_path / "made.npz", simulate(5, repetitions=1, hold_s=1.0, rest_s=0.5, gestures=("fist", "pronation")))
    recording = load(tmp_path / "made.npz")
    ring = Ring(len(recording.info.channels), len(recording.samples))
    with Acquisition(Replay(recording, speed), ring):
        served = [
            (window.first, recording.label(window.first, window.end), window.samples.copy())
            for pipeline in [Pipeline(DESIGN)]
            for chunk in chunks(ring)
            for window in pipeline.feed(chunk)
        ]
    trained = track(DESIGN, [recording], recording.names)
    places, labels = grid(trained, 0, DESIGN.spec.window, DESIGN.spec.hop)
    assert ring.dropped == 0
    assert [first for first, _, _ in served] == places.tolist()
    assert [label for _, label, _ in served] == [recording.names[label] for label in labels]
    for first, _, samples in served:
        assert np.array_equal(samples, trained.samples[first : first + DESIGN.spec.window])
