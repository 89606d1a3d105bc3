from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from devices.boards.myo import open_myo
from devices.emulators.faults import Faults, parse
from devices.emulators.feed import Feed
from devices.emulators.myo import Myo
from devices.emulators.serve import Served
from devices.watched import Watched
from tests.devices.boards.myo_wire import Heard, Truth, listen, recording, truth

EVERYTHING = "drop=0.01,duplicate=0.01,flip=1e-4,lose=1e-4,burst=0.2@3"
COUNT = 600
RECORDING = recording()


def drift(seed: int) -> float:
    """Up to one percent."""
    return float(np.random.default_rng(seed).uniform(-0.01, 0.01))


def check_samples(heard: Heard, told: Truth, count: int = COUNT) -> set[int]:
    """No sample under a wrong index; the packets that came, by their numbers."""
    begins = min(set(range(count)) - told.lost)  # the index begins with the first packet that comes
    for index, sample in heard.samples.items():
        number = index // 2 + begins
        assert number not in told.lost, f"packet {number} did not come, but index {index} did"
        if number not in told.altered:
            assert np.array_equal(sample, RECORDING.samples[index + 2 * begins]), f"index {index} holds another sample"
    return {index // 2 + begins for index in heard.samples}


@pytest.mark.parametrize("block", range(10))
def test_whatever_is_lost_damaged_or_doubled_is_counted_and_every_index_is_right(block: int) -> None:
    for seed in range(20 * block, 20 * block + 20):
        heard = listen(replace(parse(EVERYTHING), seed=seed), count=COUNT, drift=drift(seed))
        told = truth(heard.log.injected)
        came = check_samples(heard, told)
        integrity = heard.language.integrity
        assert came == set(range(COUNT)) - told.lost, f"seed {seed}"
        if not unclear(heard):
            counted = integrity.damaged, integrity.duplicates
            assert counted == (told.damaged, told.duplicates), f"seed {seed}"


def unclear(heard: Heard) -> bool:
    """Whether packets next to one another were hit, of which not even all bytes together tell how many there were."""
    hit = {fault.packet for fault in heard.log.injected if fault.fault in ("flip", "lose")}
    return any(number + 1 in hit for number in hit)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_many_losses(share: float) -> None:
    for seed in range(10):
        heard = listen(Faults(drop=share, seed=seed), count=COUNT, drift=drift(seed))
        told = truth(heard.log.injected)
        came = check_samples(heard, told)
        left_out = set(range(COUNT)) - told.lost - came
        assert len(left_out) == heard.language.integrity.damaged
        if share <= 0.2:
            assert not left_out


def test_what_a_device_holds_up_is_not_lost() -> None:
    for seed in range(20):
        heard = listen(Faults(stall=(0.5, 2.0), drop=0.01, seed=seed), count=COUNT, drift=drift(seed))
        told = truth(heard.log.injected)
        assert check_samples(heard, told) == set(range(COUNT)) - told.lost


def test_what_comes_while_the_host_looks_away_is_not_lost() -> None:
    for seed in range(20):
        heard = listen(Faults(drop=0.01, seed=seed), count=COUNT, drift=drift(seed), pauses=0.02)
        told = truth(heard.log.injected)
        assert check_samples(heard, told) == set(range(COUNT)) - told.lost
        assert heard.language.integrity.clean


def test_where_bursts_and_pauses_meet_what_is_doubtful_is_left_out_and_counted() -> None:
    met = 0
    for seed in range(40):
        faults = Faults(burst=(0.2, 1.5), drop=0.01, seed=seed)
        heard = listen(faults, count=COUNT, drift=drift(seed), pauses=0.01)
        told = truth(heard.log.injected)
        left_out = set(range(COUNT)) - told.lost - check_samples(heard, told)
        assert len(left_out) == heard.language.integrity.damaged
        met += bool(left_out)
    assert met  # else this shows nothing


def test_a_healthy_stream_is_given_out_as_it_comes() -> None:
    heard = listen(Faults(), count=COUNT, drift=0.005)
    assert set(heard.samples) == set(range(2 * COUNT))
    late_s = [heard.given_s[2 * number] - (50.0 + number * 0.01 * 1.005) for number in range(COUNT)]
    assert max(late_s) <= 0.015 + 1e-9
    assert heard.language.integrity.clean


@pytest.fixture(scope="module", autouse=True)
def _pty() -> None:
    pytest.importorskip("termios", reason="there are no pseudo-terminals here")


def read(source: Watched, until: Callable[[dict[int, np.ndarray]], bool], within_s: float = 20.0) -> dict:
    """Samples by their index."""
    got: dict[int, np.ndarray] = {}
    deadline = time.perf_counter() + within_s
    while not until(got):
        assert time.perf_counter() < deadline, f"after {within_s} s there are {len(got)} samples"
        chunk = source.read()
        assert chunk is not None
        assert not len(chunk.samples) or chunk.first > max(got, default=-1)
        got.update({chunk.first + row: sample for row, sample in enumerate(chunk.samples)})
    return got


def test_in_real_time_faults_are_counted_as_the_log_says() -> None:
    faults = parse("drop=0.01,duplicate=0.02,flip=1e-3,lose=1e-3,burst=0.2@2,stall=0.1@2.5,seed=5")
    device = Myo(Feed(RECORDING, 200.0, 8))
    with Served(device, faults) as served:
        source = Watched(open_myo(served.path))
        try:
            got = read(source, lambda got: max(got, default=0) > 1000)
        finally:
            source.close()
        served.stop()
    begins = min(set(range(10)) - truth(served.log).lost)
    last = max(got) // 2 + begins
    told = truth([fault for fault in served.log if fault.packet <= last])
    for index, sample in got.items():
        assert index // 2 + begins not in told.lost
        if index // 2 + begins not in told.altered:
            assert np.array_equal(sample, RECORDING.samples[index + 2 * begins])
    integrity = source.integrity
    left_out = set(range(begins, last + 1)) - told.lost - {index // 2 + begins for index in got}
    assert len(left_out) <= 20  # where a burst met a stall, or a pause of this machine
    assert integrity.lost == max(got) + 1 - len(got)
    assert told.damaged > 5
    assert abs(integrity.damaged - len(left_out) - told.damaged) <= 2  # of what was hit last, and next to one another
    assert abs(integrity.duplicates - told.duplicates) <= 1


def test_unplugged_and_back() -> None:
    device = Myo(Feed(RECORDING, 200.0, 8))
    with Served(device, parse("disconnect=0.6@1")) as served:
        source = Watched(open_myo(served.path))
        try:
            got = read(source, lambda got: max(got, default=0) > 600)
        finally:
            source.close()
        served.stop()
    (away,) = [fault for fault in served.log if fault.fault == "disconnect"]
    indices = np.array(sorted(got))
    (gap,) = np.flatnonzero(np.diff(indices) > 1)
    assert indices[gap] == 2 * away.packet - 1
    assert abs(int(indices[gap + 1]) - 2 * (away.packet + away.count)) <= 40  # by the host's clock
    before = np.array([got[index] for index in indices[: gap + 1]])
    after = np.array([got[index] for index in indices[gap + 1 :]])
    assert np.array_equal(before, RECORDING.samples[: len(before)])
    resumed = 2 * (away.packet + away.count)
    assert np.array_equal(after, RECORDING.samples[resumed : resumed + len(after)])
    assert (source.integrity.returns, source.integrity.damaged) == (1, 0)
    assert device.vibrations == [1, 1]
    assert not device.connected


def test_an_armband_that_goes_out_of_reach_and_comes_back() -> None:
    device = Myo(Feed(RECORDING, 200.0, 8), leaves_at=80)
    with Served(device) as served:
        source = Watched(open_myo(served.path))
        try:
            got = read(source, lambda got: max(got, default=0) > 400)
        finally:
            source.close()
        served.stop()
    indices = np.array(sorted(got))
    (gap,) = np.flatnonzero(np.diff(indices) > 1)
    assert indices[gap] == 2 * 80 - 1
    assert indices[gap + 1] - indices[gap] < 200  # it is looked for at once
    after = np.array([got[index] for index in indices[gap + 1 :]])
    assert np.array_equal(after, RECORDING.samples[: len(after)])  # the feed begins anew
    assert source.integrity.returns == 1
    assert source.integrity.lost == indices[gap + 1] - indices[gap] - 1


def test_an_armband_that_stays_away_is_missed_in_one_sentence() -> None:
    device = Myo(Feed(RECORDING, 200.0, 8), leaves_at=50)
    with Served(device) as served:
        source = Watched(open_myo(served.path, patience_s=1.0))
        try:
            device.present = False
            with pytest.raises(ValueError, match="was not back within 1 s") as caught:
                read(source, lambda _: False, within_s=10.0)
        finally:
            source.close()
        served.stop()
    assert "hears no Myo" in str(caught.value)
