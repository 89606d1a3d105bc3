"""HDF5 of our own writer, and one plain array with a rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from devices.files import load
from devices.formats.writer import open_writer
from dsp.flow import Chunk, StreamInfo
from tests.devices.formats.reading_case import refused, runs, wave, written

VALUES = wave(500, 3)


def plain(path: Path, data: Any = VALUES, /, name: str = "emg", **attributes: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=data, compression="gzip").attrs.update(attributes)
    return path


def test_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    info = StreamInfo("sim", 1000.0, ("a", "é", "c"), full_scale_uv=500.0)
    writer = open_writer(path, info, names=("rest", "fist"), person="7", session="2", simulated=True)
    writer.mark(100, "rest")
    writer.mark(250, "fist")
    writer.write(Chunk(VALUES[:200], 100))
    writer.write(Chunk(VALUES[230:], 330))
    writer.close()
    recording = load(path)
    assert recording.info == info
    assert recording.gaps == ((200, 30),)
    measured = np.r_[0:200, 230:500]
    assert np.array_equal(recording.samples[measured], VALUES[measured])
    assert runs(recording) == [(0, "rest"), (150, "fist"), (200, ""), (230, "fist")]
    assert recording.names == ("rest", "fist")
    assert (recording.person, recording.session, recording.simulated) == ("7", "2", True)


def test_one_array_with_its_rate(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.hdf5", fs=2000, unit="mV", channels=["x", "y", "z"], person="3")
    recording = load(path)
    assert recording.info == StreamInfo("a.hdf5", 2000.0, ("x", "y", "z"))
    assert np.allclose(recording.samples, VALUES * 1e3)
    assert recording.person == "3"
    refused(path, "2000 Hz", "1000 Hz", rate_hz=1000)
    refused(path, "mV", "uV", unit="uV")


def test_rate_unit_and_labels_may_stand_around_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("session/one")
        group.create_dataset("emg", data=VALUES)
        group.create_dataset("labels", data=[b"rest"] * 300 + [b"fist"] * 200)
        group.create_dataset("time", data=np.arange(500.0))
        file.attrs.update({"SamplingFrequency": 512.0, "Unit": np.bytes_("uV")})
    recording = load(tmp_path / "a.h5")
    assert recording.info.rate_hz == 512
    assert runs(recording) == [(0, "rest"), (300, "fist")]


def test_numbers_are_labels_too(tmp_path: Path) -> None:
    with h5py.File(plain(tmp_path / "a.h5", rate_hz=100, unit="uV"), "a") as file:
        file["labels"] = np.repeat([10, 9], 250)
    assert load(tmp_path / "a.h5").names == ("9", "10")


def test_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.h5")
    refused(path, "'emg' (500, 3)", "rate_hz", "--rate", unit="uV")
    refused(path, "--unit", rate_hz=100)
    assert load(path, rate_hz=100, unit="uV").info.channels == ("ch1", "ch2", "ch3")


def test_several_arrays_or_none_are_listed(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.h5", rate_hz=100, unit="uV")
    with h5py.File(path, "a") as file:
        file.create_dataset("more/emg", data=VALUES).attrs["rate_hz"] = 100
    refused(path, "'emg' (500, 3)", "'more/emg' (500, 3)")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["curve"] = np.arange(10.0)
    refused(tmp_path / "b.h5", "'curve' (10)")
    with h5py.File(tmp_path / "c.h5", "w"):
        pass
    refused(tmp_path / "c.h5", "no datasets")


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (VALUES.T, "transpose"),
        (np.where(np.arange(30).reshape(10, 3) == 7, np.nan, 0), "sample 2 of column 2 is not a finite number"),
        (np.full((5, 1), 1e12), "no electrode"),
    ],
)
def test_what_is_no_signal(tmp_path: Path, data: Any, part: str) -> None:
    refused(plain(tmp_path / "a.h5", data, rate_hz=100, unit="uV"), part)


def test_labels_must_be_as_many_as_samples(tmp_path: Path) -> None:
    with h5py.File(plain(tmp_path / "a.h5", rate_hz=100, unit="uV"), "a") as file:
        file["labels"] = np.arange(3)
    refused(tmp_path / "a.h5", "500 samples but 3 labels")


def test_a_shape_that_lies_asks_for_no_memory(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("emg", shape=(10**11, 8), dtype="f4", chunks=(1000, 8))
        dataset.attrs.update({"rate_hz": 1000, "unit": "uV"})
    refused(tmp_path / "a.h5", "'emg' claims more than the file can hold")


@pytest.mark.parametrize("content", [b"nothing", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_what_is_no_hdf5(tmp_path: Path, content: bytes) -> None:
    refused(written(tmp_path / "a.h5", content), "is no HDF5 file that can be read")
