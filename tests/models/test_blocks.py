from __future__ import annotations

import pytest
import torch
from torch import nn

from models import families
from models.blocks import SqueezeExcitation, fold, stack_states
from tests.models.conftest import TINY, lived_in, tiny


def stacked(modules: list[nn.Module]) -> nn.Module:
    network = families.build("se_resnet", TINY, len(modules)).eval()
    network.load_state_dict(stack_states([module.state_dict() for module in modules]))
    return network


@pytest.mark.parametrize("members", [2, 3])
def test_the_stacked_network_is_the_separate_ones(members: int) -> None:
    modules = [tiny(seed) for seed in range(members)]
    x = torch.randn(5, 4, 80)
    together = stacked(modules)(x)
    assert together.shape == (5, members, 3)
    for place, module in enumerate(modules):
        torch.testing.assert_close(together[:, place], module(x), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(fold(stacked(modules))(x)[:, place], module(x), rtol=1e-5, atol=1e-5)


def test_the_default_architecture_stacks_and_folds() -> None:
    modules = [lived_in(families.build("se_resnet", {}), seed) for seed in range(2)]
    network = families.build("se_resnet", {}, 2).eval()
    network.load_state_dict(stack_states([module.state_dict() for module in modules]))
    x, served = torch.randn(2, 8, 204), fold(network)
    for place, module in enumerate(modules):
        torch.testing.assert_close(served(x)[:, place], module(x), rtol=1e-5, atol=1e-5)


def test_only_one_architecture_can_be_stacked() -> None:
    with pytest.raises(ValueError, match="one architecture"):
        stack_states([tiny(0).state_dict(), tiny(0, widths=[8, 8, 8]).state_dict()])
    with pytest.raises(ValueError, match="are none"):
        stack_states([])


def test_folding_removes_every_normalisation_and_changes_nothing() -> None:
    module, x = tiny(4), torch.randn(3, 4, 50)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    folded = fold(module)
    assert not any(isinstance(part, nn.BatchNorm1d) for part in folded.modules())
    torch.testing.assert_close(folded(x), module(x), rtol=1e-5, atol=1e-5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_folding_a_module_in_training_gives_the_one_that_serves() -> None:
    module, x = tiny(4), torch.randn(3, 4, 50)
    served = module(x)
    torch.testing.assert_close(fold(module.train())(x), served, rtol=1e-5, atol=1e-5)
    assert module.training


def test_squeeze_and_excitation_only_scales_channels() -> None:
    block, x = SqueezeExcitation(6, 2), torch.randn(2, 6, 30)
    ratio = block(x) / x
    torch.testing.assert_close(ratio, ratio[..., :1].expand_as(ratio), rtol=1e-4, atol=1e-5)
    assert bool(((ratio > 0) & (ratio < 1)).all())
