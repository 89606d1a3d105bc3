"""Losses for targets that are distributions: labels, smoothed labels, mixed labels, votes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def smooth(targets: Tensor, amount: float) -> Tensor:
    """Label smoothing (Szegedy et al., CVPR 2016): moves ``amount`` of each row's mass evenly onto all classes.

    Args:
        targets: ``(B, K)``, rows sum to one.
        amount: 0 ... 1.
    """
    return targets if amount == 0 else targets * (1 - amount) + amount / targets.shape[1]


def soft_cross_entropy(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None, mass: Tensor | None = None
) -> Tensor:
    """Mean over the batch of ``-sum_k targets_k log softmax(logits)_k``.

    Args:
        logits: ``(B, K)``; computed in float32 whatever they are.
        targets: ``(B, K)``, rows sum to one.
        weights: ``(K,)`` of the classes; the mean is then weighted by them.
        mass: what the weights of the targets sum to, where the batch is a share of a larger one.

    Returns:
        A scalar, nats.
    """
    each = targets * functional.log_softmax(logits.float(), dim=1)
    if weights is None:
        return -each.sum(dim=1).mean()
    return -(each * weights).sum() / ((targets * weights).sum() if mass is None else mass)


def divergence(logits: Tensor, targets: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the answers from the targets, mean over the batch (Kullback & Leibler, 1951).

    Its gradient is that of ``soft_cross_entropy``; its least value is zero, however unsure the targets are.

    Args:
        logits: ``(B, K)``.
        targets: ``(B, K)``, rows sum to one.

    Returns:
        A scalar, nats.
    """
    certainty: Tensor = torch.special.xlogy(targets, targets).sum(dim=1).mean()
    return soft_cross_entropy(logits, targets) + certainty


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """``(B,)`` indices to ``(B, K)`` float32 rows."""
    return functional.one_hot(labels, classes).to(torch.float32)
