from __future__ import annotations

import pytest
import torch
from torch import nn

from models import families
from models.blocks import Decorrelation, SqueezeExcitation, fold, stack_states, with_differences
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


def test_squeeze_and_excitation_weighs_each_channel_by_what_all_did() -> None:
    block, x = SqueezeExcitation(6, 2), torch.randn(2, 6, 30)
    weights = block(x)
    assert weights.shape == (2, 6, 1)
    assert bool(((weights > 0) & (weights < 1)).all())
    torch.testing.assert_close(block(x.flip(-1)), weights)
    assert not torch.allclose(block(x * torch.tensor([1.0, 1, 1, 1, 1, 9])[:, None] + 1), weights)


def test_decorrelation_makes_the_channels_uncorrelated() -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(8, 8, generator=generator)
    x = mixing @ torch.randn(1, 8, 20_000, generator=generator)
    block = Decorrelation(8)
    assert torch.equal(block(x), x)
    block.fit(x[0] @ x[0].T / x.shape[-1])
    out = block(x)[0]
    torch.testing.assert_close(out @ out.T / x.shape[-1], torch.eye(8), atol=2e-3, rtol=0)
    assert not list(block.parameters())


def test_differences_stand_beside_their_channels() -> None:
    x = torch.tensor([[[1.0, 4.0, 9.0], [2.0, 2.0, 5.0]]])
    assert with_differences(x, 0) is x
    expected = [[1, 4, 9], [2, 2, 5], [0, 3, 5], [0, 0, 3], [0, 3, 2], [0, 0, 3]]
    assert with_differences(x, 2)[0].tolist() == expected


def test_differences_are_decorrelated_together_with_their_channels() -> None:
    x = torch.cumsum(torch.randn(1, 3, 20_000, generator=torch.Generator().manual_seed(0)), -1) * 0.01
    rows, block = with_differences(x, 2)[0], Decorrelation(3, differences=2)
    assert torch.equal(block(x)[0], rows)
    block.fit(rows @ rows.T / x.shape[-1], floor=1e-8)
    out = block(x)[0]
    torch.testing.assert_close(out @ out.T / x.shape[-1], torch.eye(9), atol=2e-3, rtol=0)


def test_decorrelation_does_not_blow_up_a_dead_channel() -> None:
    block = Decorrelation(2)
    block.fit(torch.tensor([[4.0, 0.0], [0.0, 0.0]]))
    torch.testing.assert_close(block.matrix, torch.tensor([[0.5, 0.0], [0.0, 50.0]]))


def test_each_member_has_its_own_decorrelation() -> None:
    first, second, both = Decorrelation(2), Decorrelation(2), Decorrelation(2, members=2)
    first.fit(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
    second.fit(torch.tensor([[1.0, 0.0], [0.0, 9.0]]))
    both.load_state_dict(stack_states([first.state_dict(), second.state_dict()]))
    x = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(both(x), torch.cat([first(x), second(x)], 1))
