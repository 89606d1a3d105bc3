"""Every family, side by side, under one suite."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import nn
from torch.nn.functional import cross_entropy

import models
from models import families
from models.families import FAMILIES, build, config_json, config_of
from tests.models.cases import CASES, installed
from tests.models.conftest import lived_in


@pytest.fixture(params=sorted(CASES))
def family(request: pytest.FixtureRequest) -> str:
    """Each family whose dependencies are there."""
    return installed(request.param)


def evaluated(family: str, **config: Any) -> nn.Module:
    return build(family, config).eval()


def test_every_family_is_under_test() -> None:
    assert set(CASES) == set(FAMILIES)


def test_every_module_that_builds_is_a_family() -> None:
    building = set()
    for file in Path(models.__path__[0]).glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "build" for node in tree.body):
            building.add(f"models.{file.stem}")
    assert building == {family.module for family in FAMILIES.values()} | {"models.families"}


def test_the_size_is_pinned(family: str) -> None:
    count = sum(parameter.numel() for parameter in build(family, {}).parameters())
    assert count == CASES[family].parameters
    assert count <= CASES[family].limit


@pytest.mark.parametrize(("batch", "channels", "classes", "length"), [(1, 8, 5, 204), (3, 4, 2, 2560), (2, 1, 7, 33)])
def test_shapes_at_any_length(family: str, batch: int, channels: int, classes: int, length: int) -> None:
    network = evaluated(family, **CASES[family].small, channels=channels, classes=classes)
    logits = network(torch.randn(batch, channels, length))
    assert logits.shape == (batch, classes)
    assert logits.dtype == torch.float32


def test_eval_is_deterministic(family: str) -> None:
    network, x = evaluated(family, **CASES[family].small), torch.randn(4, 8, 204)
    assert torch.equal(network(x), network(x))


def test_a_row_alone_is_the_row_in_its_batch(family: str) -> None:
    # Rows that differ much, through a network that is not fresh: what leaks from row to row must show.
    network = lived_in(build(family, {}), 0)
    x = torch.randn(5, 8, 204) * torch.tensor([0.1, 0.3, 1.0, 3.0, 10.0]).view(5, 1, 1)
    together = network(x)
    for row in range(5):
        torch.testing.assert_close(network(x[row : row + 1])[0], together[row], rtol=1e-5, atol=1e-5)


def test_the_state_survives_safetensors(family: str) -> None:
    one, x = evaluated(family, **CASES[family].small), torch.randn(2, 8, 100)
    other = evaluated(family, **CASES[family].small)
    assert not torch.equal(one(x), other(x))
    other.load_state_dict(load(save(one.state_dict())))
    assert torch.equal(one(x), other(x))


def test_the_gradient_reaches_every_parameter(family: str) -> None:
    network = build(family, {}).train()
    cross_entropy(network(torch.randn(8, 8, 204)), torch.arange(8) % 5).backward()
    without = [
        name
        for name, p in network.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.abs().sum() > 0)
    ]
    assert without == []


def test_it_overfits_eight_windows(family: str) -> None:
    network = build(family, CASES[family].small).train()
    x, y = torch.randn(8, 8, 120), torch.arange(8) % 5
    optimiser = torch.optim.Adam(network.parameters(), CASES[family].rate)
    for _ in range(60):
        optimiser.zero_grad()
        cross_entropy(network(x), y).backward()
        optimiser.step()
    logits = network.eval()(x)
    assert logits.argmax(1).tolist() == y.tolist()
    assert cross_entropy(logits, y).item() < 0.1


def test_the_config_survives_json(family: str) -> None:
    written = config_json(family, CASES[family].small)
    assert written.items() >= CASES[family].small.items()
    assert config_json(family, written) == written
    assert config_of(family, config_of(family, written)) == config_of(family, written)


def test_a_family_that_cannot_be_stacked_says_so(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, family, families.Family(FAMILIES[family].module, stackable=False))
    with pytest.raises(ValueError, match="cannot run 2 members as one network"):
        build(family, CASES[family].small, members=2)


@pytest.mark.parametrize(
    ("family", "config", "sentence"),
    [
        ("resnet", {}, "there is no family 'resnet'; known are efficientnet, gpt2, hht_cnn, inception_se_tcn, "),
        ("inception_se_tcn", {"kernels": [3, 4]}, "one of kernels is 4; it must be odd"),
        ("inception_se_tcn", {"filters": 15}, "filters is 15; it must be a multiple of the 2 kernels"),
        ("inception_se_tcn", {"dilations": []}, "give one of at least 1 for each block"),
        ("inception_se_tcn", {"heads": 0}, "heads is 0; it must be at least 1"),
        ("inception_se_tcn", {"dropout_attention": 1}, "dropout_attention is 1"),
        ("semg_net", {"widths": [8]}, "give as many of both"),
        ("semg_net", {"widths": [8], "kernels": [4]}, "one of kernels is 4; it must be odd"),
        ("tangent", {"hidden": []}, "give the units of at least one layer"),
        ("tangent", {"differences": -1}, "differences is -1; it must be at least 0"),
        ("semg_net", {"dense": 0}, "dense is 0; it must be at least 1"),
        ("se_resnet", {"width": 8}, "unknown keys width; known are channels, classes, widths"),
        ("se_resnet", {"widths": "64"}, "widths is '64'"),
        ("se_resnet", {"widths": [32, 6.5]}, "widths is 6.5"),
        ("se_resnet", {"widths": []}, "at least one stage"),
        ("se_resnet", {"depth": True}, "depth is True"),
        ("se_resnet", {"depth": 0}, "depth is 0; it must be at least 1"),
        ("se_resnet", {"kernel": 4}, "must be odd"),
        ("se_resnet", {"classes": 1}, "classes is 1"),
        ("se_resnet", {"dropout": 1.0}, "dropout is 1.0"),
        ("se_resnet", {"dropout": float("nan")}, "dropout is nan"),
        ("se_resnet", [8], "must be a table"),
        ("resnet_gru", {"kernels": [3, 4]}, "one of kernels is 4; it must be odd"),
        ("resnet_gru", {"kernels": []}, "at least one convolution"),
        ("resnet_gru", {"widths": [0]}, "at least one unit"),
        ("resnet_gru", {"kernel": 2}, "kernel is 2; it must be odd"),
        ("resnet_gru", {"states": 0}, "states is 0; it must be at least 1"),
        ("efficientnet", {"size": "b9"}, "size is 'b9'; known are b0, b1"),
        ("efficientnet", {"scaling": "none"}, "scaling is 'none'; known are dataset, instance"),
        ("efficientnet", {"width": 0.0}, "width is 0.0; it must be above 0"),
        ("efficientnet", {"fft": 4}, "fft is 4; it must be at least 8"),
        ("gpt2", {"width": 30}, "width is 30; it must be a multiple of heads, which is 4"),
        ("gpt2", {"trained": 5}, "trained is 5; there are only 4 blocks"),
        ("gpt2", {"patch": 0}, "patch is 0"),
        ("resnet_gru", {"classes": 1}, "classes is 1"),
        ("resnet_gru", {"dropout": 1.0}, "dropout is 1.0"),
    ],
)
def test_a_wrong_config_gets_a_sentence(family: str, config: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        build(installed(family), config)


def test_a_missing_dependency_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "absent", families.Family("models_that_are_absent", extra="absent"))
    with pytest.raises(ValueError, match=r"pip install 'myostream\[absent\]'"):
        build("absent", {})
