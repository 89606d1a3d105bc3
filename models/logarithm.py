"""The logarithm of symmetric matrices from products of matrices alone, which every engine can compute.

An eigendecomposition gives it at once, but ONNX has none, and a CUDA graph cannot hold PyTorch's, which waits for the
host. This is inverse scaling and squaring instead (Higham, Functions of Matrices, SIAM 2008, chapter 11): square roots
bring the eigenvalues near 1, a polynomial takes the logarithm there, and each root has halved it. The roots come from
the coupled Newton-Schulz iteration (there, section 6.7), each step of which is scaled as is best for the range that the
eigenvalues have by then (as Chen & Chow, "A stable scaling of Newton-Schulz for improving the sign function computation
of a Hermitian matrix", Argonne National Laboratory, 2014): half as many steps. The range is known beforehand, so the
number of steps is fixed: 24 x 24 matrices of condition 1000 take 53 products.

In float32 an entry of the result is wrong by up to about 2e-8 / ``low``.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from numpy.polynomial import Chebyshev
from torch import Tensor

ROOTS = 2
"""Square roots before the polynomial: more of them need fewer terms, and altogether as many products."""

NEAR = 1e-4
"""How near 1 a step has to bring everything for the next to be the last: each squares what is missing."""

EXACT = 1e-8
"""Largest error of the polynomial."""


def logarithm(matrices: Tensor, low: float) -> Tensor:
    """``(..., D, D)``, symmetric, to their logarithms.

    Args:
        matrices: whose eigenvalues lie between ``low`` and 1.
        low: above 0; below 1e-5 float32 does not suffice.
    """
    for _ in range(ROOTS):
        matrices = root(matrices, low)
        low = math.sqrt(low)
    one = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    twice = (matrices * 2 - (1 + low) * one) * (2 / (1 - low))
    *high, first, constant = reversed(coefficients(low))
    later, latest = 0 * one, high[0] * one
    for coefficient in (*high[1:], first):  # Clenshaw's recurrence
        later, latest = latest, twice @ latest - later + coefficient * one
    logarithms: Tensor = twice @ latest / 2 - later + constant * one
    return 2.0**ROOTS * logarithms


def root(matrices: Tensor, low: float) -> Tensor:
    """``(..., D, D)``, symmetric with eigenvalues between ``low`` and 1, to their square roots."""
    one = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    first, *others = scalings(low)
    step = 1.5 * first * one - 0.5 * first**3 * matrices
    found, inverse = matrices @ step, step
    for scaling in others:
        step = 1.5 * scaling * one - 0.5 * scaling**3 * (inverse @ found)
        found, inverse = found @ step, step @ inverse
    return found


@cache
def scalings(low: float) -> tuple[float, ...]:
    """Of the steps towards a square root, for eigenvalues between ``low`` and 1.

    Each makes the least and the greatest the same, and all between them at least as great, at most 1.
    """
    made, least = [], math.sqrt(low)
    while 1 - least > NEAR:
        made.append(math.sqrt(3 / (1 + least + least**2)))
        least = made[-1] * least * (3 - (made[-1] * least) ** 2) / 2
    return (*made, 1.0)


@cache
def coefficients(low: float) -> tuple[float, ...]:
    """Of the shortest sum of Chebyshev polynomials that is the logarithm between ``low`` and 1, lowest first."""
    x, terms = np.linspace(low, 1, 1000), 3
    while True:
        series = Chebyshev.interpolate(np.log, terms, domain=[low, 1])
        if np.abs(series(x) - np.log(x)).max() < EXACT:
            return tuple(float(value) for value in series.coef)
        terms += 1
