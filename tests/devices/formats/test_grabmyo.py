"""WFDB records written by the specification, header(5) and signal(5)."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from devices.datasets import Entry, open_dataset
from devices.files import load
from tests.devices.formats.reading_case import refused, runs, written

NAME = "session2_participant7_gesture10_trial3"
SIGNALS = [*(f"F{n}" for n in range(1, 17)), "U1", *(f"W{n}" for n in range(1, 7)), "U2", "U3"]
SIGNALS += [*(f"W{n}" for n in range(7, 13)), "U4"]
COUNTS = np.random.default_rng(0).integers(-32767, 32767, (64, 32)).astype("<i2")


def record(folder: Path, name: str = NAME, *, lines: list[str] | None = None, counts: np.ndarray = COUNTS) -> Path:
    if lines is None:
        lines = [f"{name}.dat 16 {1000 + n}({n})/mV 16 0 5 -3 0 {signal}" for n, signal in enumerate(SIGNALS)]
    header = "\n".join([f"# a remark\n{name} {len(lines)} 2048 {len(counts)} 12:00:00", *lines, "# more", ""])
    written(folder / f"{name}.dat", counts.tobytes())
    return written(folder / f"{name}.hea", header)


def test_the_first_ring_of_the_forearm_and_the_gesture_of_the_name(tmp_path: Path) -> None:
    header = record(tmp_path)
    for path in (header, header.with_suffix(".dat")):
        recording = load(path)
        assert recording.info.rate_hz == 2048
        assert recording.info.channels == tuple(f"F{n}" for n in range(1, 9))
        expected = (COUNTS[:, :8].astype(float) - np.arange(8)) / (1000 + np.arange(8)) * 1e3
        assert np.allclose(recording.samples, expected)
        assert runs(recording) == [(0, "thumb extension")]
        assert len(recording.names) == 17
        assert (recording.person, recording.session) == ("7", "2")


def test_inside_a_zip(tmp_path: Path) -> None:
    header = record(tmp_path / "Session2")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in (header, header.with_suffix(".dat")):
            archive.write(file, f"Session2/{file.name}")
    zipped = load(tmp_path / "set.zip" / "Session2" / f"{NAME}.dat")
    assert np.array_equal(zipped.samples, load(header).samples)


def test_a_record_of_another_kind_with_several_files_and_defaults(tmp_path: Path) -> None:
    counts = np.arange(20, dtype="<i2").reshape(10, 2)
    path = record(
        tmp_path,
        "other",
        lines=[
            "a.dat 16+6 100/uV 12 7",
            "other.dat 16",
            "a.dat 16 50(1)/V 16 0 0 0 0 EMG right",
            "other.dat 16 2/degC",
        ],
        counts=counts,
    )
    written(tmp_path / "a.dat", b"header" + (counts + 100).astype("<i2").tobytes())
    recording = load(path)
    assert recording.info.channels == ("ch1", "ch2", "EMG right")
    expected = [(100 + 2 * 3 - 7) / 100, 2 * 3 / 200 * 1e3, (101 + 2 * 3 - 1) / 50 * 1e6]
    assert np.allclose(recording.samples[3], expected)
    assert (recording.names, recording.labels, recording.person) == ((), None, "")


def test_what_belongs_to_it_must_be_there(tmp_path: Path) -> None:
    header = record(tmp_path)
    header.with_suffix(".dat").rename(tmp_path / "away")
    refused(header, f"needs '{NAME}.dat'")
    (tmp_path / "away").rename(header.with_suffix(".dat"))
    header.unlink()
    refused(header.with_suffix(".dat"), f"needs its header '{NAME}.hea'")


def test_a_signal_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    header = record(tmp_path)
    written(header.with_suffix(".dat"), COUNTS.tobytes()[:-2])
    refused(header, "announces 64 samples", "holds 63")


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        (["x.dat 212 100/mV"], "format 212, and only 16"),
        (["x.dat 16x4 100/mV"], "format 16, and only 16"),
        (["x.dat"], "signal 1 is described by 'x.dat'"),
        (["x.dat 16 1e/mV"], "gain '1e'"),
        (["../x.dat 16 100/mV"], "needs '../x.dat'"),
        ([f"{NAME}.dat 16 100/bpm"], "its units are bpm"),
    ],
)
def test_a_header_that_is_wrong_is_named(tmp_path: Path, lines: list[str], part: str) -> None:
    refused(record(tmp_path, lines=lines), part)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("# nothing\n", "nothing but remarks"),
        ("record\n", "no WFDB header"),
        ("record two 100\n", "no WFDB header"),
        ("record 2 100 5\nx.dat 16\n", "announces 2 signals and describes 1"),
        ("record/3 2 100 5\n", "several segments"),
        ("record 99999999 100 5\n", "announces 99999999 signals"),
        ("record 1 0 5\nx.dat 16\n", "0 Hz"),
    ],
)
def test_a_first_line_that_is_wrong_is_named(tmp_path: Path, header: str, part: str) -> None:
    refused(written(tmp_path / "x.hea", header), part)


def test_a_sample_that_is_marked_as_missing_is_refused(tmp_path: Path) -> None:
    counts = COUNTS.copy()
    counts[5, 2] = -32768
    refused(record(tmp_path, counts=counts), "sample 5 of 'F3' is marked as missing")


def test_another_rate_or_unit_is_refused(tmp_path: Path) -> None:
    header = record(tmp_path)
    refused(header, "2048 Hz", rate_hz=1000)
    refused(header, "mV", "uV", unit="uV")


def test_a_data_set_counts_each_record_once(tmp_path: Path) -> None:
    for session, trial in ((1, 1), (1, 2), (2, 1)):
        name = f"session{session}_participant4_gesture17_trial{trial}"
        record(tmp_path / f"Session{session}" / f"session{session}_participant4", name)
    with open_dataset(tmp_path) as opened:
        assert opened.layout == "grabmyo"
        first = "Session1/session1_participant4/session1_participant4_gesture17_trial1.hea"
        assert opened.entries[0] == Entry(4, 1, "rest", 1, first)
        assert len(list(opened.read_all())) == 3
        assert opened.skipped == []
        assert opened.missing() == ["person 4, session 2 lacks rest, trial 2 of 2"]
