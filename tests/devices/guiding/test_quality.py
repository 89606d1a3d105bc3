"""What can be learnt from passes, what cannot is named with its channel and the way out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.guiding.quality import Held, complaint, complaint_at_rest, conditions, strength
from devices.recording import Recording
from devices.simulator import simulate
from dsp.flow import Samples, StreamInfo

RATE_HZ = 500.0
CHANNELS = tuple(f"ch{n}" for n in range(1, 9))
INFO = StreamInfo("arm", RATE_HZ, CHANNELS, full_scale_uv=5000.0)


def noise(seconds: float = 2.0, seed: int = 0, scale_uv: float = 100.0) -> Samples:
    shape = (round(seconds * RATE_HZ), 8)
    return np.random.default_rng(seed).normal(scale=scale_uv, size=shape).astype(np.float32)


def stretches(recording: Recording) -> list[tuple[str, Samples]]:
    assert recording.labels is not None
    bounds = [0, *(np.flatnonzero(np.diff(recording.labels)) + 1).tolist(), len(recording.labels)]
    return [(recording.names[recording.labels[a]], recording.samples[a:b]) for a, b in pairwise(bounds)]


@pytest.mark.parametrize("person", [0, 3, 901])
def test_simulated_gestures_are_good_and_rest_in_their_place_is_not(person: int) -> None:
    recording = simulate(person, 1, repetitions=1, hold_s=3.0, rest_s=5.0, rate_hz=RATE_HZ)
    before: Samples | None = None
    for name, samples in stretches(recording):
        if name == "rest":
            half = len(samples) // 2
            assert complaint_at_rest(Held(recording.info, samples)) == ""
            idle = complaint(Held(recording.info, samples[half:], before=samples[:half]))
            assert "no stronger than the rest" in idle
            before = samples[half:]
        else:
            assert complaint(Held(recording.info, samples, before=before)) == "", name


def hostile(kind: str) -> Held:
    samples = noise()
    t = np.arange(len(samples)) / RATE_HZ
    if kind == "flat":
        samples[:, 2] = 7.0
    elif kind == "flat for a while":
        samples[300:600, 2] = 7.0
    elif kind == "railed":
        samples[200:, 2] = 5000.0
    elif kind == "clipped":
        samples = np.clip(samples, -60, 60)
        samples[:, [0, 1, 3, 4, 5, 6, 7]] = noise(seed=1)[:, [0, 1, 3, 4, 5, 6, 7]]
    elif kind == "nan":
        samples[5, 2] = np.nan
    elif kind == "infinite":
        samples[5, 2] = np.inf
    elif kind in ("hum", "hum with harmonics"):
        samples[:, 2] = 300 * np.sin(2 * np.pi * 50.2 * t) + (
            90 * np.sin(2 * np.pi * 150.6 * t) if "with" in kind else 0
        )
    elif kind == "same":
        samples = np.repeat(samples[:, :1], 8, axis=1) * np.arange(1, 9, dtype=np.float32)
    elif kind == "short":
        samples = samples[:700]
    return Held(INFO, samples, 200 if kind == "lost" else 0)


SAYS = {
    "flat": "channel ch3 is flat; moisten the electrode or tighten the armband",
    "flat for a while": "channel ch3 is flat",
    "railed": "channel ch3 is",
    "clipped": "channel ch3 is at the end of its range",
    "nan": "channel ch3 holds values that are not numbers",
    "infinite": "channel ch3 holds values that are not numbers",
    "hum": "channel ch3 carries nothing but mains hum",
    "hum with harmonics": "channel ch3 carries nothing but mains hum",
    "same": "all channels carry the same signal",
    "short": "too short (1.4 s); hold the gesture for at least 1.5 s",
    "lost": "17% of its samples were lost",
}


@pytest.mark.parametrize("kind", SAYS)
def test_what_is_wrong_is_named(kind: str) -> None:
    assert SAYS[kind] in complaint(hostile(kind))


def test_good_noise_is_good() -> None:
    assert complaint(hostile("nothing")) == ""
    assert conditions(INFO, noise()) == ("good",) * 8


def test_several_channels_are_all_named() -> None:
    samples = noise()
    samples[:, [1, 4]] = 0
    assert "channel ch2 is flat (and ch5 as well)" in complaint(Held(INFO, samples))


def test_a_word_for_each_channel() -> None:
    samples = noise()
    t = np.arange(len(samples)) / RATE_HZ
    samples[:, 0] = 3
    samples[:, 1] = np.where(np.arange(len(samples)) % 2, 5000, 4990 + noise()[:, 1] / 1e3)
    samples[:, 2] = 300 * np.sin(2 * np.pi * 60 * t)
    samples[3, 3] = np.nan
    assert conditions(INFO, samples) == ("flat", "railed", "hum", "broken", *["good"] * 4)
    assert conditions(INFO, samples[:0]) == ("good",) * 8


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_strength_does_not_see_offset_drift_and_mains(mains_hz: float) -> None:
    quiet = noise(scale_uv=10.0)
    t = np.arange(len(quiet))[:, None] / RATE_HZ
    disturbed = quiet + 1e4 + 500 * np.sin(2 * np.pi * 0.5 * t) + 300 * np.sin(2 * np.pi * mains_hz * t)
    ratio = strength(disturbed.astype(np.float32), RATE_HZ) / strength(quiet, RATE_HZ)
    np.testing.assert_allclose(ratio, 1, atol=0.1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(0, 900),
    channels=st.integers(1, 9),
    level=st.sampled_from([0.0, 1e-30, 1.0, 1e30]),
    spoilt=st.sampled_from([0.0, np.nan, np.inf, -np.inf, 3e38]),
    rate_hz=st.sampled_from([100.0, 200.0, 512.0, 2048.0]),
    lost=st.integers(0, 1000),
)
def test_nothing_makes_it_fail(
    seed: int, length: int, channels: int, level: float, spoilt: float, rate_hz: float, lost: int
) -> None:
    random = np.random.default_rng(seed)
    samples = (random.normal(size=(length, channels)) * level).astype(np.float32)
    if length and spoilt:
        samples[random.integers(length), random.integers(channels)] = spoilt
    info = replace(INFO, rate_hz=rate_hz, channels=tuple(map(str, range(channels))))
    before = samples[: length // 3]
    for held in (Held(info, samples, lost), Held(info, samples, lost, before)):
        for words in (complaint(held), complaint_at_rest(held)):
            assert "\n" not in words
            assert not words or ";" in words, "the way out"
        if level == 0:
            assert complaint(held)
        if spoilt in (np.nan, np.inf, -np.inf) and length:
            assert complaint(held)
    assert len(conditions(info, samples)) == channels
    assert strength(before[:0], rate_hz).shape == (channels,)
