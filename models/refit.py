"""Training a network on for a moment, on a handful of repetitions of one person.

Of a network that says which part of it has no parameters (``front``), that part is computed once and the rest is
trained, its normalisations held as they are, since the features are already in their place. Mixed repetitions (MixUp:
Zhang et al., ICLR 2018) and the mean of the last steps' parameters keep so few from being learnt by heart.

Convolutions are not trained on: from one repetition an SE-ResNet comes out worse beside the others than it was, after
many times the computing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot


@dataclass(frozen=True, slots=True)
class Course:
    """How a network is trained on; chosen on folds of people 1-16 of Synapse.

    Attributes:
        steps: of the optimiser (AdamW: Loshchilov & Hutter, ICLR 2019).
        rate: of learning, at its highest, after a tenth of the steps; it falls to zero along a cosine.
        batch: windows in a step.
        decay: of weights.
        mixup: both parameters of the beta distribution of shares.
        smoothing: of labels.
        memory: share of the running mean of parameters that stays in a step.
    """

    steps: int
    rate: float
    batch: int
    decay: float = 0.05
    mixup: float = 0.4
    smoothing: float = 0.1
    memory: float = 0.97


FEATURES = Course(steps=100, rate=7e-4, batch=128)


class Fronted(Protocol):
    """A network in two parts."""

    def front(self, x: Tensor) -> Tensor:
        """``(B, C, T)`` to features ``(B, ...)``, by nothing that is trained."""

    def back(self, features: Tensor) -> Tensor:
        """Features to logits ``(B, K)``."""


def fronted(module: nn.Module) -> bool:
    """Whether it can be trained on."""
    return hasattr(module, "front") and hasattr(module, "back")


def refit(
    module: nn.Module, windows: NDArray[np.float32], labels: NDArray[np.int64], gestures: int, seed: int = 0
) -> nn.Module:
    """A copy, trained on; in eval mode, on the CPU.

    Args:
        module: as it was loaded, ``fronted``; it is left as it is.
        windows: ``(B, N, C)`` that it takes.
        labels: ``(B,)``.
        gestures: K.
        seed: of everything random; the global random state is left as it was.
    """
    fresh = copy.deepcopy(module).requires_grad_(True)
    x = torch.from_numpy(np.ascontiguousarray(windows.transpose(0, 2, 1)))
    y = torch.from_numpy(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = cast("Fronted", fresh)
        with torch.no_grad():
            features = torch.cat([parts.front(some) for some in torch.split(x, 512)])
        _train(fresh, parts.back, features, one_hot(y, gestures).float(), FEATURES)
    return fresh.eval().requires_grad_(False)


def _train(module: nn.Module, forward: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, course: Course) -> None:
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=course.rate, weight_decay=course.decay)
    shares = torch.distributions.Beta(course.mixup, course.mixup)
    mean = {name: value.clone() for name, value in module.state_dict().items()}
    module.train()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()
    for step in range(course.steps):
        for group in optimiser.param_groups:
            group["lr"] = course.rate * _rise_and_fall(step / course.steps)
        one, other = torch.randint(len(x), (2, course.batch))
        share = shares.sample((course.batch,))
        mixed = x[one] + (1 - share).view(-1, *[1] * (x.ndim - 1)) * (x[other] - x[one])
        wanted = y[one] + (1 - share)[:, None] * (y[other] - y[one])
        loss = cross_entropy(forward(mixed), wanted, label_smoothing=course.smoothing)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        keep = min(course.memory, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, value in module.state_dict().items():
                if value.is_floating_point():
                    mean[name].lerp_(value, 1 - keep)
    module.load_state_dict(mean)


def _rise_and_fall(progress: float) -> float:
    return progress / 0.1 if progress < 0.1 else 0.5 * (1 + cos(pi * (progress - 0.1) / 0.9))
