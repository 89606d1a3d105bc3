"""A checkpoint trained on with one person's recordings."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.checkpoint import load
from models.decision import Settings
from models.evidence import arrangements
from models.listing import read_listing
from models.networks import load_networks
from models.wearer import CARD, read_wearers
from tests.train.conftest import SMALL, TINY, tiny
from train import recipe as recipes
from train.changes import override
from train.continuous import evaluate
from train.corpus import load as load_corpus
from train.ensemble import combine
from train.fit import fit
from train.own import COURSE, EPOCHS, STEPS, own, seated
from train.recipe import restored
from train.streams import streams
from train.telling import teach
from train.tune import redecided

CHANGES = ("validation=0", "dsp.band_hz=20,400", "dsp.hop_ms=50", "lead_ms=200", "purity=0.5", "views=false")
SETTINGS = Settings(threshold=0.6, debounce_ms=50.0)
DEMO = Path(__file__).resolve().parents[2] / "models" / "checkpoints" / "demo"
STRANGER = "sim:people=905,sessions=1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny members of two simulated people, joined, with a decision layer and knowledge of wearers."""
    root = tmp_path_factory.mktemp("own")
    corpus = load_corpus("sim:people=1-2,sessions=1", cache=False)
    for name, small in (("se_resnet", TINY), ("resnet_gru", (*TINY[:5], *SMALL["resnet_gru"]))):
        changes = (*small, *CHANGES, "epochs=6")
        fit(name, override(recipes.load(name), changes), changes, corpus, root / name, device="cpu")
    combine([root / "se_resnet", root / "resnet_gru"], [2, 1], root / "both")
    redecided(root / "both", root / "decided", SETTINGS, {})
    teach(root / "decided", "sim:people=1-2,sessions=1")
    return root / "decided"


@pytest.fixture(scope="module")
def mine(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mine") / "mine"
    own(trained, STRANGER, out, changes=("epochs=20", "lr=0.01"), device="cpu")
    return out


def right(path: Path, data: str) -> float:
    """Share of windows between onset and offset that get the right label."""
    networks = load_networks(path, device="cpu")
    hits = [
        stream.probabilities[(stream.ends > event.onset) & (stream.ends <= event.offset)].argmax(1) == event.label
        for stream in streams(networks, load_corpus(data, cache=False))
        for event in stream.shown
    ]
    return float(np.concatenate(hits).mean())


def test_it_knows_the_person_on_another_day(trained: Path, mine: Path) -> None:
    data = "sim:people=905,sessions=2"
    assert right(mine, data) > right(trained, data) + 0.1


def test_everything_but_the_weights_stays(trained: Path, mine: Path) -> None:
    before, after = read_listing(trained), read_listing(mine)
    assert after.weights == before.weights
    assert after.source != before.source
    for old, new in zip(before.cards, after.cards, strict=True):
        assert (new.name, new.labels, new.design, new.views, new.decision) == (
            old.name,
            old.labels,
            old.design,
            old.views,
            SETTINGS,
        )
        assert new.provenance["settings"] == old.provenance["settings"]
    assert (mine / CARD).read_bytes() == (trained / CARD).read_bytes()
    assert read_wearers(after) is not None


def test_an_armband_that_is_worn_otherwise_is_no_longer_taken_for_turned() -> None:
    """The networks learn it as it is worn: what is known of wearers must follow."""
    listing, corpus = read_listing(DEMO), load_corpus("sim:people=905,sessions=1", cache=False)
    known = read_wearers(listing)
    assert known is not None
    order = arrangements(8)[11]
    recordings = tuple(
        replace(recording, samples=np.ascontiguousarray(recording.samples[:, np.argsort(order)]))
        for recording in corpus.recordings
    )
    assert sorted(corpus.labels) == sorted(listing.cards[0].labels)
    sits = seated(listing, replace(corpus, recordings=recordings))
    assert sits is not None
    windows = np.random.default_rng(0).standard_normal((4, 400, 8)).astype(np.float32)
    given = windows[:, :, np.argsort(order)]
    np.testing.assert_allclose(sits.population.features(given), known.population.features(windows), atol=1e-6)
    straight = seated(listing, corpus)
    assert straight is not None
    np.testing.assert_array_equal(straight.population.projection, known.population.projection)


def test_it_says_whose_it_is(trained: Path, mine: Path) -> None:
    said = read_listing(mine).provenance
    assert said["people"] == [1, 2, 905]
    assert said["own"]["person"] == 905
    assert said["own"]["sessions"] == [1]
    assert said["own"]["from"]["source"] == read_listing(trained).source
    assert load(mine / "se_resnet")[0].provenance["own"] == said["own"]
    assert [path.name for path in mine.parent.iterdir()] == ["mine"]


def test_a_single_checkpoint_becomes_one_of_its_own(trained: Path, tmp_path: Path) -> None:
    result = own(trained / "resnet_gru", STRANGER, tmp_path / "one", changes=("epochs=1",), device="cpu")
    assert set(result["steps"]) == {"resnet_gru"}
    card, _ = load(tmp_path / "one")
    assert card.provenance["own"]["course"][-1] == "epochs=1"
    again = own(trained / "resnet_gru", STRANGER, tmp_path / "one", changes=("epochs=1",), device="cpu")
    assert again["checkpoint"] == str(tmp_path / "one")
    assert json.loads(json.dumps(again)) == again


def test_there_are_steps_enough_of_little(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def noted(name: str, recipe: recipes.Recipe, *_rest: object, **_more: object) -> None:
        taken.append(recipe.epochs)
        raise KeyboardInterrupt(name)

    monkeypatch.setattr("train.own.fit", noted)
    with pytest.raises(KeyboardInterrupt):
        own(trained, STRANGER, tmp_path / "mine")
    assert taken[0] >= EPOCHS
    samples = sum(len(one.samples) for one in load_corpus(STRANGER, cache=False).recordings)
    assert taken[0] * max(1, int(samples / 400 / 128)) >= STEPS
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "people", "words"),
    [
        ("sim:people=901-902,sessions=1", None, "say with --people whose own it is to be"),
        ("sim:people=901-902,sessions=1", (901, 902), "say with --people whose own it is to be"),
    ],
)
def test_it_is_of_one_person(
    trained: Path, tmp_path: Path, data: str, people: tuple[int, ...] | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        own(trained, data, tmp_path / "mine", people)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_refused_before_any_work(
    trained: Path, mine: Path, tmp_path: Path, synapse_like: Path
) -> None:
    with pytest.raises(ValueError, match="was recorded at 512 Hz"):
        own(trained, str(synapse_like), tmp_path / "mine", (1,))
    with pytest.raises(ValueError, match="or inside it; give another --out"):
        own(trained, STRANGER, trained / "mine")
    shutil.copytree(trained, tmp_path / "other")
    with pytest.raises(ValueError, match="nobody's own checkpoint, so it is not overwritten"):
        own(trained, STRANGER, tmp_path / "other")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("a")
    with pytest.raises(ValueError, match="nobody's own checkpoint"):
        own(trained, STRANGER, tmp_path / "notes")
    shutil.copytree(mine, tmp_path / "ported")
    card = json.loads((tmp_path / "ported" / "se_resnet" / "model.json").read_text())
    del card["provenance"]["settings"]
    (tmp_path / "ported" / "se_resnet" / "model.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="se_resnet does not say by which recipe it was trained"):
        own(tmp_path / "ported", STRANGER, tmp_path / "mine")


def test_other_gestures_are_refused(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = replace(load_corpus(STRANGER, cache=False), labels=("rest", "wave"))
    monkeypatch.setattr("train.own.load", lambda *_rest, **_more: corpus)
    with pytest.raises(ValueError, match="the recordings show rest, wave, but the checkpoint tells rest, "):
        own(trained, STRANGER, tmp_path / "mine")


def test_a_protocol_measures_everybody_by_their_own(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.own.COURSE", (*COURSE, "epochs=20", "lr=0.01"))
    redecided(trained, tmp_path / "eager", Settings(), {})
    report = evaluate(tmp_path / "eager", "sim:people=905,sessions=1-3", "continuous-own", device="cpu")
    assert report["sessions"] == [3]
    assert report["people"] == [905]
    shared = evaluate(tmp_path / "eager", "sim:people=905,sessions=1-3", "continuous", device="cpu")
    assert report["all"]["held"] > shared["all"]["held"]
    with pytest.raises(ValueError, match="there is no session but 3, so nothing to train on"):
        evaluate(tmp_path / "eager", "sim:people=905,sessions=3", "continuous-own", device="cpu")


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_comes_back_from_json(name: str) -> None:
    recipe = recipes.load(name)
    assert restored(json.loads(json.dumps(recipe.to_json()))).to_json() == recipe.to_json()


def test_a_recipe_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'warp' is no key of a recipe"):
        restored({**tiny("se_resnet").to_json(), "warp": 1})
