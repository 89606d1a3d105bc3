"""What a check-up says of signals and arrivals that are known beforehand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from devices.address import Address
from devices.checkup import limits
from devices.checkup.contact import ChannelContact, Word, contacts
from devices.checkup.examination import examine, listen
from devices.checkup.findings import Level
from devices.checkup.host import host, latency_timer
from devices.checkup.timing import arrivals, connection, losses, rate
from devices.integrity import Integrity
from devices.recording import Recording
from devices.replay import Replay
from devices.watched import Watched
from dsp.flow import StreamInfo

RATE_HZ = 1000.0
INFO = StreamInfo("test", RATE_HZ, ("ch1",))


def noise(uv: float = 3.0, seconds: float = 4.0, rate_hz: float = RATE_HZ) -> np.ndarray:
    return np.random.default_rng(3).normal(0, uv, round(seconds * rate_hz))


def hum(hz: float, uv: float, seconds: float = 4.0, rate_hz: float = RATE_HZ) -> np.ndarray:
    """With a third harmonic, as mains has, where the rate allows it."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    third = 0.2 if 3 * hz < 0.45 * rate_hz else 0.0
    return uv * (np.sin(2 * np.pi * hz * t) + third * np.sin(2 * np.pi * 3 * hz * t))


def judged(samples: np.ndarray, *, rate_hz: float = RATE_HZ, full_scale_uv: float = np.inf) -> ChannelContact:
    """One channel through everything that a recording goes through."""
    info = StreamInfo("test", rate_hz, ("ch1",), full_scale_uv=full_scale_uv)
    source = Watched(Replay(Recording(info, samples.astype(np.float32)[:, None]), None))
    report = examine(listen(source, None, timed=False), source)
    assert report.well == (report.channels[0].word == Word.GOOD)
    json.dumps(report.to_json(), allow_nan=False)
    return report.channels[0]


@pytest.mark.parametrize("uv", [1.0, 3.0, 20.0])
def test_a_quiet_electrode_is_good_and_its_noise_is_measured(uv):
    found = judged(noise(uv))
    in_band = uv * np.sqrt(0.86)  # 20 to 450 of 500 Hz; the quietest of its stretches lies a little below
    assert found.word == Word.GOOD
    assert 0.7 * in_band < found.noise_uv < in_band
    assert (found.says, found.cure) == ("", "")


def test_a_relaxed_moment_among_contractions_is_enough():
    strong = noise(400.0)
    strong[2000:2600] /= 100
    assert judged(strong).word == Word.GOOD


def test_a_muscle_that_never_rests_is_told_to():
    found = judged(noise(150.0))
    assert found.word == Word.WEAK
    assert "relax the arm" in found.cure


@pytest.mark.parametrize("constant", [0.0, 3.5, 187499.0])
def test_a_flat_line_is_no_contact(constant):
    found = judged(np.full(4000, constant))
    assert found.word == Word.NONE
    assert "flat line" in found.says
    assert "not connected" in found.cure


def test_a_line_that_is_flat_for_a_moment_is_weak():
    loose = noise(seconds=10.0)
    loose[3000:3700] = 0
    found = judged(loose)
    assert found.word == Word.WEAK
    assert found.flat == pytest.approx(0.07)


def test_saturation_is_no_contact_also_where_the_range_is_not_known():
    swings = hum(3.0, 500_000.0) + noise()
    railed = judged(np.clip(swings, -187_500, 187_500), full_scale_uv=187_500.0)
    assert railed.word == Word.NONE
    assert "end of the range" in railed.says
    unknown = judged(np.clip(swings, -187_500, 187_500))
    assert (unknown.word, unknown.says.split(",")[0]) == (Word.NONE, "at the end of the range")


def test_saturation_now_and_then_is_weak():
    swings = noise()
    swings[1000:1020] = 200_000
    assert judged(swings, full_scale_uv=187_500.0).word == Word.WEAK


def test_readings_of_few_values_are_not_taken_for_clipped():
    assert judged(np.round(noise(1.5))).word == Word.GOOD


@pytest.mark.parametrize("hz", [50, 60])
@pytest.mark.parametrize("rate_hz", [200.0, 250.0, 1000.0, 2048.0])
def test_mains_is_recognised_with_its_frequency(hz, rate_hz):
    free = judged(noise(rate_hz=rate_hz) + hum(hz, 300.0, rate_hz=rate_hz), rate_hz=rate_hz)
    assert (free.word, free.mains_hz) == (Word.NONE, hz)
    assert f"{hz} Hz mains" in free.says
    assert free.mains_share > 0.95
    assert free.mains_uv == pytest.approx(300 / np.sqrt(2), rel=0.1)
    assert free.noise_uv < 10  # without the mains
    near = judged(noise(rate_hz=rate_hz) + hum(hz, 30.0, rate_hz=rate_hz), rate_hz=rate_hz)
    assert (near.word, near.mains_hz) == (Word.WEAK, hz)


def test_a_little_mains_does_no_harm():
    found = judged(noise() + hum(50, 6.0))
    assert found.word == Word.GOOD
    assert found.mains_share > 0.5


def test_each_channel_has_its_own_mains():
    info = StreamInfo("test", RATE_HZ, ("a", "b", "c"))
    samples = np.stack([noise() + hum(50, 300), noise() + hum(60, 30), noise()], axis=1).astype(np.float32)
    found = contacts(info, samples, np.arange(len(samples)), Integrity(3))
    assert [channel.mains_hz for channel in found[:2]] == [50, 60]
    assert [channel.word for channel in found] == [Word.NONE, Word.WEAK, Word.GOOD]


def test_what_no_electrode_can_be_is_asked_about():
    assert "unit" in judged(noise(3e-6)).cure
    offset = judged(noise() + 100_000.0, full_scale_uv=187_500.0)
    assert offset.word == Word.WEAK
    assert "53%" in offset.says


def test_behind_an_amplifier_of_unknown_gain_the_limits_are_raised():
    """A converter of ±2.5 V sees the electrode 500 times as large."""
    assert judged(noise(2_000.0)).word == Word.WEAK
    assert judged(noise(2_000.0), full_scale_uv=2.5e6).word == Word.GOOD
    assert judged(noise(60_000.0), full_scale_uv=2.5e6).word == Word.WEAK
    assert judged(noise() + hum(50, 300.0 * 500), full_scale_uv=2.5e6).word == Word.NONE


def test_values_that_are_no_numbers_are_said():
    samples = noise()[:, None].astype(np.float32)
    samples[7] = np.nan
    found = contacts(INFO, samples, np.arange(len(samples)), Integrity(1))
    assert found[0].word == Word.NONE
    assert "1 values are no numbers" in found[0].says


def test_gaps_do_not_look_like_rest():
    """Straight lines over gaps are quieter than any electrode."""
    strong = noise(400.0)
    kept = np.ones(len(strong), bool)
    kept[1000:2500] = False
    kept[::37] = False
    found = contacts(INFO, strong[kept, None].astype(np.float32), np.flatnonzero(kept), Integrity(1))
    assert found[0].noise_uv > 200


def test_too_little_is_not_judged():
    source = Watched(Replay(Recording(INFO, noise(seconds=0.2)[:, None].astype(np.float32)), None))
    report = examine(listen(source, None, timed=False), source)
    assert report.channels == ()
    assert [finding.level for finding in report.findings if finding.what == "contact"] == [Level.NOTE]


def test_an_empty_recording_is_one_sentence():
    source = Watched(Replay(Recording(INFO, np.empty((0, 1), np.float32)), None))
    with pytest.raises(ValueError, match="gave no sample"):
        listen(source, None)


def times(rate_hz: float, count: int, seconds: float = 5.0, jitter_s: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Arrivals of ``count`` samples at a time, late by up to ``jitter_s``."""
    ends = np.arange(1, round(seconds * rate_hz / count) + 1) * count
    late = np.random.default_rng(5).uniform(0, jitter_s, len(ends))
    return 100.0 + ends / rate_hz + late, ends


@pytest.mark.parametrize("off", [0.0, 0.005, -0.005, 0.02, -0.1])
def test_the_rate_is_measured_from_arrivals(off):
    found = rate(INFO, *times(RATE_HZ * (1 + off), 10, jitter_s=0.008))
    measured = dict(found.figures)["measured_hz"]
    assert measured == pytest.approx(RATE_HZ * (1 + off), rel=1e-3)
    assert found.level == (Level.OK if abs(off) < limits.RATE_OFF else Level.ATTENTION)


def test_the_backlog_of_the_beginning_does_not_count():
    at_s, ends = times(RATE_HZ, 10)
    backlog = np.concatenate([np.full(50, at_s[0]), at_s]), np.concatenate([ends[:50], ends + 500])
    assert dict(rate(INFO, *backlog).figures)["measured_hz"] == pytest.approx(RATE_HZ, rel=1e-3)


def test_even_arrivals_are_well_and_bursts_and_stalls_are_not():
    assert arrivals(INFO, *times(RATE_HZ, 10, jitter_s=0.004)).level == Level.OK
    assert arrivals(INFO, *times(RATE_HZ, 1)).level == Level.OK
    lumps = arrivals(INFO, *times(RATE_HZ, 64))
    assert lumps.level == Level.ATTENTION
    assert dict(lumps.figures)["burst_ms"] == pytest.approx(64)
    at_s, ends = times(RATE_HZ, 10)
    at_s[200:260] = at_s[260]
    stalled = arrivals(INFO, at_s, ends)
    assert stalled.level == Level.ATTENTION
    assert dict(stalled.figures)["longest_ms"] == pytest.approx(610)


def test_where_too_few_arrivals_have_settled_nothing_is_measured():
    for seconds in (0.01, 0.1, 0.35):
        heard = times(RATE_HZ, 10, seconds=seconds)
        assert [rate(INFO, *heard).level, arrivals(INFO, *heard).level] == [Level.NOTE, Level.NOTE]


def test_samples_one_by_one_in_lumps_are_seen_as_lumps():
    """A sender of 64 at a time whose samples are read one after the other."""
    at_s, ends = times(RATE_HZ, 64)
    singly = (np.repeat(at_s, 64) + np.tile(np.arange(64) * 1e-5, len(at_s)), np.arange(1, ends[-1] + 1))
    assert dict(arrivals(INFO, *singly).figures)["burst_ms"] == pytest.approx(64)


def test_losses_are_told_with_their_share():
    clean = Integrity(1, samples=1000)
    assert [finding.level for finding in losses(clean, 100)] == [Level.OK]
    few = Integrity(1, samples=9999, gaps=1, lost=1)
    assert [finding.level for finding in losses(few, 1000)] == [Level.NOTE]
    many = Integrity(1, samples=990, gaps=7, lost=10)
    (found,) = losses(many, 100)
    assert found.level == Level.ATTENTION
    assert found.says == "10 of 1000 samples are missing (1.00%), in 7 gaps"


def test_damage_duplicates_and_searches_are_told():
    counts = Integrity(1, samples=1000, duplicates=50, damaged=20, resyncs=30, skipped=400)
    found = {finding.what: finding for finding in losses(counts, 100)}
    assert set(found) == {"losses", "duplicates", "damage", "resynchronised"}
    assert found["losses"].level == Level.OK
    assert all(found[what].level == Level.ATTENTION and found[what].cure for what in found if what != "losses")
    rare = losses(Integrity(1, samples=10_000, duplicates=1, damaged=1, resyncs=1, skipped=3), 5000)
    assert all(finding.level != Level.ATTENTION for finding in rare)


def test_a_device_that_did_not_stay_is_told():
    assert connection("", 0.05, 0) == []
    assert "2 times" in connection("", 0.05, 2)[0].says
    assert "1.5 s" in connection("", 1.5, 0)[0].says
    assert connection("plug it in", 0.05, 0)[0].cure == "plug it in"


def test_the_latency_timer_of_an_ftdi_adapter_is_read_with_its_cure(tmp_path):
    folder = tmp_path / "ttyUSB7"
    folder.mkdir()
    (folder / "latency_timer").write_text("16\n")
    (slow,) = latency_timer("/dev/ttyUSB7", tmp_path)
    assert slow.level == Level.ATTENTION
    assert slow.cure == f"echo 1 | sudo tee {folder / 'latency_timer'}"
    (folder / "latency_timer").write_text("1\n")
    assert [finding.level for finding in latency_timer("/dev/ttyUSB7", tmp_path)] == [Level.OK]
    assert latency_timer("/dev/ttyACM0", tmp_path) == []


def test_a_recording_says_nothing_of_this_machine():
    assert host(Address("file", "x.csv"), Integrity(1)) == []
    assert host(Address("sim"), Integrity(1)) == []
