"""Losses against what they are defined as, and learning rates against what they look like."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from tests.train.conftest import tiny
from train.loop import class_weights
from train.losses import divergence, one_hot, smooth, soft_cross_entropy
from train.schedule import learning_rate


def drawn(seed: int, rows: int = 12, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, classes, generator=generator), torch.randint(classes, (rows,), generator=generator)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_with_labels_it_is_the_usual_cross_entropy(seed: int) -> None:
    logits, labels = drawn(seed)
    weights = torch.rand(5, generator=torch.Generator().manual_seed(seed)) + 0.1
    torch.testing.assert_close(soft_cross_entropy(logits, one_hot(labels, 5)), functional.cross_entropy(logits, labels))
    torch.testing.assert_close(
        soft_cross_entropy(logits, one_hot(labels, 5), weights), functional.cross_entropy(logits, labels, weights)
    )
    torch.testing.assert_close(
        soft_cross_entropy(logits, smooth(one_hot(labels, 5), 0.1)),
        functional.cross_entropy(logits, labels, label_smoothing=0.1),
    )


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_the_divergence_is_that_of_kullback_and_leibler(seed: int) -> None:
    logits, labels = drawn(seed)
    votes = torch.rand(12, 5, generator=torch.Generator().manual_seed(seed))
    votes[0] = one_hot(labels[:1], 5)  # where nobody voted for a class, it adds nothing
    votes = votes / votes.sum(1, keepdim=True)
    expected = functional.kl_div(logits.log_softmax(1), votes, reduction="batchmean")
    torch.testing.assert_close(divergence(logits, votes), expected)
    assert float(divergence(votes.clamp_min(1e-30).log(), votes)) == pytest.approx(0, abs=1e-6)


def test_the_rate_climbs_falls_and_starts_anew() -> None:
    once = tiny("se_resnet", "warmup=0.1", "lr=1")
    rates = [learning_rate(once, step, 1000) for step in range(1000)]
    assert rates.index(max(rates)) in (99, 100)
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[-1] < 1e-4
    again = tiny("se_resnet", "warmup=0", "restart=0.3", "lr=1")
    rates = [learning_rate(again, step, 1000) for step in range(1000)]
    assert [step for step in range(1, 1000) if rates[step] > rates[step - 1]] == [300, 900]
    assert (rates[0], rates[300], rates[900]) == pytest.approx((1, 0.9, 0.81))
    assert rates[600] == pytest.approx(0.45, abs=0.01), "the middle of a period of twice the length"


def test_weights_are_one_for_each_gesture() -> None:
    device = torch.device("cpu")
    assert class_weights(tiny(), "abcde", device) is None
    weighted = tiny("se_resnet", "class_weights=1,1.5,1.5,1,1")
    weights = class_weights(weighted, "abcde", device)
    assert weights is not None
    assert weights.tolist() == [1, 1.5, 1.5, 1, 1]
    with pytest.raises(ValueError, match=r"holds 5 weights, but the data have 3 gestures \(a, b, c\)"):
        class_weights(weighted, "abc", device)


def test_the_rate_of_one_step_is_finite() -> None:
    assert all(math.isfinite(learning_rate(tiny("se_resnet", f"restart={r}"), 0, 1)) for r in (0, 0.3, 1))
