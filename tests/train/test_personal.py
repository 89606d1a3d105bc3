"""What is measured with something known of the wearer, and what is built and measured fold by fold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dsp.flow import Window
from models.calibration import calibrate
from models.ensemble import load_ensemble
from models.listing import read_listing
from models.loading import Wanted, load_classifier
from models.networks import load_networks
from models.repetition import Repetition
from models.settling import settling
from models.wearer import read_wearers
from tests.train.conftest import SHORT, SMALL, write_trial
from train import personal
from train.answers import questions
from train.build import Plan, build
from train.cli import main
from train.corpus import load, track
from train.evaluate import evaluate
from train.folds import folds, groups, say_result
from train.settling import settled
from train.telling import repetitions, teach
from train.trials import sittings

QUICK = tuple(change for change in SHORT if change != "validation=1")
ALONE = Plan(("tangent",), (1.0,), (*QUICK, "model.differences=1", "model.hidden=32", "epochs=6"))
PAIR = Plan(("se_resnet", "se_resnet_mixup"), (0.6, 0.4), (*QUICK, *SMALL["se_resnet"]))

GESTURES, TRIALS = 3, 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five people, two sessions, three gestures, four trials of a second."""
    root = tmp_path_factory.mktemp("data") / "synapse-like"
    for person in range(1, 6):
        for session in (1, 3):
            for gesture in range(GESTURES):
                for trial in range(1, TRIALS + 1):
                    folder = root / f"Session{session}" / f"session{session}_subject_{person}"
                    seed = ((10 * person + session) * 10 + gesture) * 10 + trial
                    write_trial(folder / f"gesture{gesture:02d}_trial{trial:02d}.csv", 2 * gesture, seed)
    return root


@pytest.fixture(scope="module")
def built(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network that can be trained on."""
    root = tmp_path_factory.mktemp("built")
    build(ALONE, str(data), (1, 2, 3), None, root / "whole", root / "runs", device="cpu")
    return root / "whole"


@pytest.fixture(scope="module")
def pair(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pair")
    build(PAIR, str(data), (1, 2, 3), None, root / "whole", root / "runs", device="cpu")
    return root / "whole"


def test_what_is_built_votes_and_knows_how_its_people_differ(pair: Path) -> None:
    ensemble = load_ensemble(pair)
    assert [member.name for member in ensemble.members] == ["se_resnet", "se_resnet_mixup"]
    assert [member.weight for member in ensemble.members] == pytest.approx([0.6, 0.4])
    wearers = read_wearers(read_listing(pair))
    assert wearers is not None
    assert wearers.provenance["people"] == [1, 2, 3]
    assert wearers.population.means.shape[0] == GESTURES
    assert sorted(path.name for path in pair.iterdir()) == [
        "ensemble.json", "se_resnet", "se_resnet_mixup", "wearers.json", "wearers.safetensors",
    ]  # fmt: skip


def test_building_again_trains_nothing_again_and_keeps_what_else_is_there(
    built: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (built / "README.md").write_text("a card")
    (built / "engines").mkdir()
    before = (built / "tangent" / "model.safetensors").read_bytes()
    build(ALONE, str(data), (1, 2, 3), None, built, built.parent / "runs", device="cpu")
    assert "tangent is trained already" in capsys.readouterr().err
    assert (built / "tangent" / "model.safetensors").read_bytes() == before
    assert (built / "README.md").read_text() == "a card"
    assert not (built / "engines").exists()
    (built / "README.md").unlink()


def test_nothing_foreign_is_replaced(data: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="is no ensemble, so it is not replaced"):
        build(ALONE, str(data), (1, 2, 3), None, tmp_path, tmp_path / "runs")
    for recipes, weights, said in (
        (("tangent", "none"), (1.0, 1.0), "'none' is no recipe"),
        (("tangent", "tangent"), (1.0, 1.0), "share a name"),
        (("tangent",), (1.0, 2.0), "1 members but 2 weights"),
    ):
        with pytest.raises(ValueError, match=said):
            Plan(recipes, weights)


@pytest.mark.parametrize("protocol", personal.PROTOCOLS)
def test_every_protocol_counts_what_it_says(protocol: str, built: Path, data: Path, tmp_path: Path) -> None:
    report = personal.evaluate(built, str(data), protocol, (4, 5), out=tmp_path / "out", device="cpu")
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(json.dumps(report))
    days = 1 if protocol == "new-day-adaptive" else 2
    trials = {"calibrated-1": TRIALS - 1, "calibrated-2": TRIALS - 2, "calibrated-3-short": TRIALS - 3}
    kind = protocol.removesuffix("-adaptive")
    each = trials[kind] * GESTURES if kind in trials else TRIALS * GESTURES - personal.WARMING
    assert report["trials"] == each * days * 2
    assert len(report["per_sitting"]) == days * 2
    assert set(report["per_person"]) == {"4", "5"}
    low, high = report["intervals"]["window_accuracy"]
    assert low <= report["window_accuracy"] <= high
    worst = report["worst_sitting"]["trial_accuracy"]
    assert worst == min(one["trial_accuracy"] for one in report["per_sitting"].values())
    table = personal.say_report(report)
    assert "person 4" in table
    assert "95 % over people" in table


def test_a_short_repetition_is_its_middle():
    windows = np.arange(29, dtype=np.float32)[:, None, None]
    assert personal.middle(windows, None) is windows
    assert personal.middle(windows, 30) is windows
    assert personal.middle(windows, 7).ravel().tolist() == [11, 12, 13, 14, 15, 16, 17]


def test_calibration_helps_and_before_is_what_evaluation_says(built: Path, data: Path) -> None:
    report = personal.evaluate(built, str(data), "calibrated-2", (4, 5), device="cpu")
    assert report["window_accuracy"] > max(0.8, report["window_accuracy_before"] - 0.05)
    # Nothing adapts within the first trials, so over all of them the networks alone are as under unseen.
    whole = evaluate(built, str(data), "unseen", (4, 5), device="cpu")
    networks = load_networks(built, device="cpu")
    corpus = load(str(data), (4, 5), cache=False)
    filtered = track(networks.design, corpus.recordings, networks.labels)
    spec = networks.design.spec
    asked = questions(filtered, corpus.entries, spec.window, spec.hop)
    hits = [
        networks.batch(rows).argmax(1) == label
        for sitting in sittings(filtered, corpus, asked, spec.window)
        for rows, label in zip(sitting.windows, sitting.truth, strict=True)
    ]
    assert np.concatenate(hits).mean() == pytest.approx(whole["window_accuracy"])


def test_a_calibrated_checkpoint_is_measured_with_its_wearer(built: Path, data: Path, tmp_path: Path) -> None:
    networks = load_networks(built, device="cpu")
    corpus = load(str(data), (4,), (1,), cache=False)
    filtered = track(networks.design, corpus.recordings, networks.labels)
    spec = networks.design.spec
    asked = questions(filtered, corpus.entries, spec.window, spec.hop)
    (sitting,) = sittings(filtered, corpus, asked, spec.window)
    shown = [
        Repetition(networks.labels[label], windows)
        for label, windows in zip(sitting.truth, sitting.windows, strict=True)
    ]
    calibrate(built, shown, tmp_path / "mine", "a test")
    report = evaluate(tmp_path / "mine", str(data), "unseen", (4,), device="cpu")
    assert list(report["variants"])[-1] == "calibrated"
    assert report["window_accuracy"] == report["variants"]["calibrated"]["window_accuracy"] > 0.8
    with pytest.raises(ValueError, match="calibrated for somebody already"):
        personal.evaluate(tmp_path / "mine", str(data), "calibrated-1", (4,), device="cpu")


def test_what_is_live_is_what_is_measured(built: Path, data: Path) -> None:
    """With a network that follows the wearer beside the engine."""
    listing, networks = read_listing(built), load_networks(built, device="cpu", views=False)
    corpus = load(str(data), (4,), (1,), cache=False)
    spec = networks.design.spec
    filtered = track(networks.design, corpus.recordings, networks.labels)
    asked = questions(filtered, corpus.entries, spec.window, spec.hop)
    (sitting,) = sittings(filtered, corpus, asked, spec.window)
    windows = np.concatenate(sitting.windows)
    classifier = load_classifier(built, Wanted("torch", "cpu", views=False, adapt=True))
    said = []
    for place, samples in enumerate(windows):
        first = place * 2 * spec.window
        said.append(classifier(Window(samples, first, first + spec.window)))
        classifier.learn()
    wearers = read_wearers(listing)
    assert wearers is not None
    adaptation = settling(listing, wearers)()
    cold = networks.batch(windows)
    np.testing.assert_allclose(settled(networks, adaptation, windows, cold), said, atol=1e-3)
    assert adaptation.state.followed[0] == len(adaptation.state.blocks) > 0
    assert np.abs(np.array(said) - cold).max() > 0.05


def test_going_on_after_a_calibration_begins_with_it(built: Path, data: Path) -> None:
    given = {
        protocol: personal.evaluate(built, str(data), protocol, (4, 5), device="cpu")
        for protocol in ("calibrated-1", "calibrated-1-adaptive")
    }
    assert given["calibrated-1"]["window_accuracy_before"] == given["calibrated-1-adaptive"]["window_accuracy_before"]
    assert given["calibrated-1-adaptive"]["window_accuracy"] > given["calibrated-1"]["window_accuracy"] - 0.05


def test_people_it_was_taught_by_are_no_strangers(built: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = personal.evaluate(built, str(data), "unseen-adaptive", (3, 4), device="cpu")
    assert report["seen_people"] == [3]
    assert "was trained on people 3" in capsys.readouterr().err


def test_a_checkpoint_that_knows_nobody_is_told_how_to_learn(built: Path, data: Path) -> None:
    alone = built / "tangent"
    with pytest.raises(ValueError, match=r"does not know how wearers differ.*python -m train wearers"):
        personal.evaluate(alone, str(data), "calibrated-1", (4,), device="cpu")


def test_teaching_is_a_command(built: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = built.parent / "runs" / "tangent"
    with pytest.raises(SystemExit, match="0"):
        main(["wearers", "--checkpoint", str(alone), "--data", str(data), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["people"] == [1, 2, 3]
    assert said["sessions"] == [1, 3]
    assert (alone / "checkpoint" / "wearers.json").is_file()
    with pytest.raises(ValueError, match="at least two people, or days"):
        teach(alone, str(data), (1,), (1,))
    asked = ["--data", str(data), "--protocol", "calibrated-1", "--people", "4"]
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", "--checkpoint", str(alone), *asked])
    assert "person 4" in capsys.readouterr().out


def test_repetitions_are_runs_of_one_label_in_one_recording(data: Path, built: Path) -> None:
    networks = load_networks(built, device="cpu")
    corpus = load(str(data), (1,), (1,), cache=False)
    filtered = track(networks.design, corpus.recordings, networks.labels)
    asked = questions(filtered, corpus.entries, networks.design.spec.window, networks.design.spec.hop)
    found = repetitions(asked)
    assert len(np.unique(found)) == GESTURES * TRIALS
    np.testing.assert_array_equal(found, asked.owner)


def test_everybody_is_a_stranger_once() -> None:
    for people, count in ((range(1, 21), 5), (range(1, 8), 3), (range(1, 3), 2)):
        found = groups(list(people), count, 3)
        assert sorted(person for group in found for person in group) == list(people)
        assert len(found) == count
    assert groups(range(1, 21), 5)[-1] == (17, 18, 19, 20)
    assert groups(range(1, 21), 5, 1) != groups(range(1, 21), 5, 2)
    with pytest.raises(ValueError, match="3 folds of 2 people"):
        groups([1, 2], 3)


def test_folds_go_on_where_they_stopped(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("unseen", "calibrated-1")
    some = {"count": 2, "protocols": asked, "device": "cpu"}
    assert folds(ALONE, str(data), (1, 2, 3, 4), tmp_path, only=(2,), **some) is None  # type: ignore[arg-type]
    assert "2 of 4 reports are still to come" in capsys.readouterr().err
    mark = (tmp_path / "fold2" / "unseen.json").stat().st_mtime_ns
    result = folds(ALONE, str(data), (1, 2, 3, 4), tmp_path, **some)  # type: ignore[arg-type]
    assert (tmp_path / "fold2" / "unseen.json").stat().st_mtime_ns == mark
    assert result is not None
    assert set(result["protocols"]) == set(asked)
    assert set(result["protocols"]["unseen"]["per_person"]) == {"1", "2", "3", "4"}
    assert "worst_sitting" in result["protocols"]["calibrated-1"]
    assert json.loads((tmp_path / "folds.json").read_text())["folds"] == result["folds"]
    assert "calibrated-1" in say_result(result)
    with pytest.raises(ValueError, match="cannot be measured by folds"):
        folds(ALONE, str(data), (1, 2, 3, 4), tmp_path, protocols=("new-day",))
