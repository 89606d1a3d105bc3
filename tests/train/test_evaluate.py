"""Evaluation and prediction: figures that agree with counting by hand, files that are whole."""

from __future__ import annotations

import csv
import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from devices.files import save_npz
from devices.recording import Recording
from dsp.flow import Chunk, StreamInfo
from dsp.pipeline import Pipeline, filtered
from dsp.storage import whole, write_json
from models.ensemble import load_ensemble
from models.listing import checkpoint_in
from models.networks import load_networks
from tests.train.conftest import TINY, tiny, write_trial
from train import metrics
from train.corpus import load
from train.ensemble import combine
from train.evaluate import evaluate, say_report
from train.fit import fit
from train.predict import predict


@pytest.fixture(scope="module")
def pair(synapse_like: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ensemble of two tiny members, trained on people 1-3."""
    root = tmp_path_factory.mktemp("runs")
    corpus = load(str(synapse_like), (1, 2, 3), cache=False)
    for name, changes in (("se_resnet", ()), ("se_resnet_mixup", ("seed=1",))):
        fit(name, tiny(name, "epochs=4", *changes), (*TINY, *changes), corpus, root / name)
    combine([root / "se_resnet", root / "se_resnet_mixup" / "checkpoint"], [0.45, 0.55], root / "pair")
    return root / "pair"


def test_an_ensemble_stands_alone(pair: Path) -> None:
    classifier = load_networks(pair, device="cpu")
    assert classifier.member_names == ("se_resnet", "se_resnet_mixup")
    assert classifier.weights == pytest.approx((0.45, 0.55))
    assert classifier.provenance["people"] == [1, 2, 3]
    assert {path.name for path in pair.iterdir()} == {"ensemble.json", "se_resnet", "se_resnet_mixup"}


def test_an_ensemble_that_does_not_fit_leaves_nothing(pair: Path, tmp_path: Path) -> None:
    for members, weights, sentence in (
        ([pair / "se_resnet"], [0.5, 0.5], "1 members but 2 weights"),
        ([pair / "se_resnet", pair / "se_resnet"], None, "share a name"),
        ([pair / "se_resnet", pair / "nobody"], None, "nothing of that name"),
        ([pair / "se_resnet"], [0.0], "above zero"),
    ):
        with pytest.raises(ValueError, match=sentence):
            combine(members, weights, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_ensemble_with_a_member_that_computes_otherwise_is_not_made(pair: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(pair / "se_resnet", tmp_path / "changed")
    golden = load_file(changed / "golden.safetensors")
    save_file({**golden, "logits": golden["logits"] + 1}, changed / "golden.safetensors")
    card = json.loads((changed / "model.json").read_text())
    card["sha256"]["golden.safetensors"] = sha256((changed / "golden.safetensors").read_bytes()).hexdigest()
    (changed / "model.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="'changed' gives other logits"):
        combine([pair / "se_resnet", changed], None, tmp_path / "out")
    with pytest.raises(ValueError, match="lies inside the member"):
        combine([pair / "se_resnet"], None, pair / "se_resnet" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["changed"]


def by_hand(pair: Path, data: Path, person: int) -> dict[str, float]:
    """Streams every trial of a person and counts."""
    classifier = load_networks(pair, device="cpu", views=True)
    corpus = load(str(data), (person,))
    right: dict[str, list[bool]] = {"window": [], "trial": []}
    for entry, recording in zip(corpus.entries, corpus.recordings, strict=True):
        stream = Pipeline(classifier.design).feed(Chunk(recording.samples, 0))
        answers = classifier.batch(np.stack([window.samples.copy() for window in stream]))
        truth = classifier.labels.index(str(entry.gesture))
        right["window"] += [bool(answer == truth) for answer in answers.argmax(1)]
        right["trial"].append(bool(answers.mean(0).argmax() == truth))
    return {key: float(np.mean(values)) for key, values in right.items()}


def test_the_report_agrees_with_counting_by_hand(pair: Path, synapse_like: Path, tmp_path: Path) -> None:
    report = evaluate(pair, str(synapse_like), "unseen", (4,), out=tmp_path, device="cpu")
    counted = by_hand(pair, synapse_like, 4)
    assert report["window_accuracy"] == pytest.approx(counted["window"])
    assert report["trial_accuracy"] == pytest.approx(counted["trial"])
    assert list(report["variants"]) == ["se_resnet", "se_resnet_mixup", "ensemble", "ensemble+views"]
    assert report["variants"]["ensemble+views"]["macro_f1"] == report["macro_f1"]
    assert set(report["per_gesture"]) == {f"gesture0{g}" for g in range(5)}
    assert report["per_person"]["4"]["trial_accuracy"] == report["trial_accuracy"]
    assert report["trials"] == 10
    assert report["windows"] == 40
    assert report["seen_people"] == []
    assert json.loads((tmp_path / "report.json").read_text()) == report
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {"confusion_windows.png", "confusion_trials.png", "per_gesture.png", "per_person.png"}
    assert "ensemble+views" in say_report(report)


def test_the_whole_trial_is_one_pass(pair: Path, synapse_like: Path) -> None:
    report = evaluate(pair, str(synapse_like), "unseen", (4,), device="cpu")
    classifier = load_networks(pair, device="cpu")
    corpus = load(str(synapse_like), (4,))
    pieces = np.stack([filtered(classifier.design, recording.samples) for recording in corpus.recordings])
    truth = [classifier.labels.index(str(entry.gesture)) for entry in corpus.entries]
    answers = classifier.batch(pieces, views=True).argmax(1)
    assert report["trial_accuracy_whole"] == pytest.approx(np.mean(answers == truth))


def test_people_who_were_trained_on_are_named(
    pair: Path, synapse_like: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(pair, str(synapse_like), "unseen", (3, 4), device="cpu")
    assert report["seen_people"] == [3]
    assert "trained on people 3" in capsys.readouterr().err


def test_new_day_takes_the_third_session_of_everybody(pair: Path, synapse_like: Path) -> None:
    report = evaluate(pair, str(synapse_like), "new-day", device="cpu")
    assert report["sessions"] == [3]
    assert report["people"] == [1, 2, 3, 4]
    assert report["seen_people"] == [1, 2, 3]  # these members were trained on that day as well


def test_one_checkpoint_has_two_variants(pair: Path, synapse_like: Path) -> None:
    report = evaluate(pair / "se_resnet", str(synapse_like), "unseen", (4,), device="cpu")
    assert list(report["variants"]) == ["se_resnet", "se_resnet+views"]


def test_the_folder_of_a_run_means_its_checkpoint(pair: Path) -> None:
    run = pair.parent / "se_resnet"
    assert checkpoint_in(run) == run / "checkpoint"
    assert checkpoint_in(pair) == pair


def test_continuous_recordings_have_windows_but_no_trials(tmp_path: Path) -> None:
    corpus = load("sim:people=1,sessions=1")
    fit("se_resnet", tiny("se_resnet", "epochs=1", "validation=0", "dsp.band_hz=20,400"), (), corpus, tmp_path)
    report = evaluate(tmp_path, "sim:people=1,sessions=1", "unseen", (1,), device="cpu")
    assert report["trial_accuracy"] is None
    assert report["trial_accuracy_whole"] is None
    assert 0 <= report["window_accuracy"] <= 1
    assert "rest" in report["per_gesture"]
    assert report["seen_people"] == [1]
    say_report(report)


def made_up(path: Path, rate_hz: float) -> str:
    labels = np.zeros(1000, np.int16)
    samples = np.random.default_rng(0).standard_normal((1000, 8)).astype(np.float32)
    info = StreamInfo("made up", rate_hz, tuple(f"ch{number}" for number in range(1, 9)))
    save_npz(path / "wave.npz", Recording(info, samples, ("wave",), labels, person="1", session="1"))
    return str(path)


def test_foreign_gestures_are_refused(pair: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="show wave, but the checkpoint knows gesture00"):
        evaluate(pair, made_up(tmp_path, 512.0), "unseen", (1,), device="cpu")


def test_another_rate_is_refused(pair: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="recorded at 250 Hz, but the processing was designed for 512 Hz"):
        predict(made_up(tmp_path, 250.0), pair, tmp_path / "out", device="cpu")


def answered(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_prediction_answers_every_recording(pair: Path, synapse_like: Path, tmp_path: Path) -> None:
    summary = predict(str(synapse_like / "Session1"), pair, tmp_path, device="cpu")
    rows = answered(tmp_path / "submission.csv")
    assert list(rows[0]) == ["id", "label", "confidence"]
    assert len(rows) == summary["recordings"] == 20
    assert rows[0]["id"] == "session1_subject_1/gesture00_trial01.csv"
    assert all(0.2 <= float(row["confidence"]) <= 1 for row in rows)
    right = [row["label"] == Path(row["id"]).name[:9] for row in rows]
    assert summary["accuracy"] == pytest.approx(np.mean(right))
    assert {path.name for path in tmp_path.iterdir()} == set(summary["files"])
    told = json.loads((tmp_path / "predictions.json").read_text())
    assert [(one["id"], one["label"]) for one in told] == [(row["id"], row["label"]) for row in rows]
    for one in told:
        assert max(one["probabilities"].values()) == pytest.approx(one["confidence"], abs=1e-5)
        assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_a_recording_shorter_than_a_window_is_named(pair: Path, tmp_path: Path) -> None:
    write_trial(tmp_path / "session1_subject_9" / "gesture00_trial01.csv", 0, 1, samples=100)
    with pytest.raises(ValueError, match="shorter than one window of 400 ms"):
        predict(str(tmp_path), pair, tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_half_written_files_never_replace_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(path, {"kept": True})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"kept": float("nan")})
    with pytest.raises(TypeError), whole(path) as neighbour, neighbour.open("w") as file:
        json.dump({"half": object()}, file)
    assert json.loads(path.read_text()) == {"kept": True}
    assert list(tmp_path.iterdir()) == [path]


def test_scores_by_hand() -> None:
    truth, answers = np.array([0, 0, 0, 1, 1, 2, -1]), np.array([0, 0, 1, 1, 1, 0, 2])
    counts = metrics.confusion(truth, answers, 4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert metrics.accuracy(counts) == pytest.approx(4 / 6)
    assert metrics.f1(counts) == [pytest.approx(4 / 6), pytest.approx(4 / 5), 0.0, None]
    assert metrics.macro_f1(counts) == pytest.approx((4 / 6 + 4 / 5 + 0) / 3)
    nothing: Any = metrics.confusion(truth[:0], answers[:0], 4)
    assert metrics.accuracy(nothing) is None
    assert metrics.macro_f1(nothing) is None


def test_a_trial_shorter_than_a_window_is_not_counted(
    pair: Path, synapse_like: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "Session1" / "session1_subject_4"
    shutil.copytree(synapse_like / "Session1" / "session1_subject_4", folder)
    honest = evaluate(pair, str(tmp_path), "unseen", [4])
    for number in range(2, 8):
        write_trial(folder / f"gesture00_trial{number:02d}.csv", 0, number, samples=100)
    report = evaluate(pair, str(tmp_path), "unseen", [4])
    assert "6 recordings are shorter than a window" in capsys.readouterr().err
    assert (report["trials"], report["recordings"]) == (5, 11)
    assert report["variants"] == honest["variants"]


def test_every_gesture_has_a_golden_window(pair: Path) -> None:
    ensemble = load_ensemble(pair)
    for member in ensemble.members:
        assert len(member.golden.windows) >= len(member.checkpoint.labels)


@pytest.mark.parametrize("name", ["ensemble", "ensemble+views"])
def test_a_member_is_not_called_like_the_whole(pair: Path, tmp_path: Path, name: str) -> None:
    member = next(path for path in pair.iterdir() if path.is_dir())
    shutil.copytree(member, tmp_path / name)
    with pytest.raises(ValueError, match="a member cannot be called"):
        combine([tmp_path / name], None, tmp_path / "whole")


def test_a_submission_is_complete_or_not_written(pair: Path, synapse_like: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "Session1" / "session1_subject_4"
    shutil.copytree(synapse_like / "Session1" / "session1_subject_4", folder)
    (folder / "gesture00_trial01.csv").write_text("ch1,ch2\n1,2\n")
    with pytest.raises(ValueError, match="a submission must be complete"):
        predict(str(tmp_path / "data"), pair, tmp_path / "out")
    assert not (tmp_path / "out" / "submission.csv").exists()
    assert len(evaluate(pair, str(tmp_path / "data"), "unseen", [4])["left_out"]) == 1
