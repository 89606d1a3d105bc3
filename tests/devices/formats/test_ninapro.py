"""Ninapro files as MATLAB would write them, in both of its versions."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from devices.datasets import Entry, open_dataset
from devices.files import load
from tests.devices.formats.reading_case import refused, runs, wave, written

VOLTS = wave(60, 12) * 1e-6
SHOWN = np.repeat([0, 18, 0, 19], 15)[:, None]


def version_5(path: Path, **variables: Any) -> Path:
    memory = io.BytesIO()
    scipy.io.savemat(memory, {"glove": np.zeros((60, 22)), "name": "x", **variables})
    return written(path, memory.getvalue())


def db2(path: Path, **more: Any) -> Path:
    variables = {"emg": VOLTS, "stimulus": np.roll(SHOWN, 3), "restimulus": SHOWN, "subject": 12, "exercise": 2}
    return version_5(path, **(variables | more))


def test_a_file_of_the_second_database(tmp_path: Path) -> None:
    recording = load(db2(tmp_path / "DB2_s12" / "S12_E2_A1.mat"))
    assert recording.info.rate_hz == 2000
    assert recording.info.channels == tuple(f"ch{n}" for n in range(1, 13))
    assert np.allclose(recording.samples, VOLTS * 1e6)
    assert recording.names == ("rest", "movement 18", "movement 19")
    assert runs(recording) == [(0, "rest"), (15, "movement 18"), (30, "rest"), (45, "movement 19")]
    assert recording.person == "12"


def test_version_7_3_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "S12_E2_A1.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["emg"], file["restimulus"], file["subject"] = VOLTS.T, SHOWN.T, [[12.0]]
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    recording = load(path)
    assert np.allclose(recording.samples, VOLTS * 1e6)
    assert runs(recording)[1] == (15, "movement 18")
    assert recording.person == "12"


def test_the_label_that_was_shown_will_do(tmp_path: Path) -> None:
    path = version_5(tmp_path / "a.mat", emg=VOLTS, stimulus=SHOWN)
    assert runs(load(path))[1] == (15, "movement 18")
    assert load(path).person == ""


@pytest.mark.parametrize(
    ("columns", "values", "rate", "scale"),
    [(10, 0.5, 100, 1e6), (16, 100, 200, 1), (16, 2e-4, 2000, 1e6), (14, 2e-4, 2000, 1e6)],
)
def test_the_database_is_told_from_the_columns(
    tmp_path: Path, columns: int, values: float, rate: float, scale: float
) -> None:
    path = version_5(tmp_path / "a.mat", emg=np.full((60, columns), values), restimulus=SHOWN)
    recording = load(path)
    assert recording.info.rate_hz == rate
    assert recording.samples[0, 0] == pytest.approx(values * scale)
    refused(path, f"{rate:g} Hz", "--rate", rate_hz=1234)


def test_the_rate_in_the_file_is_believed(tmp_path: Path) -> None:
    assert load(db2(tmp_path / "a.mat", frequency=1111)).info.rate_hz == 1111


@pytest.mark.parametrize(("exercise", "first"), [(1, 3), (2, 15), (3, 32)])
def test_exercises_that_count_from_one_are_put_behind_one_another(tmp_path: Path, exercise: int, first: int) -> None:
    counts = np.full((60, 16), 7, np.int8)
    path = version_5(tmp_path / "a.mat", emg=counts, restimulus=np.repeat([0, 3], 30), exercise=exercise)
    assert load(path).names == ("rest", f"movement {first:02d}")


def test_what_is_unknown_is_asked_for(tmp_path: Path) -> None:
    path = version_5(tmp_path / "a.mat", emg=np.full((60, 4), 0.001), restimulus=SHOWN)
    refused(path, "--rate", unit="V")
    refused(path, "--unit", rate_hz=1000)
    assert load(path, rate_hz=1000, unit="mV").samples[0, 0] == pytest.approx(1)
    refused(db2(tmp_path / "b.mat", emg=np.full((60, 12), 3.0)), "--unit")


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"restimulus": SHOWN}, "'emg'"),
        ({"emg": VOLTS}, "'restimulus'"),
        ({"emg": VOLTS, "restimulus": SHOWN[:7]}, "7 labels"),
        ({"emg": VOLTS, "restimulus": SHOWN - 1}, "no numbers of movements"),
        ({"emg": VOLTS, "restimulus": SHOWN + 0.5}, "no numbers of movements"),
        ({"emg": np.full((60, 12), np.nan), "restimulus": SHOWN}, "not a finite number"),
        ({"emg": np.array([[{}]], object), "restimulus": SHOWN}, "'emg'"),
    ],
)
def test_what_is_no_ninapro_file(tmp_path: Path, variables: dict[str, Any], part: str) -> None:
    refused(version_5(tmp_path / "a.mat", **variables), part)


@pytest.mark.parametrize(
    "content", [b"junk", b"MATLAB 5.0 MAT-file".ljust(126) + b"\x00\x01", b"\x89HDF\r\n\x1a\njunk"]
)
def test_what_is_no_matlab_file(tmp_path: Path, content: bytes) -> None:
    refused(written(tmp_path / "a.mat", content), "no")


def test_a_data_set_tells_people_and_days_by_its_names(tmp_path: Path) -> None:
    db2(tmp_path / "DB2_s1" / "S1_E1_A1.mat")
    db2(tmp_path / "DB2_s2" / "S2_E2_A1.mat")
    db2(tmp_path / "db1" / "S3_A1_E3.mat")
    db2(tmp_path / "db6" / "S4_D5_T2.mat")
    with open_dataset(tmp_path) as opened:
        assert opened.layout == "ninapro"
        assert opened.entries == (
            Entry(1, 1, None, 1, "DB2_s1/S1_E1_A1.mat"),
            Entry(2, 1, None, 2, "DB2_s2/S2_E2_A1.mat"),
            Entry(3, 1, None, 3, "db1/S3_A1_E3.mat"),
            Entry(4, 5, None, 2, "db6/S4_D5_T2.mat"),
        )
        assert len(list(opened.read_all())) == 4
