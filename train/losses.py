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


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch of ``-sum_k targets_k log softmax(logits)_k``.

    Args:
        logits: ``(B, K)``; computed in float32 whatever they are.
        targets: ``(B, K)``, rows sum to one.

    Returns:
        A scalar, nats.
    """
    return -(targets * functional.log_softmax(logits.float(), dim=1)).sum(dim=1).mean()


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """``(B,)`` indices to ``(B, K)`` float32 rows."""
    return functional.one_hot(labels, classes).to(torch.float32)
