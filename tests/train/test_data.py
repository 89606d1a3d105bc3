"""From files to training windows: the cache, the scale, the windows that a stream would see."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats.timeline import draw_line
from devices.recording import UNLABELLED, Recording
from devices.replay import Replay
from dsp.caching import cache_folder
from dsp.design import DspSpec, design
from dsp.flow import Chunk, StreamInfo
from dsp.pipeline import Pipeline
from tests.train.conftest import changes, tiny, write_trial
from train.corpus import Corpus, load, track
from train.crops import Crops, majority
from train.fit import fit
from train.keep import golden
from train.sources import open_collection
from train.task import Task, grid, prepare

INFO = StreamInfo("made up", 200.0, tuple("abcdefgh"))


def same(one: Corpus, other: Corpus) -> bool:
    pairs = zip(one.recordings, other.recordings, strict=True)
    return one.entries == other.entries and all(
        a.info == b.info
        and a.names == b.names
        and np.array_equal(a.samples, b.samples)
        and np.array_equal(a.labels, b.labels)
        for a, b in pairs
        if a.labels is not None and b.labels is not None
    )


def test_training_sees_the_windows_of_the_stream(task: Task) -> None:
    """Lock six: what the pipeline yields, chunk by chunk, are the slices of the track."""
    spec = task.design.spec
    for index in (0, 7, len(task.corpus.entries) - 1):
        samples = task.corpus.recordings[index].samples
        pipeline = Pipeline(task.design)
        streamed = [
            window.samples.copy()
            for first in range(0, len(samples), 37)
            for window in pipeline.feed(Chunk(samples[first : first + 37], first))
        ]
        places, _ = grid(task.track, index, spec.window, spec.hop)
        assert len(streamed) == len(places) == spec.windows_in(len(samples))
        for window, place in zip(streamed, places, strict=True):
            assert np.array_equal(window, task.track.samples[place : place + spec.window])


def test_gaps_and_uneven_gestures_are_said(
    synapse_like: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gappy = tmp_path / "gappy"
    shutil.copytree(synapse_like, gappy)
    for person in (1, 2, 3):
        (gappy / "Session1" / f"session1_subject_{person}" / "gesture02_trial01.csv").unlink()
        (gappy / "Session3" / f"session3_subject_{person}" / "gesture02_trial01.csv").unlink()
    corpus = load(str(gappy), [1, 2, 4])
    said = capsys.readouterr().err
    assert "note: person 1, session 3 lacks gesture02, trial 1 of 5" in said
    assert "person 3" not in said, "who was not asked for"
    fit("se_resnet", tiny("se_resnet", "epochs=1", "validation=0"), changes("se_resnet"), corpus, tmp_path / "run")
    said = capsys.readouterr().err
    assert "note: gesture02 was recorded for 2 s and gesture00 for 6 s; each gesture is drawn as often as" in said


def test_the_scale_makes_the_training_side_one(task: Task) -> None:
    assert np.sqrt(np.mean(np.square(task.track.samples, dtype=np.float64))) == pytest.approx(1.0, rel=1e-4)


def test_members_that_set_other_people_apart_share_a_fingerprint(corpus: Corpus) -> None:
    tasks = [prepare("se_resnet", tiny("se_resnet", f"seed={seed}"), (), corpus) for seed in range(4)]
    assert len({task.split.validation for task in tasks}) > 1
    assert len({task.design.fingerprint for task in tasks}) == 1


def test_the_cache_gives_what_the_files_hold(synapse_like: Path) -> None:
    fresh = load(str(synapse_like), cache=False)
    assert same(load(str(synapse_like)), fresh)
    assert same(load(str(synapse_like)), fresh)


def test_a_damaged_cache_is_made_anew(synapse_like: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYOSTREAM_CACHE", str(tmp_path))
    fresh = load(str(synapse_like), (1,))
    files = sorted((cache_folder() / "sittings").iterdir())
    assert len(files) == 2
    files[0].write_bytes(files[0].read_bytes()[:1000])
    files[1].write_bytes(b"")
    assert same(load(str(synapse_like), (1,)), fresh)
    assert all(len(file.read_bytes()) > 1000 for file in files)


def test_a_changed_file_is_read_again(synapse_like: Path, tmp_path: Path) -> None:
    copied = tmp_path / "data"
    shutil.copytree(synapse_like, copied)
    before = load(str(copied), (1,), (1,))
    write_trial(copied / "Session1" / "session1_subject_1" / "gesture00_trial01.csv", 0, 77, samples=600)
    after = load(str(copied), (1,), (1,))
    assert len(before.recordings[0].samples) == 512
    assert len(after.recordings[0].samples) == 600


def test_a_cache_that_cannot_be_written_does_not_matter(
    synapse_like: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MYOSTREAM_CACHE", str(tmp_path / "file"))
    assert len(load(str(synapse_like), (1,)).recordings) == 10
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_a_zip_is_as_good_as_its_folder(synapse_like: Path, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", synapse_like)
    unpacked = load(str(synapse_like), (2,))
    zipped = load(packed, (2,))
    assert [r.labels.tolist() for r in zipped.recordings if r.labels is not None] == [
        r.labels.tolist() for r in unpacked.recordings if r.labels is not None
    ]
    assert all(
        np.array_equal(a.samples, b.samples) for a, b in zip(zipped.recordings, unpacked.recordings, strict=True)
    )
    assert same(load(packed, (2,)), zipped)


def test_a_malformed_file_is_left_out_and_named(
    synapse_like: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "data"
    shutil.copytree(synapse_like, copied)
    broken = copied / "Session1" / "session1_subject_1" / "gesture03_trial01.csv"
    broken.write_text("ch1,ch2,ch3,ch4,ch5,ch6,ch7,ch8\n1,2,3,4,5,6,7,zwei\n")
    for _ in range(2):  # from the file, then from the cache
        found = load(str(copied), (1,), (1,))
        assert [entry.gesture for entry in found.entries] == ["gesture00", "gesture01", "gesture02", "gesture04"]
        assert "gesture03_trial01" in capsys.readouterr().err
        assert found.left_out[0].startswith("'data/Session1/")  # where the data lay is nobody's business
        assert str(tmp_path) not in found.left_out[0]


def test_another_rate_than_asked_for_is_refused(synapse_like: Path) -> None:
    with pytest.raises(ValueError, match=r"recorded at 512 Hz, but dsp.rate_hz=250"):
        load(str(synapse_like), (1,), rate_hz=250.0)


def test_a_track_refuses_another_rate(task: Task) -> None:
    samples = np.zeros((400, 8), np.float32)
    with pytest.raises(ValueError, match=r"recorded at 200 Hz, but the processing was designed for 512 Hz"):
        track(task.design, [Recording(INFO, samples)], ("a",))


def test_simulated_people_train_with_rest_and_without_mains() -> None:
    people = load("sim:people=1,sessions=1")
    assert people.labels[0] == "rest"
    assert len(people.labels) == 6
    assert people.mains_hz == 50.0
    task = prepare("se_resnet", tiny("se_resnet", "validation=0", "dsp.band_hz=20,400"), (), people)
    assert task.design.spec.notch_hz == 50.0
    assert task.config["classes"] == 6
    crops = Crops(task.track, [0], task.design.spec.window)
    _, labels, _ = crops.draw(6000, torch.Generator().manual_seed(0))
    assert torch.bincount(labels, minlength=6).min() > 850


def test_a_simulation_is_named_by_people_and_sessions() -> None:
    collection = open_collection("sim:people=1-2,5,sessions=3")
    assert [(entry.person, entry.session) for entry in collection.entries] == [(1, 3), (2, 3), (5, 3)]
    with pytest.raises(ValueError, match="at 'person'"):
        open_collection("sim:person=3")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(-1, 3), min_size=1, max_size=60), st.integers(1, 60), st.sampled_from([0.0, 0.5, 0.75, 1.0])
)
def test_majority_is_the_obvious_one(marks: list[int], length: int, purity: float) -> None:
    length = min(length, len(marks))
    names = ("a", "b", "c", "d")
    labels = np.array(marks, np.int16)
    recording = Recording(INFO, np.zeros((len(marks), 8), np.float32), names, labels)
    answers = majority(labels, length, purity)
    assert len(answers) == len(marks) - length + 1
    for first, answer in enumerate(answers):
        said = recording.label(first, first + length)
        expected = UNLABELLED if said is None else names.index(said)
        if (labels[first : first + length] == expected).sum() < purity * length:
            expected = UNLABELLED
        assert answer == expected


def test_no_window_touches_a_gap() -> None:
    gaps = ((20, 1), (40, 5))
    whole = Recording(INFO, np.zeros((100, 8), np.float32), ("a",), np.zeros(100, np.int16), gaps=gaps)
    made = track(design(DspSpec(INFO.rate_hz, band_hz=None)), [whole], ["a"])
    answers = majority(made.labels, 10, 0.5)
    expected = [-1 if any(f < first + 10 and first < f + count for f, count in gaps) else 0 for first in range(91)]
    assert answers.tolist() == expected


def test_a_track_with_gaps_holds_the_windows_that_a_replay_gives() -> None:
    gaps = ((130, 7), (400, 50), (700, 21))
    samples = np.random.default_rng(0).normal(size=(1000, 8)).astype(np.float32) * 50 + 200
    for first, count in gaps:
        draw_line(samples, first, count)
    made_of = design(DspSpec(INFO.rate_hz, band_hz=(20.0, 90.0)))
    whole = Recording(INFO, samples, ("a",), np.zeros(1000, np.int16), gaps=gaps)
    made = track(made_of, [whole], ["a"])
    source, pipeline, seen = Replay(whole, None), Pipeline(made_of), 0
    while (chunk := source.read()) is not None:
        for window in pipeline.feed(chunk):
            assert window.samples.tobytes() == made.samples[window.first : window.end].tobytes()
            seen += 1
    assert seen > 10


def test_drawn_windows_are_slices_with_their_label(task: Task) -> None:
    recordings = task.corpus.indices(task.split.train)
    crops = Crops(task.track, recordings, 50)
    windows, labels, _ = crops.draw(200, torch.Generator().manual_seed(1))
    assert windows.shape == (200, 8, 50)
    rows = {
        task.track.samples[first, :].tobytes(): first
        for index in recordings
        for first in range(int(task.track.starts[index]), int(task.track.starts[index + 1]))
    }
    for window, label in zip(windows.numpy(), labels.tolist(), strict=True):
        place = rows[np.ascontiguousarray(window[:, 0]).tobytes()]
        assert np.array_equal(window.T, task.track.samples[place : place + 50])
        assert task.track.labels[place] == label


def test_no_window_is_an_error(task: Task) -> None:
    with pytest.raises(ValueError, match=r"shorten dsp\.window_ms"):
        Crops(task.track, [0, 1], 513)


def test_golden_windows_are_of_every_gesture(task: Task) -> None:
    places, labels = task.windows(task.split.train)
    length = task.design.spec.window
    known = {task.track.samples[p : p + length].tobytes(): int(label) for p, label in zip(places, labels, strict=True)}
    assert {known[window.tobytes()] for window in golden(task)} == set(range(len(task.corpus.labels)))
