"""HDF5 as it is recorded, read by h5py with its plainest call."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from devices.formats import writer_file
from devices.formats.hdf5_writer import MOST_NAMES
from devices.formats.writer import open_writer
from dsp.flow import Chunk
from tests.devices.formats.writer_case import Case, case, cyton_samples, states, stream, write_case


def check(path: Path, made: Case) -> int:
    with h5py.File(path, "r") as file:
        rows, names = file["samples"][()], file["names"][()]
    count = len(rows)
    assert rows["sample"].tolist() == made.indices[:count].tolist()
    assert np.array_equal(rows["emg"], made.kept[:count])
    raw = made.raw()[made.here][:count]
    assert np.array_equal(rows["raw"], raw)
    assert np.array_equal(rows["time"], raw + 60.0)
    shown = ["" if label < 0 else names[label].decode() for label in rows["label"]]
    assert shown == [made.labels[index - made.first] for index in rows["sample"]]
    return count


def test_every_value_comes_back(tmp_path: Path) -> None:
    made = case()
    write_case(tmp_path / "a.h5", made)
    assert check(tmp_path / "a.h5", made) == len(made.kept)
    with h5py.File(tmp_path / "a.h5") as file:
        said = dict(file.attrs)
        assert file["samples"].shape == file["samples"].maxshape
        assert file["names"].asstr()[:3].tolist() == ["rest", "fist", "open hand, slowly"]
    assert said["rate_hz"] == 250
    assert said["channels"].tolist() == list(made.info.channels)
    assert (said["person"], said["session"], bool(said["simulated"])) == ("7", "morning", True)
    assert (said["unit"], said["full_scale_uv"]) == ("uV", made.info.full_scale_uv)


def test_every_state_on_the_way_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case()
    seen = states(monkeypatch)
    write_case(tmp_path / "a.h5", made)
    counts = []
    for _, raw in seen:
        (tmp_path / "cut.h5").write_bytes(raw)
        counts.append(check(tmp_path / "cut.h5", made))
    assert counts == sorted(counts)
    assert counts[0] >= 1
    assert len(set(counts)) > 30


def test_more_labels_than_there_is_room_for_are_complained_of(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.h5", stream())
    for number in range(MOST_NAMES + 1):
        writer.mark(number, f"label {number}")
    writer.write(Chunk(cyton_samples(MOST_NAMES + 5), 0))
    writer.close()
    assert "more than 256 different labels" in writer.complaint
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["samples"]["label"].tolist() == [*range(MOST_NAMES), *[-1] * 5]


@pytest.mark.parametrize("channels", [1, 3, 24])
def test_any_number_of_channels(channels: int, tmp_path: Path) -> None:
    samples = cyton_samples(500, channels)
    writer = open_writer(tmp_path / "a.h5", stream(channels=channels))
    for first in range(0, 500, 7):
        writer.write(Chunk(samples[first : first + 7], first))
    writer.close()
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.array_equal(file["samples"]["emg"], samples)
        assert np.allclose(file["samples"]["time"], np.arange(500) / 250)


def test_no_patch_runs_over_the_end_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = writer_file.Growing._put
    patches: set[tuple[int, int]] = set()

    def spied(file: writer_file.Growing, place: int, content: bytes | bytearray) -> None:
        if place < file.length and len(content) <= 16:
            patches.add((place, place + len(content) - 1))
        put(file, place, content)

    monkeypatch.setattr(writer_file.Growing, "_put", spied)
    for count in range(24):  # without care, one of 18 runs over with h5py 3.16
        writer = open_writer(tmp_path / f"{count}.h5", stream(), remarks={f"k{at}": "x" for at in range(count)})
        writer.write(Chunk(cyton_samples(5), 0))
        writer.write(Chunk(cyton_samples(5), 5))
        writer.close()
        with h5py.File(tmp_path / f"{count}.h5") as file:
            assert file["samples"]["sample"].tolist() == list(range(10))
    assert len(patches) > 10
    assert all(first // writer_file.PAGE == last // writer_file.PAGE for first, last in patches)
