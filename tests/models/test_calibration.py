"""From labelled repetitions to a checkpoint that knows the wearer, or a clear refusal; never anything in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dsp.flow import Window
from models import families
from models.calibration import SURER, calibrate, check_out, doubts
from models.checkpoint import Checkpoint, load, save
from models.ensemble import load_ensemble, save_ensemble
from models.evidence import arrangements
from models.examination import check_complete, examine
from models.listing import read_listing
from models.loading import Wanted, load_classifier
from models.networks import load_networks
from models.personal import personalise
from models.population import Population
from models.refit import fronted, refit
from models.repetition import Repetition
from models.wearer import CARD, Wearers, read_wearers, write_wearers
from tests.models.conftest import LABELS, lived_in
from tests.models.hostile import hostile
from tests.models.people import People


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
def known(people: People) -> Population:
    return people.population()


@pytest.fixture
def taught(tmp_path: Path, make: Callable[..., nn.Module], known: Population) -> Path:
    """An ensemble of a convolution network and a tangent network that knows how wearers differ."""
    root = tmp_path / "taught"
    make(root / "a", 1)
    checkpoint = load(root / "a")[0]
    config = {"channels": 4, "classes": 3, "differences": 1, "hidden": [16]}
    module = lived_in(families.build("tangent", config), 3)
    golden = np.random.default_rng(0).standard_normal((2, 80, 4)).astype(np.float32)
    save(root / "b", Checkpoint("tangent", config, LABELS, checkpoint.design), module, golden)
    save_ensemble(root, [("a", 1), ("b", 2)], {"recipe": "test"})
    write_wearers(root, read_listing(root), Wearers(known, {"people": [1]}))
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def accuracy(path: Path, people: People, person: int) -> float:
    classifier = load_classifier(path, Wanted(engine="torch", device="cpu"))
    hits = [
        classifier.batch(people.windows(person, gesture, turn)).argmax(1) == gesture
        for gesture in range(len(LABELS))
        for turn in range(50, 53)
    ]
    return float(np.mean(hits))


def test_it_knows_the_wearer_and_leaves_the_original_alone(taught: Path, people: People, tmp_path: Path) -> None:
    before = contents(taught)
    outcome = calibrate(taught, people.repetitions(100, 2), tmp_path / "mine", "a test")
    assert contents(taught) == before
    assert accuracy(tmp_path / "mine", people, 100) > max(0.9, accuracy(taught, people, 100))
    assert outcome.after > 0.9 > outcome.before
    for old, new in zip(read_listing(taught).cards, read_listing(tmp_path / "mine").cards, strict=True):
        assert new.decision == replace(old.decision, temperature=old.decision.temperature / SURER)
    assert outcome.order is None
    assert outcome.left_out == ()
    assert set(outcome.per_gesture) == set(LABELS)
    assert "the last repetition" in outcome.measured_on
    said = json.loads((tmp_path / "mine" / "ensemble.json").read_text())["provenance"]
    assert said["calibrated"]["source"] == "a test"
    assert said["calibrated"]["repetitions"] == dict.fromkeys(LABELS, 2)
    assert said["recipe"] == "test"


def test_one_repetition_is_measured_on_its_own_second_half(taught: Path, people: People, tmp_path: Path) -> None:
    outcome = calibrate(taught, people.repetitions(101), tmp_path / "mine", "a test")
    assert "flattering" in outcome.measured_on
    assert accuracy(tmp_path / "mine", people, 101) > 0.8


def test_live_and_offline_say_the_same(taught: Path, people: People, tmp_path: Path) -> None:
    calibrate(taught, people.repetitions(100), tmp_path / "mine", "a test")
    classifier = load_classifier(tmp_path / "mine", Wanted(engine="torch", device="cpu"))
    windows = people.windows(100, 1, 60)
    one_by_one = [classifier(Window(window, 80 * n, 80 * n + 80)) for n, window in enumerate(windows)]
    np.testing.assert_allclose(np.stack(one_by_one), classifier.batch(windows), atol=1e-5)
    offline = load_networks(tmp_path / "mine", device="cpu")
    np.testing.assert_allclose(offline.batch(windows), classifier.batch(windows), atol=1e-5)
    personal = personalise(load_ensemble(taught), people.population(), LABELS, people.repetitions(100))
    np.testing.assert_allclose(personal.answers(windows), classifier.batch(windows), atol=2e-3)


def test_a_calibrated_checkpoint_goes_on_adapting(taught: Path, people: People, tmp_path: Path) -> None:
    calibrate(taught, people.repetitions(100), tmp_path / "mine", "a test")
    with pytest.raises(ValueError, match="is calibrated for somebody already"):
        doubts(tmp_path / "mine", [])
    classifier = load_classifier(tmp_path / "mine", Wanted(engine="torch", device="cpu", adapt=True))
    assert classifier.adaptation is not None
    assert len(classifier.adaptation.state.blocks) == len(LABELS)
    assert classifier.adaptation.share > 0
    classifier.warm_up(1)
    assert len(classifier.adaptation.state.blocks) == len(LABELS)


def test_a_turned_armband_is_found_and_turned_back(taught: Path, people: People, tmp_path: Path) -> None:
    worn = arrangements(4)[6]
    back = list(np.argsort(worn))
    shown = [one._replace(windows=one.windows[:, :, back]) for one in people.repetitions(101)]
    outcome = calibrate(taught, shown, tmp_path / "mine", "a test")
    assert outcome.order == worn
    assert any("the other way round" in note for note in outcome.notes)
    classifier = load_classifier(tmp_path / "mine", Wanted(engine="torch", device="cpu"))
    windows = people.windows(101, 2, 60)[:, :, back]
    assert (classifier.batch(windows).argmax(1) == 2).mean() > 0.7
    one = classifier(Window(windows[0], 0, 80))
    np.testing.assert_allclose(one, classifier.batch(windows[:1])[0], atol=1e-5)
    offline = load_networks(tmp_path / "mine", device="cpu")
    np.testing.assert_allclose(offline.batch(windows), classifier.batch(windows), atol=1e-5)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda some: some[1:], "no usable repetition of fist"),
        (lambda some: some[:0], "no usable repetition of fist, open, point"),
        (lambda some: [one._replace(windows=one.windows[:2]) for one in some], "held for 2 windows"),
        (lambda some: [some[0]._replace(gesture="thumb"), *some[1:]], "no usable repetition of fist"),
        (lambda some: [one._replace(windows=one.windows * np.float32(0)) for one in some], "channel 1 is flat"),
        (lambda some: [one._replace(windows=one.windows * np.nan) for one in some], "no numbers"),
        (
            lambda some: [some[0]._replace(gesture="open"), some[1]._replace(gesture="fist"), some[2]],
            "seem to be mixed up: what is called",
        ),
        (
            lambda some: [
                one._replace(windows=np.random.default_rng(0).normal(0, 1e-3, one.windows.shape).astype(np.float32))
                for one in some
            ],
            "like no gesture of anybody's",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    spoil: Callable[[list[Repetition]], list[Repetition]], said: str, taught: Path, people: People, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        calibrate(taught, spoil(people.repetitions(102)), tmp_path / "mine", "a test")
    assert not (tmp_path / "mine").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taught"]


def test_one_bad_repetition_of_several_is_left_out(taught: Path, people: People, tmp_path: Path) -> None:
    shown = people.repetitions(103, 3)
    shown[3] = shown[3]._replace(windows=shown[4].windows)
    shown[7] = shown[7]._replace(windows=shown[7].windows * np.nan)
    outcome = calibrate(taught, shown, tmp_path / "mine", "a test")
    assert [doubt.number for doubt in outcome.left_out] == [3, 7]
    assert "looks like open" in outcome.left_out[0].reason
    assert accuracy(tmp_path / "mine", people, 103) > 0.8


def test_doubts_are_raised_one_by_one(taught: Path, people: People) -> None:
    shown = people.repetitions(104, 2)
    assert doubts(taught, []) == []
    for count in range(1, len(shown) + 1):
        assert doubts(taught, shown[:count]) == []
    shown[4] = shown[4]._replace(windows=shown[0].windows)
    assert [(doubt.number, doubt.gesture) for doubt in doubts(taught, shown)] == [(4, "open")]


def test_only_a_calibration_is_overwritten(taught: Path, people: People, tmp_path: Path) -> None:
    for place in (taught, taught / "inside"):
        with pytest.raises(ValueError, match="or inside it"):
            check_out(place, taught)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="not overwritten"):
        calibrate(taught, people.repetitions(100), other, "a test")
    mine = tmp_path / "mine"
    calibrate(taught, people.repetitions(100), mine, "first")
    first = contents(mine)
    calibrate(taught, people.repetitions(101), mine, "second")
    assert contents(mine).keys() == first.keys()
    assert contents(mine)[CARD] != first[CARD]
    with pytest.raises(ValueError, match="not overwritten"):
        check_out(taught, mine)


def test_a_checkpoint_that_knows_nobody_cannot_be_calibrated(ensemble: Path, people: People, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"does not know how wearers differ.*python -m train wearers"):
        calibrate(ensemble, people.repetitions(100), tmp_path / "mine", "a test")
    with pytest.raises(ValueError, match=r"does not know how wearers differ.*python -m train wearers"):
        load_classifier(ensemble, Wanted(engine="torch", device="cpu", adapt=True))


def test_the_same_repetitions_make_the_same_checkpoint(taught: Path, people: People, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    for name in ("one", "two"):
        calibrate(taught, people.repetitions(100), tmp_path / name, "a test")
        torch.rand(3)
    torch.random.set_rng_state(state)
    one, two = (
        load_networks(tmp_path / name, device="cpu").batch(people.windows(100, 0, 9)) for name in ("one", "two")
    )
    np.testing.assert_array_equal(one, two)


def test_refit_leaves_the_module_alone(taught: Path, people: People) -> None:
    a, b = (member.module for member in load_ensemble(taught).members)
    assert not fronted(a)
    for module in (b,):
        before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        windows = np.concatenate([one.windows for one in people.repetitions(100)])
        labels = np.repeat(np.arange(3), 8)
        trained = refit(module, windows, labels, 3)
        assert not trained.training
        for name, tensor in module.state_dict().items():
            assert torch.equal(tensor, before[name])
        x = torch.from_numpy(np.ascontiguousarray(windows.transpose(0, 2, 1)))
        with torch.inference_mode():
            losses = [
                nn.functional.cross_entropy(one(x), torch.from_numpy(labels)).item() for one in (module.eval(), trained)
            ]
        assert losses[1] < losses[0]


def test_where_no_network_can_be_trained_on_the_gestures_speak(
    make: Callable[..., nn.Module], known: Population, people: People, tmp_path: Path
) -> None:
    make(tmp_path / "alone", 1)
    write_wearers(tmp_path / "alone", read_listing(tmp_path / "alone"), Wearers(known, {}))
    calibrate(tmp_path / "alone", people.repetitions(100), tmp_path / "mine", "a test")
    assert accuracy(tmp_path / "mine", people, 100) > 0.9
    one, other = (load_networks(tmp_path / name, device="cpu") for name in ("alone", "mine"))
    windows = people.windows(100, 0, 0)
    np.testing.assert_array_equal(one.batch_members(windows), other.batch_members(windows))


def verdict(known: Population, shown: list[Repetition]) -> str:
    """Refused, in a sentence, or "" where what is left may be learnt from."""
    try:
        seen = examine(known, LABELS, shown)
        check_complete(known, LABELS, seen)
    except ValueError as error:
        return str(error)
    assert all(np.isfinite(one.windows).all() for one in seen.used)
    return ""


def test_a_thousand_hostile_calibrations_are_refused_or_usable(known: Population, people: People) -> None:
    """Most refusals come before anything is trained; ``tests.bench hostile`` looks at ten thousand, and trains too."""
    rng = np.random.default_rng(5)
    with np.errstate(over="ignore", invalid="ignore"):
        found = [verdict(known, hostile(rng, people)) for _ in range(1000)]
    refused = [sentence for sentence in found if sentence]
    assert 200 < len(refused) < 900
    assert all(len(sentence) > 30 for sentence in refused)


def test_what_passes_is_usable(taught: Path, known: Population, people: People) -> None:
    """The gestures as such, without the networks: finite, and better than chance on what was shown."""
    rng = np.random.default_rng(6)
    ensemble = load_ensemble(taught)._replace(members=load_ensemble(taught).members[1:])
    used: list[NDArray[np.bool_]] = []
    while len(used) < 12:
        shown = hostile(rng, people)
        seen = examine(known, LABELS, shown)
        try:
            check_complete(known, LABELS, seen)
        except ValueError:
            continue
        personal = personalise(ensemble, known, LABELS, seen.used, seen.order)
        hits = [personal.answers(one.windows).argmax(1) == LABELS.index(one.gesture) for one in seen.used]
        assert np.mean(np.concatenate(hits)) > 0.6
        used.append(np.concatenate(hits))


def test_read_after_write(taught: Path, people: People, tmp_path: Path) -> None:
    calibrate(taught, people.repetitions(100, 2), tmp_path / "mine", "a test")
    read = read_wearers(read_listing(tmp_path / "mine"))
    assert read is not None
    assert read.calibrated is not None
    assert read.calibrated.said["source"] == "a test"
    card = json.loads((tmp_path / "mine" / CARD).read_text())
    for order in ([0, 1, 2], [0, 0, 1, 2], "0123", [0, 1, 2, "3"], [0, 1, 2, 3.5]):
        card["calibration"]["order"] = order
        (tmp_path / "mine" / CARD).write_text(json.dumps(card))
        with pytest.raises(ValueError, match="order of its channels"):
            read_wearers(read_listing(tmp_path / "mine"))
