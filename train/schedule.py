"""How the learning rate goes through a run."""

from __future__ import annotations

import math

from train.recipe import Recipe

TIMES, LOWER = 2.0, 0.9
"""With restarts: how much longer each period is than the one before it, and how high its rate begins beside it."""


def learning_rate(recipe: Recipe, step: int, total: int) -> float:
    """Linear warm-up, then half a cosine down to zero, once or with restarts (Loshchilov & Hutter, ICLR 2017)."""
    warm = recipe.warmup * total
    if step < warm:
        return recipe.lr * (step + 1) / (warm + 1)
    at, period, height = step - warm, max(1.0, total - warm), 1.0
    if recipe.restart:
        period = max(1.0, recipe.restart * total)
        while at >= period:
            at, period, height = at - period, period * TIMES, height * LOWER
    return recipe.lr * height * 0.5 * (1 + math.cos(math.pi * at / period))
