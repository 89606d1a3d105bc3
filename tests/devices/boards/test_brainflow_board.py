"""BrainFlow's synthetic board as a source, and the counting of any board."""

from __future__ import annotations

import gc
import sys
import time
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.boards.brainflow_board import open_brainflow
from devices.boards.brainflow_source import Board, _Count
from devices.opening import open_source
from tests.devices.reading import take, without_a_gap


@pytest.fixture
def brainflow():
    """Skips where it is not installed."""
    pytest.importorskip("brainflow", reason="needs pip install -e '.[brainflow]'")


@pytest.mark.peer
def test_the_synthetic_board_gives_all_its_channels_without_a_gap(brainflow):
    with closing(open_brainflow("synthetic", {})) as source:
        info = source.info
        chunks = take(source, 300)  # more than once around the counter
    assert (info.rate_hz, len(info.channels), info.unit) == (250, 16, "uV")
    assert without_a_gap(chunks)
    assert chunks[0].samples.dtype == np.float32
    assert np.ptp(np.concatenate([chunk.samples for chunk in chunks]), axis=0).min() > 0
    stamps = np.concatenate([chunk.stamps for chunk in chunks])
    assert (np.diff(stamps) > 0).all()
    assert 0 < stamps[-1] - stamps[0] < 10
    assert stamps[-1] <= time.perf_counter()
    assert abs(chunks[-1].raw[-1] - time.time()) < 60
    assert source.integrity.clean
    assert source.read() is None


@pytest.mark.peer
@pytest.mark.parametrize(
    ("board", "channels", "expected"),
    [("SYNTHETIC_BOARD", "1-8", range(1, 9)), ("Synthetic", "3,1", (3, 1)), ("-1", "16", (16,))],
)
def test_channels_are_chosen_and_boards_are_named_in_any_way(brainflow, board, channels, expected):
    with closing(open_source(f"brainflow:{board}?channels={channels}")) as source:
        assert source.info.channels == tuple(f"ch{c}" for c in expected)
        assert take(source, 1)[0].samples.shape[1] == len(source.info.channels)


@pytest.mark.peer
def test_it_can_be_closed_twice_and_opened_again(brainflow):
    for _ in range(2):
        source = open_brainflow("synthetic", {"channels": "1"})
        take(source, 1)
        source.close()
        source.close()


@pytest.mark.peer
@pytest.mark.parametrize(
    ("board", "options", "words"),
    [
        ("abacus", {}, ["'abacus'", "synthetic", "cyton", "gforce_pro"]),
        ("synthetic", {"channels": "1-17"}, ["1 to 16"]),
        ("synthetic", {"channels": "1,1"}, ["1 to 16"]),
        ("synthetic", {"channels": "8-1"}, ["1 to 16"]),
        ("synthetic", {"channels": "a"}, ["1 to 16"]),
        ("synthetic", {"colour": "red"}, ["'colour'", "serial_port"]),
        ("synthetic", {"timeout": "long"}, ["'long'", "a whole number"]),
        ("emotibit", {}, ["no EMG channels"]),
        ("streaming", {}, ["master_board"]),
        ("cyton", {}, ["other options"]),
        ("cyton", {"serial_port": "/dev/ttyUSB99"}, ["the port cannot be opened"]),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(brainflow, board, options, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are below
        open_brainflow(board, options)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.peer
def test_a_board_that_is_open_already_is_one_sentence(brainflow):
    with closing(open_brainflow("synthetic", {})) as source:
        with pytest.raises(ValueError, match="already open"):
            open_brainflow("synthetic", {})
        gc.collect()
        take(source, 50)  # which goes on


def test_where_it_is_not_installed_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "brainflow", None)
    with pytest.raises(ValueError, match=r"install the extra: python -m pip install -e '\.\[brainflow\]'"):
        open_source("brainflow:synthetic")


@pytest.mark.peer
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_losses_of_a_cyton_read_by_brainflow_are_exact(brainflow):
    from devices.emulators import cyton  # noqa: PLC0415 - needs pseudo-terminals
    from devices.emulators.faults import parse  # noqa: PLC0415
    from devices.emulators.feed import Feed  # noqa: PLC0415
    from devices.emulators.serve import Served  # noqa: PLC0415
    from tests.devices.emulators.recordings import noise  # noqa: PLC0415

    recording = noise(8.0)
    device = cyton.Cyton(Feed(recording, cyton.RATE_HZ, cyton.CHANNELS))
    faults = parse("drop=0.03,duplicate=0.03,burst=1.3@2.6,seed=5")
    with (
        Served(device, faults) as served,
        closing(open_source(f"brainflow:cyton?serial_port={served.path}")) as source,
    ):
        chunks = take(source, 450)  # beyond the first burst, which takes more than a lap of the counter
        lost, gaps, duplicates = source.integrity.lost, source.integrity.gaps, source.integrity.duplicates
    end = chunks[-1].end
    assert end > 775, "no burst was met"
    offset = end - sum(len(chunk.samples) for chunk in chunks) - lost
    assert offset == 0
    assert gaps > 5
    assert duplicates > 5
    for chunk in chunks:
        expected = recording.samples[chunk.first : chunk.end]
        assert np.abs(chunk.samples - expected).max() < 0.03, f"samples from {chunk.first} on are others"


@given(
    kept=st.lists(st.booleans(), min_size=2, max_size=400),
    step=st.sampled_from([1, 2]),
    cuts=st.lists(st.integers(1, 50), min_size=1, max_size=20),
    blank=st.integers(0, 2000),
    late=st.floats(0, 0.1),
)
@settings(deadline=None, max_examples=60)
def test_every_sample_has_its_index_however_many_are_lost(kept, step, cuts, blank, late):
    """A counter of 256 values and the time tell any number of lost samples, whole turns included."""
    numbers = np.flatnonzero([True, *kept])
    numbers = np.where(numbers > 150, numbers + blank, numbers)
    count = _Count(Board(256, step), 250.0)
    given_out: list[int] = []
    at = 0
    for cut in cuts * 400:
        part = numbers[at : at + cut]
        at += cut
        if not len(part):
            break
        counters = (part * step % 256).astype(np.float64)
        indices, fresh = count(counters, part / 250.0 + late * (cut % 2))
        assert fresh.all()
        given_out += indices.tolist()
    assert given_out == numbers.tolist()


def test_a_packet_that_comes_twice_is_left_out():
    count = _Count(Board(256), 250.0)
    indices, fresh = count(np.array([254.0, 255, 255, 0]), np.arange(4) / 250)
    assert indices[fresh].tolist() == [0, 1, 2]


def test_without_a_counter_only_a_long_silence_is_a_gap():
    count = _Count(Board(0), 250.0)
    count(np.zeros(10), np.arange(10) / 250)
    assert count(np.zeros(1), np.array([0.5]))[0].tolist() == [10]
    assert count(np.zeros(1), np.array([2.5]))[0].tolist() == [510]
