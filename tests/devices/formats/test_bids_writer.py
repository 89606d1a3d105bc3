"""EMG-BIDS as it is recorded; the official validator was asked by hand and finds no error in what these tests make."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from devices.formats import writer_file
from devices.formats.writer import open_writer
from dsp.flow import Chunk
from tests.devices.formats.test_bdf_writer import READERS, check
from tests.devices.formats.writer_case import case, cyton_samples, stream, write_case

REQUIRED = {
    "EMGPlacementScheme",
    "EMGReference",
    "SamplingFrequency",
    "PowerLineFrequency",
    "RecordingType",
    "SoftwareFilters",
    "TaskName",
}


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def table(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_recording_is_a_data_set(tmp_path: Path) -> None:
    made = case()
    write_case(tmp_path / "set", made, "bids")
    stem = "sub-7/ses-morning/emg/sub-7_ses-morning_task-gestures_run-1_"
    assert names(tmp_path / "set") == [
        "README.md",
        "dataset_description.json",
        "participants.tsv",
        f"{stem}channels.tsv",
        f"{stem}emg.bdf",
        f"{stem}emg.json",
        f"{stem}events.tsv",
    ]
    at = tmp_path / "set" / stem
    for reader in READERS:
        assert check(Path(f"{at}emg.bdf"), made, reader, closed=True) == len(made.samples)
    sidecar = json.loads(Path(f"{at}emg.json").read_text())
    assert sidecar.keys() >= REQUIRED
    assert sidecar["RecordingDuration"] == len(made.samples) / 250
    assert sidecar["Simulated"] is True
    assert table(Path(f"{at}channels.tsv")) == [
        ["name", "type", "units", "sampling_frequency"],
        *[[f"ch{number}", "EMG", "uV", "250"] for number in range(1, 9)],
    ]
    events = table(Path(f"{at}events.tsv"))
    assert events[0] == ["onset", "duration", "trial_type"]
    assert [(float(onset), float(duration), name) for onset, duration, name in events[1:]] == [
        (0.4, 0.532, "rest"),
        (0.932, 1.468, "open hand, slowly"),
        (1.6, 0.148, "BAD_gap"),
        (2.8, 1.6, "fist"),
    ]
    description = json.loads((tmp_path / "set" / "dataset_description.json").read_text())
    assert (description["BIDSVersion"], description["DatasetType"]) == ("1.11.0", "raw")


def test_a_second_recording_goes_beside_the_first(tmp_path: Path) -> None:
    made = case()
    write_case(tmp_path / "set", made, "bids")
    before = {name: (tmp_path / "set" / name).read_bytes() for name in names(tmp_path / "set")}
    write_case(tmp_path / "set", made)  # the folder says what it is
    writer = open_writer(tmp_path / "set", stream(), person="the 2nd", task="rest & fist")
    writer.write(Chunk(cyton_samples(10), 0))
    writer.close()
    after = names(tmp_path / "set")
    assert len(after) == len(before) + 8
    assert "sub-7/ses-morning/emg/sub-7_ses-morning_task-gestures_run-2_emg.bdf" in after
    assert "sub-the2nd/emg/sub-the2nd_task-restfist_run-1_emg.bdf" in after
    assert table(tmp_path / "set" / "participants.tsv") == [["participant_id"], ["sub-7"], ["sub-the2nd"]]
    for name, content in before.items():
        assert name == "participants.tsv" or (tmp_path / "set" / name).read_bytes() == content


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    first, second = (open_writer(tmp_path / "set", stream(), format_="bids") for _ in range(2))
    first.write(Chunk(cyton_samples(200), 0))
    with pytest.raises(ValueError, match="somebody else"):
        second.write(Chunk(cyton_samples(200), 0))
    second.close()
    first.close()
    assert len(names(tmp_path / "set")) == 7


def test_what_others_wrote_into_a_data_set_stays(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text('{"Name": "ours", "BIDSVersion": "1.8.0"}')
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-1\t40\n")
    (tmp_path / "README").write_text("mine")
    writer = open_writer(tmp_path, stream(), person="2")
    writer.write(Chunk(cyton_samples(10), 0))
    writer.close()
    assert table(tmp_path / "participants.tsv") == [["participant_id", "age"], ["sub-1", "40"], ["sub-2", "n/a"]]
    assert "ours" in (tmp_path / "dataset_description.json").read_text()
    assert not (tmp_path / "README.md").exists()


def test_any_other_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("")
    with pytest.raises(ValueError, match="no BIDS data set"):
        open_writer(tmp_path, stream(), format_="bids")
    with pytest.raises(ValueError, match=r"photo\.jpg.*is a file"):
        open_writer(tmp_path / "photo.jpg", stream(), format_="bids")


def test_everything_else_is_there_before_the_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = writer_file.Growing.__init__
    beside: list[int] = []

    def spied(file: writer_file.Growing, path: Path, content: bytes) -> None:
        beside.append(len(names(tmp_path / "set")))
        begin(file, path, content)

    monkeypatch.setattr(writer_file.Growing, "__init__", spied)
    writer = open_writer(tmp_path / "set", stream(), format_="bids")
    writer.mark(0, "rest")
    writer.write(Chunk(cyton_samples(10), 0))
    assert not (tmp_path / "set").exists()
    writer.write(Chunk(cyton_samples(100), 10))
    assert beside == [6]
    assert len(names(tmp_path / "set")) == 7
    events = next((tmp_path / "set").rglob("*_events.tsv"))
    assert table(events)[1] == ["0.000000", "n/a", "rest"]
    writer.mark(110, "fist")
    writer.write(Chunk(cyton_samples(1), 110))
    assert table(events)[1:] == [["0.000000", "0.440000", "rest"], ["0.440000", "n/a", "fist"]]
    writer.close()
    assert table(events)[2] == ["0.440000", "0.004000", "fist"]


def test_remarks_that_bids_knows_go_where_it_wants_them(tmp_path: Path) -> None:
    remarks = {"manufacturer": "OpenBCI", "mains_hz": "50", "placement": "around the forearm", "device": "cyton:COM3"}
    writer = open_writer(tmp_path / "set", stream(), format_="bids", remarks=remarks)
    writer.write(Chunk(np.zeros((1, 8), np.float32), 0))
    writer.close()
    sidecar = json.loads(next((tmp_path / "set").rglob("*_emg.json")).read_text())
    assert (sidecar["Manufacturer"], sidecar["PowerLineFrequency"]) == ("OpenBCI", 50)
    assert sidecar["EMGPlacementSchemeDescription"] == "around the forearm"
