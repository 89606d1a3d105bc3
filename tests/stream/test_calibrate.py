"""Calibrating from recordings and from simulated people: what is cut out, what is refused, what is said."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.files import load
from devices.formats.npz import save_npz
from devices.recording import Recording
from devices.simulator import simulate
from dsp.pipeline import filtered
from models.classifier import Classifier
from models.listing import read_listing
from stream import calibrating
from tests.stream.arms import Noted
from tests.stream.conftest import HOP, RATE_HZ, WINDOW
from tests.stream.test_cli import Result, call, sentence


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    noted = Noted()
    monkeypatch.setattr(calibrating, "computing", lambda: noted)
    return noted


@pytest.fixture(scope="module")
def labelled() -> Recording:
    """Every gesture of the checkpoint twice, and one that it does not know."""
    return simulate(5, 1, repetitions=2, hold_s=2.0, rest_s=2.0, rate_hz=RATE_HZ)


@pytest.fixture(scope="module")
def path(labelled: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labelled") / "labelled.npz"
    save_npz(path, labelled)
    return path


def calibrate(checkpoint: Path, out: Path, *sources: object, **options: object) -> Result:
    given = [part for key, value in options.items() for part in (f"--{key}", *([] if value is True else [value]))]
    return call("calibrate", *sources, "--checkpoint", checkpoint, "--out", out, "--engine", "torch", *given)


def result_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    (line,) = result.stdout.splitlines()
    return json.loads(line)  # type: ignore[no-any-return]


def runs(recording: Recording) -> list[tuple[str, int, int]]:
    assert recording.labels is not None
    bounds = [0, *(np.flatnonzero(np.diff(recording.labels)) + 1).tolist(), len(recording.labels)]
    return [(recording.names[recording.labels[a]], a, b) for a, b in pairwise(bounds)]


def test_the_windows_are_those_of_the_whole_recording_within_each_run_of_a_label(
    noted: Noted, path: Path, labelled: Recording, checkpoint: Path, classifier: Classifier, tmp_path: Path
) -> None:
    said = result_of(calibrate(checkpoint, tmp_path / "arm", path, json=True))
    whole = filtered(classifier.design, load(path).samples)
    wanted = [(name, a, b) for name, a, b in runs(labelled) if name in classifier.labels]
    given = iter(noted.given)
    counts: dict[str, int] = {}
    for name, a, b in wanted:
        if counts.get(name, 0) == 3:
            continue
        counts[name] = counts.get(name, 0) + 1
        firsts = [first for first in range(0, len(whole) - WINDOW + 1, HOP) if first >= a and first + WINDOW <= b]
        gesture, windows = next(given)
        assert gesture == name
        np.testing.assert_array_equal(windows, np.stack([whole[first : first + WINDOW] for first in firsts]))
    assert next(given, None) is None
    assert said["repetitions"] == counts
    assert counts == {name: 3 if name == "rest" else 2 for name in classifier.labels}
    assert said["simulated"] is True
    assert said["source"] == noted.source == labelled.info.name
    assert read_listing(tmp_path / "arm").cards[0].labels == classifier.labels


def test_so_many_repetitions_of_each_from_several_recordings_and_from_a_zip(
    noted: Noted, path: Path, labelled: Recording, checkpoint: Path, classifier: Classifier, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.write(path, "deep/labelled.npz")
    halves = []
    for half in (slice(0, len(labelled.samples) // 2), slice(len(labelled.samples) // 2, None)):
        assert labelled.labels is not None
        halves.append(tmp_path / f"half{len(halves)}.npz")
        save_npz(halves[-1], replace(labelled, samples=labelled.samples[half], labels=labelled.labels[half]))
    for place, sources in enumerate(([tmp_path / "both.zip" / "deep" / "labelled.npz"], halves)):
        said = result_of(calibrate(checkpoint, tmp_path / f"arm{place}", *sources, json=True, repetitions=1))
        assert said["repetitions"] == dict.fromkeys(classifier.labels, 1)


def test_people_see_a_table_and_the_next_command(noted: Noted, path: Path, checkpoint: Path, tmp_path: Path) -> None:
    result = calibrate(checkpoint, tmp_path / "my arm", path)
    assert result.exit_code == 0, result.stderr
    for words in (
        "before 50.0%, calibrated 75.0%",
        "every other window",
        "left out: repetition 1, rest: it looks like another one",
        "A note.",
        f"python -m stream live DEVICE --checkpoint '{tmp_path / 'my arm'}'",
    ):
        assert words in " ".join(result.stdout.split()), words


def test_a_gesture_without_a_usable_repetition_is_named_with_what_was_wrong(
    noted: Noted, labelled: Recording, checkpoint: Path, tmp_path: Path
) -> None:
    spoilt = labelled.samples.copy()
    for name, a, b in runs(labelled):
        if name == "fist":
            spoilt[a:b, 4] = 1.0
    save_npz(tmp_path / "spoilt.npz", replace(labelled, samples=spoilt))
    said = calibrate(checkpoint, tmp_path / "arm", tmp_path / "spoilt.npz")
    assert said.exit_code == 2
    *notes, error = said.stderr.splitlines()
    assert "no usable repetition of 'fist' (channel ch5 is flat; moisten the electrode" in error
    assert sum("a repetition of fist is left out" in note for note in notes) == 2
    assert not (tmp_path / "arm").exists()
    assert noted.given == []


def test_a_simulated_person_does_as_it_is_told(
    noted: Noted, checkpoint: Path, classifier: Classifier, tmp_path: Path
) -> None:
    result = calibrate(checkpoint, tmp_path / "arm", "sim:person=5", json=True)
    said = result_of(result)
    gestures = 3 * (len(classifier.labels) - 1)
    assert said["repetitions"] == {**dict.fromkeys(classifier.labels, 3), classifier.labels[0]: gestures}
    assert said["simulated"] is True
    assert said["next"].startswith("python -m stream live sim:person=5 --checkpoint ")
    assert result.stderr.count(": good") == gestures
    windows = {one.gesture: one.windows for one in noted.given}
    quiet = float(np.abs(windows[classifier.labels[0]]).mean())
    assert all(np.abs(windows[gesture]).mean() > 2 * quiet for gesture in classifier.labels[1:])


def test_a_simulated_person_who_cannot_make_a_gesture_says_so(noted: Noted, tmp_path: Path) -> None:
    synapse = Path(__file__).parents[2] / "models" / "checkpoints" / "synapse"
    said = sentence(calibrate(synapse, tmp_path / "arm", "sim:person=5"))
    assert "the simulator does not know gesture" in said
    assert "which this checkpoint asks for; it knows fist" in said
    assert not (tmp_path / "arm").exists()


def test_what_cannot_work_is_one_sentence(
    noted: Noted, path: Path, labelled: Recording, checkpoint: Path, tmp_path: Path
) -> None:
    out, elsewhere = tmp_path / "arm", tmp_path / "photographs"
    elsewhere.mkdir()
    (elsewhere / "me.txt").write_text("precious")
    bare, other, slow = tmp_path / "bare.npz", tmp_path / "other.npz", tmp_path / "slow.npz"
    save_npz(bare, replace(labelled, names=(), labels=None))
    save_npz(other, replace(labelled, names=tuple(f"g{n}" for n in range(len(labelled.names)))))
    save_npz(slow, replace(labelled, info=replace(labelled.info, rate_hz=200.0)))
    for sources, place, options, words in (
        ([path], checkpoint, {}, "is the checkpoint that is to be calibrated"),
        ([path], elsewhere, {}, "is no calibrated checkpoint, so it is not overwritten"),
        ([path], elsewhere / "me.txt", {}, "is a file"),
        ([path, "sim:"], out, {}, "give one device, or recordings only"),
        (["sim:person=x"], out, {}, "person"),
        ([bare], out, {}, "carries no labels"),
        ([other], out, {}, "of which this checkpoint knows none"),
        ([slow], out, {}, "streams 8 channels at 200 Hz, but this checkpoint was trained on 8 at 500 Hz"),
        ([tmp_path / "nowhere.npz"], out, {}, "nowhere.npz"),
        (["sim:"], out, {"hold": 1.9}, "--hold is 1.9 s; with this checkpoint give at least 2"),
        (["sim:"], out, {"rest": 0.5}, "--rest is 0.5 s; with this checkpoint give at least 1.38"),
        (["sim:"], out, {"hold": "nan"}, "--hold"),
    ):
        assert words in sentence(calibrate(checkpoint, place, *sources, **options)), words
    assert not out.exists()
    assert [file.name for file in elsewhere.iterdir()] == ["me.txt"]
    assert noted.given == []
