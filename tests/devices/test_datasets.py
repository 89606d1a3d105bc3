"""Data sets in their layouts, as folder, as zip, nested, damaged."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from devices.datasets import Dataset, Entry, open_dataset
from devices.files import save_npz
from devices.recording import Recording
from dsp.flow import StreamInfo

HEADER = "ch1,ch2,ch3,ch4,ch5,ch6,ch7,ch8\n"


def synapse_folder(root: Path, people: tuple[int, ...] = (2, 10)) -> Path:
    for person in people:
        for session in (1, 2):
            folder = root / f"Session{session}" / f"session{session}_subject_{person}"
            folder.mkdir(parents=True)
            for gesture in (0, 4):
                (folder / f"gesture{gesture:02d}_trial01.csv").write_text(HEADER + f"{person},2,3,4,5,6,7,8\n" * 2)
    return root


def myo_folder(root: Path) -> Path:
    for folder in ("_readings_right_hand/12345-1", "_readings_right_hand/12345-2", "_readings_left_hand/12345-1"):
        (root / folder).mkdir(parents=True)
        for gesture in (0, 3):
            (root / folder / f"{gesture}.txt").write_text(f"1,2,3,4,5,6,7,8,0\n1,2,3,4,5,6,7,8,{gesture}\n")
    (root / "LICENSE").write_text("MIT")
    return root


def zipped(folder: Path, path: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, f"{inside}{file.relative_to(folder).as_posix()}")
        archive.writestr("__MACOSX/Session1/session1_subject_2/._gesture00_trial01.csv", b"\0\5\26\7")
    return path


def content(dataset: Dataset) -> list[tuple[object, ...]]:
    with dataset:
        return [(e.person, e.session, e.gesture, e.trial, r.samples.tolist()) for e, r in dataset.read_all()]


def test_synapse_is_sorted_and_complete(tmp_path: Path) -> None:
    with open_dataset(synapse_folder(tmp_path)) as dataset:
        assert dataset.layout == "synapse"
        assert dataset.people == (2, 10)
        assert dataset.sessions == (1, 2)
        assert dataset.entries[0] == Entry(2, 1, "gesture00", 1, "Session1/session1_subject_2/gesture00_trial01.csv")
        assert [e.person for e in dataset.entries] == [2, 2, 2, 2, 10, 10, 10, 10]
        assert dataset.skipped == []
        assert dataset.missing() == []
        recording = dataset.read(dataset.entries[-1])
        assert (recording.person, recording.session, recording.label(0, 2)) == ("10", "2", "gesture04")
        assert recording.samples[0, 0] == 10_000


@pytest.mark.parametrize("inside", ["", "data/", "a/b/"])
def test_the_zip_is_the_folder_however_deep_it_is_nested(tmp_path: Path, inside: str) -> None:
    folder = synapse_folder(tmp_path / inside / "folder" if inside else tmp_path / "folder")
    archive = zipped(folder, tmp_path / "set.zip", inside)
    expected = content(open_dataset(folder))
    assert len(expected) == 8
    assert content(open_dataset(archive)) == expected
    assert content(open_dataset(tmp_path)) == expected
    if inside:
        assert content(open_dataset(archive / inside)) == expected


def test_a_part_of_the_tree_will_do(tmp_path: Path) -> None:
    synapse_folder(tmp_path / "folder")
    with open_dataset(tmp_path / "folder" / "Session2") as dataset:
        assert dataset.sessions == (2,)
        assert len(dataset.entries) == 4
    with open_dataset(tmp_path / "folder" / "Session2" / "session2_subject_10") as dataset:
        assert dataset.people == (10,)
        assert [e.name for e in dataset.entries] == ["gesture00_trial01.csv", "gesture04_trial01.csv"]
        assert dataset.read(dataset.entries[0]).person == "10"
    archive = zipped(tmp_path / "folder", tmp_path / "set.zip")
    with open_dataset(archive / "Session2" / "session2_subject_10") as dataset:
        assert dataset.people == (10,)
        assert dataset.read(dataset.entries[0]).person == "10"


def test_a_relative_path_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(synapse_folder(tmp_path) / "Session1" / "session1_subject_2")
    with open_dataset(".") as dataset:
        assert dataset.people == (2,)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    folder = synapse_folder(tmp_path)
    (folder / "Session2" / "session2_subject_10" / "gesture04_trial01.csv").unlink()
    with open_dataset(folder) as dataset:
        assert dataset.missing() == ["person 10, session 2 lacks gesture04, trial 1 of 2"]


def test_a_malformed_trial_is_left_out_with_its_line(tmp_path: Path) -> None:
    folder = synapse_folder(tmp_path)
    bad = folder / "Session1" / "session1_subject_2" / "gesture04_trial01.csv"
    bad.write_text(HEADER + "1,2,3,4,5,6,7,8\n1,2,3,oops,5,6,7,8\n")
    (folder / "Session1" / "notes.txt").write_text("hello")
    with open_dataset(folder) as dataset:
        assert len(dataset.skipped) == 1
        assert "notes.txt" in dataset.skipped[0]
        for _ in range(2):
            assert len(list(dataset.read_all())) == 7
        assert len(dataset.skipped) == 2
        assert "line 3" in dataset.skipped[1]
        assert "gesture04_trial01.csv" in dataset.skipped[1]
        with pytest.raises(ValueError, match="line 3"):
            dataset.read(dataset.entries[1])


def test_the_same_trial_twice_counts_once(tmp_path: Path) -> None:
    synapse_folder(tmp_path / "a")
    synapse_folder(tmp_path / "b", people=(2,))
    with open_dataset(tmp_path) as dataset:
        assert len(dataset.entries) == 8
        assert len(dataset.skipped) == 4
        assert "is the same trial as 'a/Session1/session1_subject_2/gesture00_trial01.csv'" in dataset.skipped[0]


def test_myo_readings_of_two_hands_are_one_person(tmp_path: Path) -> None:
    folder = myo_folder(tmp_path / "folder")
    for place in (folder, zipped(folder, tmp_path / "myo.zip")):
        with open_dataset(place) as dataset:
            assert dataset.layout == "myo-readings"
            assert dataset.people == (12345,)
            assert dataset.sessions == (1, 2)
            assert Counter(e.gesture for e in dataset.entries) == {None: 3, "radial deviation": 3}
            assert len(list(dataset.read_all())) == 6
            assert dataset.skipped == []


def recording(person: str, session: str, labels: list[int], samples: float = 1.0) -> Recording:
    return Recording(
        StreamInfo("x", 100.0, ("a",)),
        np.full((len(labels), 1), samples, np.float32),
        ("rest", "fist"),
        np.array(labels, np.int16),
        person,
        session,
    )


def test_own_recordings_say_themselves_who_they_are(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    save_npz(tmp_path / "b.npz", recording("7", "2", [1, 1]))
    save_npz(tmp_path / "more" / "a.npz", recording("7", "2", [1, 1]))
    save_npz(tmp_path / "c.npz", recording("7", "2", [0, 1]))
    save_npz(tmp_path / "d.npz", recording("anna", "", [0, 0]))
    save_npz(tmp_path / "e.npz", recording("", "", [-1, -1]))
    (tmp_path / "f.csv").write_text("# rate: 100\n# unit: uV\n# person: berta\n# session: 1\na\n1\n2\n")
    (tmp_path / "g.csv").write_text("a\n1\n2\n")
    with open_dataset(tmp_path) as dataset:
        assert dataset.layout == "recordings"
        assert dataset.entries == (
            Entry(0, 0, None, 1, "e.npz"),
            Entry(7, 2, None, 1, "c.npz"),
            Entry(7, 2, "fist", 1, "b.npz"),
            Entry(7, 2, "fist", 2, "more/a.npz"),
            Entry(8, 0, "rest", 1, "d.npz"),
            Entry(9, 1, None, 1, "f.csv"),
        )
        assert len(dataset.skipped) == 1
        assert "g.csv" in dataset.skipped[0]
        assert dataset.missing() == []
        assert len(list(dataset.read_all())) == 6


def test_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no"):
        open_dataset(tmp_path / "none")
    with pytest.raises(ValueError, match=r"known layout; known are: synapse .*myo-readings .*recordings"):
        open_dataset(tmp_path)
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    with pytest.raises(ValueError, match="is a single file"):
        open_dataset(file)
    with pytest.raises(ValueError, match=r"no recording in .* can be read; the first of 1: .*--rate"):
        open_dataset(tmp_path)
    (tmp_path / "broken.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"broken\.zip' is not a zip"):
        open_dataset(tmp_path / "broken.zip")


def test_a_whole_disk_is_no_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.archive._MOST_FILES", 7)
    with pytest.raises(ValueError, match="holds more than 7 files; name the folder of the data set"):
        open_dataset(synapse_folder(tmp_path))


def test_the_folder_that_holds_only_the_zip_says_so(tmp_path: Path) -> None:
    only = tmp_path / "only"
    only.mkdir()
    zipped(synapse_folder(tmp_path / "folder"), only / "set.zip")
    with pytest.raises(ValueError, match=r"it holds 'set\.zip': give that"):
        open_dataset(only)


def test_two_data_sets_at_once_are_refused(tmp_path: Path) -> None:
    synapse_folder(tmp_path / "a")
    myo_folder(tmp_path / "b")
    with pytest.raises(ValueError, match="several data sets"):
        open_dataset(tmp_path)


@pytest.mark.data
def test_all_synapse_trials_are_there(synapse_zip: Path) -> None:
    with open_dataset(synapse_zip) as dataset:
        assert len(dataset.entries) == 2100
        assert dataset.people == tuple(range(1, 21))
        assert dataset.sessions == (1, 2, 3)
        assert dataset.missing() == []
        shapes = Counter(recording.samples.shape for _, recording in dataset.read_all())
        assert shapes == {(2560, 8): 2100}
        assert dataset.skipped == []


@pytest.mark.data
def test_all_myo_readings_are_read_or_named(myo_zip: Path) -> None:
    with open_dataset(myo_zip) as dataset:
        assert len(dataset.entries) == 432
        assert len(dataset.people) == 18
        assert sum(entry.gesture is None for entry in dataset.entries) == 54
        read = sum(1 for _ in dataset.read_all())
        assert read + len(dataset.skipped) == 432
        assert len(dataset.skipped) == 1
        assert "19999-2/2.txt', line 12322, has 17 values where 9 belong" in dataset.skipped[0]
