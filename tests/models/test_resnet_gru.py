from __future__ import annotations

import pytest
import torch
from torch import nn

from models.blocks import Decorrelation, fold, widened
from models.resnet_gru import Config, ResNetGRU, build
from tests.models.conftest import lived_in


def trained(seed: int = 0) -> ResNetGRU:
    network = build(Config(kernels=(3, 9, 5), width=8, widths=(16, 16), states=8))
    assert isinstance(network.decorrelate, Decorrelation)
    network.decorrelate.fit(torch.cov(torch.randn(8, 100)))
    assert isinstance(lived_in(network, seed), ResNetGRU)
    return network


def test_in_service_its_parallel_convolutions_are_one_and_it_computes_the_same() -> None:
    network, x = trained(), torch.randn(3, 8, 90)
    served = fold(network)
    assert isinstance(served, ResNetGRU)
    assert isinstance(served.parallel, nn.Conv1d)
    assert not any(isinstance(part, nn.BatchNorm1d | Decorrelation) for part in served.modules())
    torch.testing.assert_close(served(x), network(x), rtol=1e-5, atol=1e-5)


def test_its_convolutions_may_be_two_dimensional() -> None:
    served, x = fold(trained()), torch.randn(3, 8, 90)
    torch.testing.assert_close(widened(served)(x.unsqueeze(2)), served(x), rtol=1e-5, atol=1e-5)


def test_instances_may_be_scaled_by_themselves() -> None:
    x = torch.randn(4, 8, 90)
    x[3] = 0
    for scaling, alike in (("dataset", False), ("instance", True)):
        network = lived_in(build(Config(width=8, widths=(16,), states=8, scaling=scaling)), 0)
        assert torch.allclose(network(x), network(x * 5), atol=1e-4) is alike
        served = fold(network)
        torch.testing.assert_close(widened(served)(x.unsqueeze(2)), network(x), rtol=1e-4, atol=1e-4)
        assert network(x).isfinite().all()
    with pytest.raises(ValueError, match="scaling is 'both'"):
        Config(scaling="both")


def test_it_reads_in_both_directions() -> None:
    network, x = trained(), torch.randn(1, 8, 90)
    later, earlier = x.clone(), x.clone()
    later[..., -20:] = 0
    earlier[..., :20] = 0
    assert not torch.equal(network(x), network(later))
    assert not torch.equal(network(x), network(earlier))


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_few_samples_are_enough(length: int) -> None:
    assert trained()(torch.randn(2, 8, length)).shape == (2, 5)
