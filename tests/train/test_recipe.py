"""Recipes: every one trains, and parts of them can be changed by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.checkpoint import load as load_checkpoint
from models.networks import load_networks
from tests.train.conftest import changes, tiny
from train.changes import keys, override
from train.corpus import Corpus
from train.fit import fit
from train.recipe import Recipe, describe, load, names, wanted_data


def test_every_file_among_the_recipes_is_known() -> None:
    files = {path.stem for path in (Path(__file__).parents[2] / "train" / "recipes").glob("*.py")}
    assert set(names()) == files - {"__init__"}
    assert {"se_resnet", "se_resnet_mixup"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_recipe_trains_two_tiny_epochs(name: str, corpus: Corpus, tmp_path: Path) -> None:
    summary = fit(name, tiny(name), changes(name), corpus, tmp_path / "run")
    assert summary["epochs"] == 2
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert [row["epoch"] for row in history] == [1, 2]
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    checkpoint, _ = load_checkpoint(summary["checkpoint"])
    assert checkpoint.labels == corpus.labels
    assert checkpoint.provenance["recipe"] == name
    assert checkpoint.provenance["overrides"] == list(changes(name))
    assert len(checkpoint.design.spec.scale_uv) == 1
    assert load_networks(summary["checkpoint"], device="cpu").member_names == ("checkpoint",)


@pytest.mark.parametrize("name", names())
def test_recipe_says_what_it_is(name: str) -> None:
    text = describe(name)
    assert len(text.splitlines()[0]) > 20
    assert "Source:" in text
    assert "recordings" in wanted_data(name)


def test_the_mixup_recipe_differs_by_mixup_and_one_epoch() -> None:
    standard, mixed = load("se_resnet"), load("se_resnet_mixup")
    assert mixed.augment.mixup == 0.4
    assert override(mixed, ["augment.mixup=0", f"epochs={mixed.epochs - 1}"]) == standard


def test_overrides_of_every_kind() -> None:
    changed = override(
        load("se_resnet"),
        [
            "epochs=3",
            "lr=1e-4",
            "bf16=yes",
            "model.widths=16,32",
            "dsp.hop_ms=20",
            "dsp.notch_hz=50",
            "augment.mixup=1",
        ],
    )
    assert (changed.epochs, changed.lr, changed.bf16) == (3, 1e-4, True)
    assert changed.model["widths"] == (16, 32)
    assert (changed.dsp.hop_ms, changed.dsp.notch_hz, changed.augment.mixup) == (20.0, 50.0, 1.0)
    assert override(changed, ["dsp.notch_hz=none"]).dsp.notch_hz is None
    assert load("se_resnet").epochs != 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("class_weights=1,0", "class_weights is 0"),
        ("restart=2", "restart is 2.0; it must be between 0 and 1"),
        ("epoch=3", "known are augment.channel_dropout"),
        ("model.width=3", "model.widths"),
        ("model.classes=3", "no key of this recipe"),
        ("epochs", "write key=value"),
        ("epochs=three", "a whole number"),
        ("epochs=1.5", "a whole number"),
        ("lr=fast", "takes a number"),
        ("lr=nan", "must be at least"),
        ("bf16=perhaps", "true or false"),
        ("dsp.band_hz=20", "takes 2"),
        ("epochs=0", "must be at least 1"),
        ("label_smoothing=2", "between 0 and 1"),
        ("augment.noise=-1", "at least 0"),
        ("model.kernel=4", "odd"),
    ],
)
def test_a_wrong_override_is_one_sentence(change: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        override(load("se_resnet"), [change])


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'resnet' is no recipe; known are efficientnet, gpt2, hht_cnn, "):
        load("resnet")


def test_every_key_can_be_given_its_own_value() -> None:
    recipe = load("se_resnet")
    known = dict(keys(recipe))
    for key in known:
        value: object = recipe
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else getattr(value, part)
        if value is None:
            continue
        text = ",".join(str(v) for v in value) if isinstance(value, tuple) else str(value)
        assert override(recipe, [f"{key}={text}"]) == recipe


def test_a_recipe_survives_json() -> None:
    plain = json.loads(json.dumps(load("se_resnet").to_json()))
    assert plain["family"] == "se_resnet"
    assert set(plain) == set(Recipe.__dataclass_fields__)


def test_the_notch_follows_the_data_unless_told() -> None:
    dsp = load("se_resnet").dsp
    assert dsp.spec(1000.0, 8, None).notch_hz is None
    assert dsp.spec(1000.0, 8, 50.0).notch_hz == 50.0
    assert tiny("se_resnet", "dsp.notch_hz=0").dsp.spec(1000.0, 8, 50.0).notch_hz is None
    assert tiny("se_resnet", "dsp.notch_hz=60").dsp.spec(1000.0, 8, None).notch_hz == 60.0
