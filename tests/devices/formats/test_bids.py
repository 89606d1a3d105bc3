"""EMG-BIDS folders, put together by hand and by our own writer."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import edfio
import numpy as np
import pytest

from devices.datasets import open_dataset
from devices.files import load
from devices.formats.writer import open_writer
from dsp.flow import Chunk, StreamInfo
from tests.devices.formats.reading_case import refused, runs, wave, written

STEM = "sub-07/ses-2/emg/sub-07_ses-2_task-grips_run-1"
CHANNELS = "name\ttype\tunits\tstatus\nE1\tEMG\tmV\tgood\nE2\tEMG\tmV\tbad\nTRIG\tTRIG\tV\tgood\n"
EVENTS = "onset\tduration\ttrial_type\n0.1\tn/a\trest\n0.5\t0.25\tfist\n0.8\t0.1\tBAD_gap\n0.9\tn/a\tn/a\n"
VALUES = wave(1000, 3).astype(np.float64) / 1e3


def dataset(root: Path, stem: str = STEM, *, channels: str = CHANNELS, events: str = EVENTS) -> Path:
    signals = [
        edfio.EdfSignal(VALUES[:, n], 1000, label=label, physical_dimension=unit, physical_range=(-1, 1))
        for n, (label, unit) in enumerate((("E1", "mV"), ("E2", ""), ("TRIG", "V")))
    ]
    notes = [edfio.EdfAnnotation(0.0, None, "from the file")]
    path = written(root / f"{stem}_emg.edf", edfio.Edf(signals, annotations=notes).to_bytes())
    written(root / "dataset_description.json", json.dumps({"Name": "x", "BIDSVersion": "1.11.0"}))
    written(root / "participants.tsv", "participant_id\nsub-07\n")
    written(root / f"{stem}_emg.json", json.dumps({"SamplingFrequency": 1000, "PowerLineFrequency": 50}))
    if channels:
        written(root / f"{stem}_channels.tsv", channels)
    if events:
        written(root / f"{stem}_events.tsv", events)
    return path


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def test_channels_events_and_who(tmp_path: Path) -> None:
    recording = load(dataset(tmp_path))
    assert recording.info.channels == ("E1", "E2 (bad)")
    assert recording.info.rate_hz == 1000
    measured = np.r_[0:800, 900:1000]
    assert np.abs(recording.samples - 1e3 * VALUES[:, :2])[measured].max() < 0.1
    assert recording.gaps == ((800, 100),)
    assert runs(recording) == [(0, ""), (100, "rest"), (500, "fist"), (750, "")]
    assert (recording.person, recording.session) == ("07", "2")


@pytest.mark.parametrize("inside", ["", "sub-07", "sub-07/ses-2", "sub-07/ses-2/emg"])
def test_every_folder_around_the_only_recording_will_do(tmp_path: Path, inside: str) -> None:
    path = dataset(tmp_path / "set")
    archive = zipped(tmp_path / "set", tmp_path / "set.zip")
    for place in (tmp_path / "set" / inside, archive / inside, path, archive / f"{STEM}_emg.edf"):
        recording = load(place)
        assert (recording.person, recording.session) == ("07", "2")
        assert runs(recording)[1] == (100, "rest")


def test_sidecars_are_inherited_and_the_nearest_counts(tmp_path: Path) -> None:
    path = dataset(tmp_path, channels="", events="")
    (tmp_path / f"{STEM}_emg.json").write_text(json.dumps({"SamplingFrequency": 1000}))
    written(tmp_path / "task-grips_emg.json", json.dumps({"SamplingFrequency": 77, "Device": "a belt"}))
    written(tmp_path / "sub-07" / "sub-07_task-grips_channels.tsv", CHANNELS.replace("bad", "good"))
    written(tmp_path / "task-grips_events.tsv", EVENTS)
    recording = load(path)
    assert recording.info == StreamInfo("a belt", 1000.0, ("E1", "E2"))
    assert runs(recording)[1] == (100, "rest")


def test_without_events_the_annotations_count(tmp_path: Path) -> None:
    assert runs(load(dataset(tmp_path, events=""))) == [(0, "from the file")]


def test_of_several_recordings_one_must_be_named(tmp_path: Path) -> None:
    dataset(tmp_path / "set")
    second = dataset(tmp_path / "set", STEM.replace("run-1", "run-2"))
    refused(tmp_path / "set", "2 recordings", "run-1_emg.edf'", "run-2_emg.edf'")
    assert load(second).person == "07"


def test_a_data_set_has_an_entry_for_each(tmp_path: Path) -> None:
    for stem in (
        STEM,
        STEM.replace("run-1", "run-2"),
        STEM.replace("sub-07", "sub-anna").replace("ses-2", "ses-early"),
    ):
        dataset(tmp_path / "set", stem)
    for place in (tmp_path / "set", zipped(tmp_path / "set", tmp_path / "set.zip")):
        with open_dataset(place) as opened:
            assert opened.layout == "emg-bids"
            assert [(entry.person, entry.session, entry.trial) for entry in opened.entries] == [
                (7, 2, 1),
                (7, 2, 2),
                (8, 3, 1),
            ]
            assert [recording.person for _, recording in opened.read_all()] == ["07", "07", "anna"]
            assert opened.skipped == []
            assert opened.missing() == []


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("emg.json", "{", ("no JSON",)),
        ("emg.json", "[1]", ("braces",)),
        ("emg.json", '{"SamplingFrequency": 500}', ("1000 Hz", "SamplingFrequency 500")),
        ("channels.tsv", "name\ttype\nE1\tEEG\n", ("no channel of type EMG",)),
        ("channels.tsv", "name\ttype\nE9\tEMG\n", ("holds no EMG",)),
        ("channels.tsv", "name\ttype\tunits\nE2\tEMG\tN\n", ("'N'",)),
        ("events.tsv", "onset\tduration\ttrial_type\nsoon\tn/a\trest\n", ("onset 'soon'",)),
        ("events.tsv", "onset\tduration\ttrial_type\n1\tinf\trest\n", ("duration 'inf'",)),
    ],
)
def test_a_sidecar_that_is_wrong_is_named(tmp_path: Path, name: str, content: str, parts: tuple[str, ...]) -> None:
    path = dataset(tmp_path)
    (tmp_path / f"{STEM}_{name}").write_text(content)
    refused(path, *parts)


def test_a_folder_without_recordings_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(ValueError, match=r"set' is a folder; name one recording in it"):
        load(tmp_path / "set")
    with pytest.raises(ValueError, match=re.escape("there is no")):
        load(tmp_path / "set" / "sub-1")


def test_ours(tmp_path: Path) -> None:
    values, root = wave(2000, 2), tmp_path / "set"
    info = StreamInfo("sim", 500.0, ("a", "b"))
    for session in ("1", "2"):
        writer = open_writer(root, info, person="7", session=session, simulated=True, format_="bids")
        writer.mark(600, "fist")
        writer.write(Chunk(values[:500], 0))
        writer.write(Chunk(values[520:], 520))
        writer.close()
    recording = load(root / "sub-7" / "ses-2")
    assert recording.info == info
    assert recording.gaps == ((500, 20),)
    assert len(recording.samples) == 2000
    assert runs(recording) == [(0, ""), (600, "fist")]
    assert (recording.person, recording.session, recording.simulated) == ("7", "2", True)
