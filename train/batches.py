"""What a training step sees: windows drawn at random, what they are to become, and what is changed about them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.blocks import mixed
from models.families import FAMILIES, family_of
from train.augment import augment, shares
from train.crops import Crops
from train.losses import one_hot
from train.task import Task
from train.wearers import Wearers


class Batch(NamedTuple):
    """What a step sees.

    Attributes:
        windows: ``(B, C, T)``.
        targets: ``(B, K)``, whose rows sum to one.
        own: ``(B,)``, of each window the share of its own features in what the targets are for; None where none are
            mixed.
    """

    windows: Tensor
    targets: Tensor
    own: Tensor | None = None


class Batches:
    """Draws batches of the training people's windows; a seed decides everything about one.

    Args:
        task: recipe and data.
        device: where they are to be.

    Attributes:
        steps: batches in an epoch.

    Raises:
        ValueError: no recording holds a training window, or the recipe asks for changes that cannot be made.
    """

    def __init__(self, task: Task, device: torch.device) -> None:
        recipe, spec, track = task.recipe, task.design.spec, task.track
        self._recipe, self._classes = recipe, len(task.corpus.labels)
        recordings = task.corpus.indices(task.split.train)
        lengths = [spec.window]
        if recipe.long_share:
            lengths.append(round(recipe.long_ms * spec.rate_hz / 1000))
        self._crops = [
            Crops(track, recordings, length, purity=recipe.purity, balance=recipe.balance, device=device)
            for length in lengths
        ]
        if recipe.augment.shift >= spec.window:
            raise ValueError(
                f"augment.shift is {recipe.augment.shift} samples, and a window has {spec.window}; give fewer"
            )
        if recipe.augment.mixup_features and not family_of(recipe.family).mixes:
            able = ", ".join(sorted(name for name, family in FAMILIES.items() if family.mixes))
            raise ValueError(
                f"augment.mixup_features mixes what a network makes of windows, and {recipe.family!r} has nothing to "
                f"be mixed; use augment.mixup, or one of the families {able}"
            )
        sittings = [(entry.person, entry.session) for entry in task.corpus.entries]
        self._wearers = Wearers(track, recordings, sittings, device)
        self._votes = None if task.corpus.votes is None else torch.from_numpy(task.corpus.votes).float().to(device)
        self._starts = torch.from_numpy(np.ascontiguousarray(track.starts[1:])).to(device)
        self._generator = torch.Generator(device)
        samples = sum(int(track.starts[i + 1] - track.starts[i]) for i in recordings)
        self.steps = max(1, int(samples * recipe.overlap / spec.window / recipe.batch))

    def draw(self, seed: int) -> Batch:
        """A batch, decided by the seed."""
        recipe = self._recipe
        self._generator.manual_seed(seed)
        long = recipe.long_share and np.random.default_rng(seed).random() < recipe.long_share
        windows, labels, places = self._crops[1 if long else 0].draw(recipe.batch, self._generator)
        if recipe.lend:
            windows = self._wearers.lend(windows, places, recipe.lend, self._generator)
        windows, targets = augment(recipe.augment, windows, self._targets(labels, places), self._generator)
        if not (alpha := recipe.augment.mixup_features):
            return Batch(windows, targets)
        own = shares(alpha, windows, self._generator)
        return Batch(windows, mixed(targets, own), own)

    def _targets(self, labels: Tensor, places: Tensor) -> Tensor:
        """Of each window the votes on its recording, or else its label."""
        targets = one_hot(labels, self._classes)
        if self._votes is None:
            return targets
        said = self._votes[torch.searchsorted(self._starts, places, right=True)]
        return torch.where(said.isnan(), targets, said)
