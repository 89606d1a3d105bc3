"""XDF of others, put together byte by byte, and of our own writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from devices.files import load
from devices.formats.stamps import placed
from devices.formats.writer import open_writer
from dsp.flow import Chunk, StreamInfo
from tests.devices.formats import xdf_bytes as xdf
from tests.devices.formats.reading_case import refused, runs, wave, written


def one_stream(index: np.ndarray, *, rate: float = 1000.0, start: float = 500.0) -> bytes:
    values, stamps = wave(len(index), 2), (start + index / rate).tolist()
    parts = [
        xdf.samples(1, values[at : at + 50], stamps[at : at + 50]) + xdf.chunk(5, xdf.BOUNDARY)
        for at in range(0, len(index), 50)
    ]
    return xdf.file(xdf.header(1, rate=rate, units=("microvolts", "uV")), *parts)


def test_samples_channels_unit_and_rate(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xdf", one_stream(np.arange(400)))
    recording = load(path)
    assert recording.info.name == "armband"
    assert recording.info.rate_hz == 1000
    assert recording.info.channels == ("E0", "E1")
    assert np.array_equal(recording.samples, wave(400, 2))
    assert (recording.gaps, recording.labels, recording.names) == ((), None, ())


def test_what_is_missing_from_the_stamps_is_a_gap(tmp_path: Path) -> None:
    index = np.delete(np.arange(1000), [300, *range(500, 600), 998])
    recording = load(written(tmp_path / "a.xdf", one_stream(index)))
    assert recording.gaps == ((300, 1), (500, 100), (998, 1))
    assert np.array_equal(recording.samples[index], wave(len(index), 2))
    line = recording.samples[499:601].astype(np.float64)
    assert np.allclose(line, np.linspace(line[0], line[-1], 102), atol=1e-4)


def test_stamps_that_are_left_out_follow_regularly(tmp_path: Path) -> None:
    stamps = [10.0, *[None] * 99, 10.15, *[None] * 49]
    content = xdf.file(xdf.header(1, units=("uV", "uV")), xdf.samples(1, wave(150, 2), stamps))
    assert load(written(tmp_path / "a.xdf", content)).gaps == ((100, 50),)


@given(
    st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 40)), max_size=8),
    st.sampled_from([200.0, 250.0, 1000.0, 2048.0]),
    st.floats(-2e-3, 2e-3),
    st.floats(0, 0.05),
    st.integers(0, 10),
)
@hypothesis_settings(deadline=None, max_examples=60)
def test_the_index_is_told_from_stamps_that_drift_and_tremble(
    losses: list[tuple[int, int]], rate: float, drift: float, trembling: float, seed: int
) -> None:
    kept = np.ones(2000, bool)
    for first, count in losses:
        kept[first : first + count] = False
    index = np.flatnonzero(kept)
    stamps = 100 + index / (rate * (1 + drift))
    stamps += np.random.default_rng(seed).normal(0, trembling / rate, len(index))
    found = placed(stamps, rate)
    assert found is not None
    assert np.array_equal(found[0], index)
    assert found[1] == pytest.approx(rate * (1 + drift), rel=1e-3)


@pytest.mark.parametrize("burst_s", [0.01, 0.016, 0.05])
def test_bursts_of_arrivals_are_no_losses(burst_s: float) -> None:
    taken = np.arange(20_000) / 1000
    arrived = np.ceil(taken / burst_s) * burst_s
    found = placed(arrived, 1000)
    assert found is not None
    assert np.array_equal(found[0], np.arange(20_000))


def test_a_late_sample_is_no_loss_and_a_real_one_beside_it_is() -> None:
    index = np.delete(np.arange(5000), range(2000, 2007))
    stamps = index / 1000
    for start in range(100, 4900, 130):  # the computer slept: what was taken meanwhile comes at once
        stamps[start : start + 20] = np.maximum(stamps[start : start + 20], stamps[start] + 0.015)
    found = placed(stamps, 1000)
    assert found is not None
    assert found[0][-1] == 4999
    assert (found[0] != index).mean() < 0.01


def test_both_streams_are_brought_to_one_clock_before_labels_are_put_on_samples(tmp_path: Path) -> None:
    said = [(7000.1, "rest"), (7000.25, "fist"), (7000.3, ""), (7000.38, "fist"), (7999.0, "late")]
    content = xdf.file(
        xdf.header(1, units=("uV", "uV")),
        xdf.header(2, name="prompts", kind="Markers", channels=1, rate=0, format_="string"),
        *(xdf.offset(1, 500 + n, 10.0) for n in range(3)),
        *(xdf.offset(2, 7000 + n, -6490.0) for n in range(3)),
        xdf.samples(1, wave(400, 2), (500 + np.arange(400) / 1000).tolist()),
        xdf.texts(2, said),
    )
    recording = load(written(tmp_path / "a.xdf", content))
    assert runs(recording) == [(0, ""), (100, "rest"), (250, "fist"), (300, ""), (380, "fist")]


def test_of_several_streams_one_must_be_named(tmp_path: Path) -> None:
    content = xdf.file(
        *(xdf.header(number, name=name, units=("uV", "uV")) for number, name in ((1, "left"), (2, "right/upper"))),
        xdf.samples(1, wave(20, 2), (np.arange(20) / 1000).tolist()),
        xdf.samples(2, wave(30, 2, seed=1), (np.arange(30) / 1000).tolist()),
    )
    path = written(tmp_path / "a.xdf", content)
    refused(path, "several streams", "'left'", "'right/upper'", "a.xdf/left'")
    assert np.array_equal(load(path / "right/upper").samples, wave(30, 2, seed=1))
    with pytest.raises(ValueError, match=r"a\.xdf' holds no stream 'none'.*'left'"):
        load(path / "none")


def test_the_only_stream_with_a_rate_needs_no_type(tmp_path: Path) -> None:
    content = xdf.file(
        xdf.header(1, kind="EEG", units=("mV", "mV"), format_="int16"),
        xdf.samples(1, np.array([[1, -2], [3, 4], [5, 6]]), [1.0, 1.001, 1.002], "int16"),
    )
    assert load(written(tmp_path / "a.xdf", content)).samples.tolist() == [[1e3, -2e3], [3e3, 4e3], [5e3, 6e3]]


def test_channels_in_no_voltage_are_left_out(tmp_path: Path) -> None:
    content = xdf.file(
        xdf.header(1, channels=3, units=("volts", "g", "microvolts"), labels=("a", "x", "b")),
        xdf.samples(1, np.array([[1e-6, 9, 1], [2e-6, 9, 2]]), [1.0, 1.001]),
    )
    recording = load(written(tmp_path / "a.xdf", content))
    assert recording.info.channels == ("a", "b")
    assert np.allclose(recording.samples, [[1, 1], [2, 2]])


def test_rate_and_unit_are_asked_for(tmp_path: Path) -> None:
    stamps = (np.arange(100) / 500).tolist()
    plain = xdf.file(xdf.header(1), xdf.samples(1, wave(100, 2), stamps))
    path = written(tmp_path / "a.xdf", plain)
    refused(path, "states 1000 Hz", "show 500 Hz", "--rate", unit="uV")
    refused(path, "--unit", rate_hz=500)
    assert load(path, rate_hz=500, unit="mV").info.rate_hz == 500
    irregular = xdf.file(xdf.header(1, rate=0), xdf.samples(1, wave(100, 2), stamps))
    refused(written(tmp_path / "b.xdf", irregular), "states no rate", "--rate", unit="uV")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"RIFF", "no XDF file"),
        (b"XDF:", "without a stream"),
        (xdf.file(xdf.header(1)), "no stream of samples"),
        (xdf.file(xdf.header(1, channels=10**9)), "without a stream"),
        (xdf.file(xdf.header(1, kind="Markers", channels=1, format_="string"), xdf.texts(1, [(1, "x")])), "no stream"),
    ],
)
def test_what_is_no_recording(tmp_path: Path, content: bytes, part: str) -> None:
    refused(written(tmp_path / "a.xdf", content), part)


def test_a_file_that_was_cut_off_is_read_up_to_its_last_whole_chunk(tmp_path: Path) -> None:
    content = one_stream(np.arange(400))
    path = written(tmp_path / "a.xdf", content[:-300])
    recording = load(path)
    assert np.array_equal(recording.samples, wave(400, 2)[:350])


def test_damage_in_the_middle_costs_the_samples_up_to_the_next_boundary(tmp_path: Path) -> None:
    content = one_stream(np.arange(400))
    chunks = content.split(xdf.BOUNDARY)
    chunks[3] = chunks[3][:200] + b"\xff" + chunks[3][300:]
    recording = load(written(tmp_path / "a.xdf", xdf.BOUNDARY.join(chunks)))
    assert recording.gaps == ((150, 50),)
    measured = np.r_[0:150, 200:400]
    assert np.array_equal(recording.samples[measured], wave(400, 2)[measured])


def test_ours_is_exact_whatever_the_stamps(tmp_path: Path) -> None:
    values = wave(3000, 2)
    info = StreamInfo("sim & co", 1000.0, ("a", "b"), full_scale_uv=187_500.0)
    path = tmp_path / "a.xdf"
    writer = open_writer(path, info, names=("rest", "fist", "wave"), person="7", session="2", simulated=True)
    rng = np.random.default_rng(0)
    writer.mark(70, "rest")
    writer.mark(1500, "fist")
    for first, end in ((70, 900), (907, 1600), (1603, 3000)):
        stamps = 5 + np.sort(rng.uniform(0, 3, end - first))
        writer.write(Chunk(values[first:end], first, stamps, stamps))
    writer.close()
    recording = load(path)
    assert recording.info == info
    assert recording.gaps == ((830, 7), (1530, 3))
    assert runs(recording) == [(0, "rest"), (830, ""), (837, "rest"), (1430, "fist"), (1530, ""), (1533, "fist")]
    assert recording.names == ("rest", "fist", "wave")
    assert np.array_equal(recording.samples[837:1530], values[907:1600])
    assert (recording.person, recording.session, recording.simulated) == ("7", "2", True)


def test_ours_with_damage_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    writer = open_writer(path, StreamInfo("sim", 100.0, ("a",)))
    for first in range(0, 5000, 100):
        writer.write(Chunk(wave(100, 1), first))
    writer.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 2000] = bytes(2000)
    path.write_bytes(content)
    refused(path, "is damaged at byte")
