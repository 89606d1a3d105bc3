from __future__ import annotations

import numpy as np
import pytest

from devices.emulators.feed import Feed
from devices.recording import Recording
from dsp.flow import StreamInfo
from tests.devices.emulators.recordings import noise


def tone(rate_hz: float, hz: float, seconds: float = 4.0, offset_uv: float = 0.0) -> Recording:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    samples = (100 * np.sin(2 * np.pi * hz * at) + offset_uv).astype(np.float32)[:, None]
    return Recording(StreamInfo("tone", rate_hz, ("one",)), samples)


def test_at_its_own_rate_a_recording_is_left_alone() -> None:
    recording = noise()
    assert np.array_equal(Feed(recording, 250.0, 8).samples, recording.samples)


@pytest.mark.parametrize(
    ("given_hz", "wanted_hz"), [(512, 250), (1000, 200), (200, 1000), (1259.2592592592594, 500), (2148.1481, 250)]
)
def test_another_rate_keeps_the_signal_and_its_time(given_hz: float, wanted_hz: float) -> None:
    fed = Feed(tone(given_hz, 20), wanted_hz, 1)
    wanted = tone(wanted_hz, 20, seconds=len(fed.samples) / wanted_hz).samples
    assert len(fed.samples) == pytest.approx(4 * wanted_hz, abs=2)
    inner = slice(round(0.25 * wanted_hz), -round(0.25 * wanted_hz))
    assert np.abs(fed.samples - wanted)[inner].max() < 1.0


def test_512_becomes_250_by_the_exact_ratio() -> None:
    assert len(Feed(tone(512, 20, seconds=4096 / 512), 250, 1).samples) == 4096 * 250 // 512


def test_an_offset_makes_no_step_at_the_ends() -> None:
    fed = Feed(tone(1000, 20, offset_uv=5000), 250, 1).samples
    assert np.abs(fed - 5000).max() < 150


def test_a_tone_beyond_the_new_rate_does_not_come_back_as_another() -> None:
    assert np.abs(Feed(tone(1000, 180), 250, 1).samples[50:-50]).max() < 5


def test_channels_are_repeated_or_cut() -> None:
    recording = noise(channels=3)
    assert np.array_equal(Feed(recording, 250.0, 8).samples, recording.samples[:, [0, 1, 2, 0, 1, 2, 0, 1]])
    assert np.array_equal(Feed(recording, 250.0, 2).samples, recording.samples[:, :2])


def test_it_goes_on_from_the_beginning_or_ends() -> None:
    recording = noise(seconds=0.04)  # ten samples
    endless, once = Feed(recording, 250.0, 8), Feed(recording, 250.0, 8, once=True)
    assert np.array_equal(endless.block(8, 14), recording.samples[np.arange(8, 22) % 10])
    assert np.array_equal(endless.block(10**9, 1), recording.samples[:1])
    assert np.array_equal(once.block(8, 14), recording.samples[8:])
    assert once.block(10, 1).shape == (0, 8)
    assert endless.block(3, 4).dtype == np.float32


def test_nothing_to_feed_or_nothing_to_feed_to_is_refused() -> None:
    with pytest.raises(ValueError, match="is empty"):
        Feed(noise(seconds=0), 250.0, 8)
    for rate_hz, channels in ((0.0, 8), (float("nan"), 8), (250.0, 0)):
        with pytest.raises(ValueError, match="give both above zero"):
            Feed(noise(), rate_hz, channels)
    with pytest.raises(ValueError, match=r"give another rate"):
        Feed(noise(), 1e-6, 8)
    with pytest.raises(ValueError, match=r"a Cyton streams 8 channels at 250 Hz.*Feed\(recording, 250, 8\)"):
        Feed(noise(), 200.0, 8).must_have(250.0, 8, "a Cyton")
