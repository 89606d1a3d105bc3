"""Starting from a checkpoint, with parts of it frozen; checkpoints kept on the way."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from models.checkpoint import load as load_checkpoint
from models.families import build
from tests.train.conftest import changes, tiny
from train.corpus import Corpus, load
from train.fit import fit
from train.frozen import freeze, rest


@pytest.fixture(scope="module")
def begun(synapse_like: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on people 1 and 2."""
    out = tmp_path_factory.mktemp("runs") / "begun"
    fit("se_resnet", tiny(), changes("se_resnet"), load(str(synapse_like), (1, 2), cache=False), out)
    return out


def test_who_starts_from_a_checkpoint_has_its_weights_and_its_processing(
    begun: Path, corpus: Corpus, tmp_path: Path
) -> None:
    recipe = tiny("se_resnet", "lr=1e-12", "epochs=1")
    fit("se_resnet", recipe, changes("se_resnet"), corpus, tmp_path / "run", start=begun)
    (before, one), (after, other) = load_checkpoint(begun / "checkpoint"), load_checkpoint(tmp_path / "run/checkpoint")
    assert after.design.fingerprint == before.design.fingerprint
    assert after.provenance["from"]["people"] == before.provenance["people"]
    for (name, parameter), (_, same) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        torch.testing.assert_close(same, parameter, atol=1e-6, rtol=0, msg=name)


def test_frozen_parts_stay_as_they_were(begun: Path, corpus: Corpus, tmp_path: Path) -> None:
    recipe = tiny("se_resnet", "freeze=stem,units.0", "epochs=2", "lr=0.01")
    fit("se_resnet", recipe, changes("se_resnet"), corpus, tmp_path / "run", start=begun)
    _, one = load_checkpoint(begun / "checkpoint")
    _, other = load_checkpoint(tmp_path / "run" / "checkpoint")
    moved = {name for name, value in one.state_dict().items() if not torch.equal(value, other.state_dict()[name])}
    assert not [name for name in moved if name.startswith(("stem.", "units.0."))], "running statistics neither"
    assert any(name.startswith("units.1.") for name in moved)
    assert any(name.startswith("head.") for name in moved)


def test_what_does_not_belong_together_is_refused(begun: Path, corpus: Corpus, tmp_path: Path) -> None:
    for recipe, sentence in (
        (tiny("se_resnet", "model.widths=4,4"), "has the settings"),
        (tiny("semg_net"), "has the family se_resnet, and this run semg_net"),
    ):
        with pytest.raises(ValueError, match=sentence):
            fit("x", recipe, (), corpus, tmp_path / "out", start=begun)
    assert not (tmp_path / "out").exists()


def test_freezing_names_the_parts() -> None:
    network = build("se_resnet", {"widths": (4, 8), "depth": 1})
    with pytest.raises(ValueError, match="freeze=root names no part of this network; its parts are head, stem, units"):
        freeze(network, ["root"])
    with pytest.raises(ValueError, match="leaves nothing to train"):
        freeze(network, ["stem", "units", "head"])
    network = build("se_resnet", {"widths": (4, 8), "depth": 1})
    freeze(network, ["units.0"])
    assert not any(p.requires_grad for p in network.get_submodule("units.0").parameters())
    assert all(p.requires_grad for p in network.get_submodule("units.1").parameters())
    rest(network.train(), ["units.0"])
    assert not any(module.training for module in network.get_submodule("units.0").modules())
    assert network.get_submodule("units.1").training


def test_checkpoints_are_kept_on_the_way(corpus: Corpus, tmp_path: Path) -> None:
    fit("se_resnet", tiny("se_resnet", "epochs=3", "keep_every=2"), changes("se_resnet"), corpus, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "epochs").iterdir()] == ["2"]
    checkpoint, _ = load_checkpoint(tmp_path / "run" / "epochs" / "2" / "checkpoint")
    assert checkpoint.labels == corpus.labels
    assert len(json.loads((tmp_path / "run" / "history.json").read_text())) == 3


def test_the_history_goes_to_tensorboard_where_that_is_wanted(corpus: Corpus, tmp_path: Path) -> None:
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed (pip install 'myostream[tensorboard]')",
    )
    fit("se_resnet", tiny(), changes("se_resnet"), corpus, tmp_path / "run", board=True)
    found = reader.EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert {"training/loss", "training/accuracy", "validation/window_accuracy"} <= set(found.Tags()["scalars"])
    assert [event.step for event in found.Scalars("training/loss")] == [1, 2]


def test_without_tensorboard_that_is_said_first(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"pip install 'myostream\[tensorboard\]'"):
        fit("se_resnet", tiny(), changes("se_resnet"), corpus, tmp_path / "run", board=True)
    assert not (tmp_path / "run").exists()
