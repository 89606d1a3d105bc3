"""Rounding to eight bits: who takes which part, what is kept, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engines import kept
from models.listing import read_listing
from models.loading import Wanted, load_classifier
from tests.train.conftest import TINY, tiny
from train.cli import main
from train.corpus import load
from train.ensemble import combine
from train.fit import fit
from train.quantise import quantise, say_result, split


@pytest.fixture(scope="module")
def trained(synapse_like: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two members that were trained on people 1-3 of four."""
    root = tmp_path_factory.mktemp("runs")
    corpus = load(str(synapse_like), (1, 2, 3), cache=False)
    for name in ("se_resnet", "se_resnet_mixup"):
        fit(name, tiny(name, "epochs=4"), TINY, corpus, root / name)
    combine([root / "se_resnet", root / "se_resnet_mixup"], None, root / "pair")
    return root / "pair"


@pytest.fixture
def pair(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, to be changed, with convolutions small enough for a test."""
    monkeypatch.setattr("models.engines.rounding.SMALL", 100)
    monkeypatch.setattr("models.engines.rounded.FEWEST", 1)
    monkeypatch.setattr("models.loading._gpu_for_torch", lambda: False)
    shutil.copytree(trained, tmp_path / "pair")
    return tmp_path / "pair"


def test_what_is_good_enough_is_kept_and_used(pair: Path, synapse_like: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.engines.rounded.AGREEMENT", 0.9)
    monkeypatch.setattr("models.engines.rounded.LOSS", 0.1)
    assert load_classifier(pair).engine.name == "onnx"
    result = quantise(pair, str(synapse_like))
    assert json.loads(json.dumps(result)) == result
    assert result["people"] == [4]
    assert result["strangers"] is True
    found = kept.find(read_listing(pair), kept.INT8)
    assert found is not None
    verified = found.provenance["verified"]
    assert verified["agreement"] >= 0.9
    assert {*found.provenance["rounding_people"], *found.provenance["selection_people"]} == {1, 2, 3}
    assert load_classifier(pair, Wanted(views=False, hop_ms=40)).engine.name == "int8"
    rounded, exact = load_classifier(pair), load_classifier(pair, Wanted("onnx"))
    assert (rounded.engine.name, rounded.notes) == ("int8", ())
    spec = rounded.design.spec
    windows = np.random.default_rng(0).standard_normal((20, spec.window, spec.channels)).astype(np.float32)
    difference = np.abs(rounded.batch(windows) - exact.batch(windows))
    assert 0 < difference.max() < 0.2
    assert "people it was not trained on (4)" in say_result(result)


def test_what_decides_otherwise_is_not_kept(pair: Path, synapse_like: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.engines.rounded.AGREEMENT", 1.01)
    with pytest.raises(ValueError, match="so it is not kept; use float32"):
        quantise(pair, str(synapse_like))
    assert kept.find(read_listing(pair), kept.INT8) is None
    assert load_classifier(pair).engine.name == "onnx"


def test_what_changes_its_golden_windows_is_not_kept(
    pair: Path, synapse_like: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.engines.rounded.AGREEMENT", 0.0)
    monkeypatch.setattr("models.engines.rounded.LOSS", 1.0)
    monkeypatch.setattr("models.engines.rounded.CHANGE", 0.0)
    with pytest.raises(ValueError, match=r"golden windows by up to 0\.\d\d, where 0 is allowed, so it is not kept"):
        quantise(pair, str(synapse_like))
    assert kept.find(read_listing(pair), kept.INT8) is None


def test_convolutions_are_given_back_until_decisions_agree(
    pair: Path, synapse_like: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("train.eightbits.AIM", 1.01)
    with pytest.raises(ValueError, match="can be rounded to eight bits without other decisions, so nothing is kept"):
        quantise(pair, str(synapse_like))
    said = [line for line in capsys.readouterr().err.splitlines() if "in eight bits:" in line]
    counts = [int(line.split()[0]) for line in said]
    assert counts == list(range(max(counts), -1, -1))
    assert kept.find(read_listing(pair), kept.INT8) is None


def test_few_windows_verify_nothing(pair: Path, synapse_like: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.engines.rounded.FEWEST", 1000)
    with pytest.raises(ValueError, match=r"eight bits give \d+ windows, and 1000 are needed to tell; give more data"):
        quantise(pair, str(synapse_like))


def test_float32_that_is_damaged_is_nothing_to_be_held_to(pair: Path, synapse_like: Path) -> None:
    listing = read_listing(pair)
    one, other = (file.read_bytes() for file in kept.exported(listing).files)
    kept.keep(listing, kept.FLOAT32, [other, one], {})
    with pytest.raises(ValueError, match=r"differs by up to .* from its golden logits; delete .*, and try again"):
        quantise(pair, str(synapse_like))


def test_on_a_machine_that_computes_otherwise_float32_is_used_and_said(
    pair: Path, synapse_like: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.engines.rounded.AGREEMENT", 0.5)
    monkeypatch.setattr("models.engines.rounded.LOSS", 0.5)
    quantise(pair, str(synapse_like))
    place = pair / kept.FOLDER / kept.INT8 / kept.ABOUT
    about = json.loads(place.read_text())
    about["provenance"]["golden"][1][0][0] += 1
    place.write_text(json.dumps(about))
    classifier = load_classifier(pair)
    assert classifier.engine.name == "onnx"
    assert "gives other answers to its golden windows than where it was made)" in classifier.notes[0]
    assert classifier.notes[0].endswith("; using float32")
    with pytest.raises(ValueError, match="cannot be trusted here"):
        load_classifier(pair, Wanted("int8"))
    about["provenance"]["golden"][1][0][0] -= 1
    listed = json.loads((pair / "ensemble.json").read_text())
    listed["members"][0]["weight"] = 3.0
    (pair / "ensemble.json").write_text(json.dumps(listed))
    place.write_text(json.dumps(about))
    with pytest.raises(ValueError, match="it was verified with other weights, views or signal processing"):
        load_classifier(pair, Wanted("int8"))
    about["provenance"]["verified"]["agreement"] = 0.4
    place.write_text(json.dumps(about))
    with pytest.raises(ValueError, match="it was not verified"):
        load_classifier(pair, Wanted("int8"))


def test_the_command(pair: Path, synapse_like: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["quantise", "--checkpoint", str(pair), "--data", str(synapse_like), "--people", "1-2"])
    assert end.value.code == 2
    assert "the data hold 2 people, and rounding, selection and verification need" in capsys.readouterr().err


@given(
    everyone=st.sets(st.integers(1, 60), min_size=3, max_size=40),
    known=st.sets(st.integers(1, 60), max_size=40),
)
def test_nobody_has_two_parts(everyone: set[int], known: set[int]) -> None:
    parts = split(everyone, {"people": sorted(known)})
    all_parts = [*parts.rounding, *parts.selection, *parts.verification]
    assert sorted(all_parts) == sorted(everyone)
    assert parts.rounding
    assert parts.selection
    assert parts.verification
    if parts.strangers:
        assert not set(parts.verification) & known
    assert split(everyone, {"people": sorted(known)}) == parts
