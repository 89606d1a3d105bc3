"""A tiny GPT-2, random and saved to disk, stands for the real one, which the same calls load."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from dsp.design import Design
from models import families
from models.blocks import fold, widened
from models.checkpoint import Checkpoint, load, save
from tests.models.cases import installed
from tests.models.conftest import LABELS, lived_in

SIZES = {"width": 24, "heads": 3, "blocks": 6, "positions": 40}


@pytest.fixture(autouse=True)
def transformers() -> Any:
    installed("gpt2")
    return importlib.import_module("transformers")


@pytest.fixture
def settings(transformers: Any) -> Any:
    return transformers.GPT2Config(vocab_size=11, n_embd=24, n_head=3, n_layer=6, n_positions=40)


@pytest.fixture
def folder(tmp_path: Path, transformers: Any, settings: Any) -> Path:
    transformers.GPT2Model(settings).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def begun(folder: Path, **config: object) -> tuple[Any, dict[str, Any]]:
    """A network that starts from the model in ``folder``, and the config that it was built from."""
    sized = families.sized("gpt2", {"pretrained": str(folder), "trained": 2, "dropout": 0.0, **config})
    network = families.build("gpt2", sized)
    families.start("gpt2", network, sized)
    return network, families.config_json("gpt2", sized)


def test_sizes_and_weights_are_those_of_the_pretrained_model(folder: Path, transformers: Any) -> None:
    network, config = begun(folder)
    assert config.items() >= SIZES.items()
    theirs = transformers.GPT2Model.from_pretrained(folder).state_dict()
    ours = network.transformer.state_dict()
    assert theirs.keys() - ours.keys() == {"wte.weight"}
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_a_model_that_was_saved_with_its_words_serves_as_well(tmp_path: Path, transformers: Any, settings: Any) -> None:
    speaking = transformers.GPT2LMHeadModel(settings)
    speaking.save_pretrained(tmp_path / "speaking")
    network, _ = begun(tmp_path / "speaking")
    assert torch.equal(network.transformer.wpe.weight, speaking.transformer.wpe.weight)


@pytest.mark.parametrize("trained", [0, 2, 6])
def test_the_first_blocks_are_really_frozen(folder: Path, trained: int) -> None:
    network, _ = begun(folder, trained=trained)
    network.train()
    assert [all(p.requires_grad for p in block.parameters()) for block in network.transformer.h] == [
        place >= 6 - trained for place in range(6)
    ]
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2, weight_decay=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        cross_entropy(network(torch.randn(8, 8, 120)), torch.arange(8) % 5).backward()
        optimiser.step()
    frozen = tuple(f"transformer.h.{place}." for place in range(6 - trained))
    for name, value in network.named_parameters():
        assert torch.equal(value, before[name]) == (bool(frozen) and name.startswith(frozen)), name


def test_a_checkpoint_needs_the_pretrained_model_no_more(
    folder: Path, tmp_path: Path, processing: Design, windows: NDArray[np.float32]
) -> None:
    network, config = begun(folder, channels=4, classes=3)
    shutil.rmtree(folder)
    lived_in(network, 0)
    save(tmp_path / "checkpoint", Checkpoint("gpt2", config, LABELS, processing), network, windows[:2])
    read, again = load(tmp_path / "checkpoint")
    assert read.config["pretrained"] == str(folder)
    x = torch.randn(2, 4, 80)
    assert torch.equal(again(x), network(x))
    with pytest.raises(ValueError, match="cannot be had"):
        families.start("gpt2", again, read.config)


def test_building_alone_starts_at_random_and_reads_nothing() -> None:
    families.build("gpt2", {**SIZES, "trained": 2, "pretrained": "/there/is/none"})


def test_other_families_start_as_they_are() -> None:
    network = families.build("se_resnet", {"widths": [8]})
    before = [value.clone() for value in network.parameters()]
    families.start("se_resnet", network, families.sized("se_resnet", {"widths": [8]}))
    families.start("gpt2", network, {})
    assert all(torch.equal(one, two) for one, two in zip(network.parameters(), before, strict=True))


def test_a_network_of_other_sizes_is_refused(folder: Path) -> None:
    config = {"pretrained": str(folder)}
    with pytest.raises(ValueError, match=r"has width 24, heads 3, blocks 6, positions 40, unlike this network; build"):
        families.start("gpt2", families.build("gpt2", config), config)


def test_more_blocks_to_train_than_there_are_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"trained is 9; the model .* has only 6 blocks"):
        families.sized("gpt2", {"pretrained": str(folder), "trained": 9})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model_type": "bert"}, "'bert'; this family takes a 'gpt2'"),
        ({"activation_function": "relu"}, "activation_function 'relu'; this family is the published GPT-2"),
        ({"n_inner": 7}, "n_inner 7"),
    ],
)
def test_a_model_of_another_kind_is_refused(folder: Path, change: dict[str, object], sentence: str) -> None:
    card = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(card | change))
    with pytest.raises(ValueError, match=sentence):
        families.sized("gpt2", {"pretrained": str(folder), "trained": 2})


def test_a_model_that_is_not_there_or_is_a_pickle_gets_a_sentence(folder: Path) -> None:
    with pytest.raises(ValueError, match="cannot be had"):
        families.sized("gpt2", {"pretrained": str(folder.parent / "absent"), "trained": 2})
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="cannot be had"):
        begun(folder)


def test_a_window_that_is_too_long_gets_a_sentence() -> None:
    network = families.build("gpt2", {"positions": 4, "patch": 10}).eval()
    assert network(torch.randn(1, 8, 40)).shape == (1, 5)
    with pytest.raises(ValueError, match="a window of 41 samples is longer than 4 patches of 10"):
        network(torch.randn(1, 8, 41))


def test_the_newest_sample_always_ends_a_patch() -> None:
    network = lived_in(families.build("gpt2", {}), 0)
    x = torch.randn(1, 8, 100)
    padded = torch.cat([torch.zeros(1, 8, 8), x], -1)
    torch.testing.assert_close(network(x), network(padded))


def test_in_service_it_computes_the_same_also_with_two_dimensional_convolutions() -> None:
    network, x = lived_in(families.build("gpt2", {}), 0), torch.randn(3, 8, 204)
    served = fold(network)
    assert isinstance(served.decorrelate, nn.Identity)
    torch.testing.assert_close(served(x), network(x), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(widened(served)(x.unsqueeze(2)), network(x), rtol=1e-4, atol=1e-4)
