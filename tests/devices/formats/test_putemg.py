"""putEMG tables as pandas stores them, without pandas."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from devices.datasets import Entry, open_dataset
from devices.files import load
from tests.devices.formats.reading_case import refused, runs, written

NAME = "emg_gestures-07-repeats_long-2018-05-11-11-05-00-695"
EMG = [f"EMG_{n}" for n in range(1, 25)]
OTHERS = ["TRAJ_1", "subject", "TRAJ_GT_NO_FILTER", "VIDEO_STAMP", "TRAJ_GT"]
COUNTS = np.arange(40.0)[:, None] + 100 * np.arange(24)
MADE = np.repeat([-1, 0, 1, 9], 10)
SHOWN = np.repeat([0, 1, 1, 9], 10)


def values() -> NDArray[np.float64]:
    return np.column_stack([COUNTS, SHOWN, np.full(40, 7), MADE, np.zeros(40), MADE])


def as_table(path: Path, pattern: str = "S'{}'\np{}\na") -> Path:
    """``to_hdf(format="table")``: names in a text that looks like this one, by the Python that wrote it."""
    kind = np.dtype([("index", "<f8"), ("values_block_0", "i1", (1,)), ("values_block_3", "<f8", (29,))])
    rows = np.zeros(40, kind)
    rows["values_block_3"] = values()
    text = "(lp1\n" + "".join(pattern.format(name, n) for n, name in enumerate([*EMG, *OTHERS], 2)) + "."
    with h5py.File(path, "w") as file:
        table = file.create_dataset("data/table", data=rows)
        table.attrs["values_block_0_kind"] = np.bytes_("(lp1\nS'type'\np2\na.")
        table.attrs["values_block_3_kind"] = np.bytes_(text)
    return path


def as_fixed(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("data")
        for number, (names, block) in enumerate(((EMG, COUNTS), (OTHERS, values()[:, 24:].astype(np.int64)))):
            group[f"block{number}_items"] = np.array(names, "S")
            group[f"block{number}_values"] = block
        group["axis1"] = np.arange(40.0)
    return path


def as_parquet(path: Path, leave_out: str = "") -> Path:
    columns = dict(zip([*EMG, *OTHERS], values().T, strict=True))
    pq.write_table(pa.table({name: column for name, column in columns.items() if name != leave_out}), path)
    return path


@pytest.mark.parametrize(
    ("write", "suffix"), [(as_table, ".hdf5"), (as_fixed, ".h5"), (as_fixed, ".hdf5"), (as_parquet, ".parquet")]
)
def test_the_middle_band_in_microvolts_with_what_was_made(tmp_path: Path, write: object, suffix: str) -> None:
    assert callable(write)
    recording = load(write(tmp_path / f"{NAME}{suffix}"))
    assert recording.info.rate_hz == 5120
    assert recording.info.channels == tuple(f"EMG_{n}" for n in range(9, 17))
    assert np.allclose(recording.samples, COUNTS[:, 8:16] * 5 / 4096 * 1000 / 200 * 1000)
    assert runs(recording) == [(0, ""), (10, "idle"), (20, "fist"), (30, "pinch small")]
    assert (recording.person, recording.session) == ("7", "20180511")


@pytest.mark.parametrize("pattern", ["V{}\np{}\na", "X\x05{}q{}", "\x0c\x05{}\x14"])
def test_names_are_found_in_what_any_python_wrote(tmp_path: Path, pattern: str) -> None:
    assert runs(load(as_table(tmp_path / "a.h5", pattern)))[-1] == (30, "pinch small")


def test_without_what_was_made_what_was_shown_counts(tmp_path: Path) -> None:
    recording = load(as_parquet(tmp_path / "mine.parquet", leave_out="TRAJ_GT"))
    assert runs(recording) == [(0, "idle"), (10, "fist"), (30, "pinch small")]
    assert recording.person == ""


def test_other_parquet_is_refused(tmp_path: Path) -> None:
    refused(as_parquet(tmp_path / "a.parquet", leave_out="EMG_12"), "not a table of putEMG", "EMG_9")
    refused(written(tmp_path / "b.parquet", b"PAR1 and no more"), "is no parquet file that can be read")


def test_rate_and_unit_are_not_contradicted(tmp_path: Path) -> None:
    path = as_table(tmp_path / f"{NAME}.hdf5")
    refused(path, "5120 Hz", "1000 Hz", rate_hz=1000)
    refused(path, "uV", "mV", unit="mV")


def test_values_that_are_missing_are_refused(tmp_path: Path) -> None:
    table = pa.table({name: [1.0, float("nan")] for name in [*EMG, "TRAJ_1"]})
    pq.write_table(table, tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "not finite")


def test_a_data_set_tells_people_and_days_by_its_names(tmp_path: Path) -> None:
    as_table(tmp_path / f"{NAME}.hdf5")
    as_table(tmp_path / "emg_gestures-08-sequential-2018-06-15-14-00-00-000.hdf5")
    with open_dataset(tmp_path) as opened:
        assert opened.layout == "putemg"
        assert opened.entries == (
            Entry(7, 20180511, None, 3, f"{NAME}.hdf5"),
            Entry(8, 20180615, None, 1, "emg_gestures-08-sequential-2018-06-15-14-00-00-000.hdf5"),
        )
        assert [recording.person for _, recording in opened.read_all()] == ["7", "8"]
