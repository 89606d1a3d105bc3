from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from models import families
from models.blocks import fold
from tests.models.cases import installed
from tests.models.conftest import lived_in

TINY = {"width": 0.25, "depth": 0.3, "fft": 16}


@pytest.fixture(autouse=True)
def needed() -> None:
    installed("efficientnet")


def blocks(**config: Any) -> int:
    network: Any = families.build("efficientnet", {"width": 0.25, **config})
    return len(network.encoder.blocks)


def test_its_sizes_are_the_authors() -> None:
    assert (blocks(size="b0"), blocks(size="b1"), blocks(depth=0.1)) == (16, 23, 7)


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("scaling", ["dataset", "instance"])
def test_in_service_its_normalisations_are_gone_and_it_computes_the_same(tiled: bool, scaling: str) -> None:
    network = lived_in(families.build("efficientnet", {**TINY, "tiled": tiled, "scaling": scaling}), 0)
    served, x = fold(network), torch.randn(3, 8, 150)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in served.modules())
    torch.testing.assert_close(served(x), network(x), rtol=1e-4, atol=1e-4)


def test_a_fresh_network_lets_the_signal_through() -> None:
    network = families.build("efficientnet", {}).train()
    assert 0.02 < network(torch.randn(32, 8, 204)).std() < 10


@pytest.mark.parametrize("length", [1, 16, 60])
def test_a_few_samples_are_enough(length: int) -> None:
    network = families.build("efficientnet", TINY).eval()
    assert network(torch.randn(2, 8, length)).shape == (2, 5)


def test_tiled_electrodes_are_one_picture() -> None:
    network: Any = families.build("efficientnet", {**TINY, "tiled": True})
    assert network.embeddings.convolution.in_channels == 1
