from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from models import families
from models.blocks import fold
from models.engines.export import Served, onnx_bytes
from models.engines.rounding import session
from models.families import FAMILIES
from tests.models.cases import CASES, installed
from tests.models.conftest import TINY, lived_in


def run(content: bytes, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    answers: NDArray[np.float32] = session(onnx.load_from_string(content)).run(None, {"rows": rows})[0]
    return answers


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_exported_and_computes_the_same(family: str) -> None:
    small = CASES[installed(family)].small
    if not FAMILIES[family].portable:
        pytest.skip(f"{family} is for PyTorch only")
    module = lived_in(families.build(family, small | {"channels": 4, "classes": 3}), 1)
    content = onnx_bytes(module, 4, 80)
    for rows in (1, 5, 17):
        x = torch.randn(rows, 4, 80, generator=torch.Generator().manual_seed(rows))
        with torch.inference_mode():
            expected = module(x).numpy()
        np.testing.assert_allclose(run(content, x.numpy()), expected, rtol=1e-4, atol=1e-4)


def test_convolutions_become_two_dimensional() -> None:
    content = onnx_bytes(lived_in(families.build("se_resnet", TINY), 1), 4, 80)
    graph = onnx.load_from_string(content).graph
    kernels = {tensor.name: tensor for tensor in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert convolutions
    assert {len(kernels[node.input[1]].dims) for node in convolutions} == {4}
    assert not any(node.op_type == "BatchNormalization" for node in graph.node)
    assert str(Path(__file__).parents[3]).encode() not in content, "no path of this machine"
    assert b".py" not in content


class Recurrent(nn.Module):
    """A network that minds an additional axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 8, 3, padding=1)
        self.recur = nn.GRU(8, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.recur(self.conv(x).transpose(1, 2))
        logits: torch.Tensor = self.head(states[:, -1])
        return logits


class Forgetful(nn.Module):
    """One that takes the additional axis and computes something else by it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean(2).reshape(len(x), -1)[:, :3]


@pytest.mark.parametrize("kind", [Recurrent, Forgetful])
def test_a_network_that_would_not_stay_the_same_is_exported_as_it_is(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    module = kind().eval()
    assert not Served(fold(module), 4, 20).wide
    if kind is Recurrent:
        x = torch.randn(2, 4, 20)
        with torch.inference_mode():
            np.testing.assert_allclose(run(onnx_bytes(module, 4, 20), x.numpy()), module(x).numpy(), atol=1e-5)
