"""The logarithm from products, beside what an eigendecomposition in float64 makes of the same matrices."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.logarithm import coefficients, logarithm, root, scalings


def spread(low: float, size: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Eigenvectors ``(20, D, D)`` and eigenvalues ``(20, D)`` from ``low`` to 1, both ends there."""
    generator = torch.Generator().manual_seed(seed)
    vectors, _ = torch.linalg.qr(torch.randn(20, size, size, generator=generator, dtype=torch.float64))
    values = torch.exp(math.log(low) * torch.rand(20, size, generator=generator, dtype=torch.float64))
    values[:, 0], values[:, -1] = low, 1
    return vectors, values


def made(vectors: Tensor, values: Tensor) -> Tensor:
    return (vectors * values[:, None]) @ vectors.transpose(1, 2)


@pytest.mark.parametrize("size", [2, 9, 24, 33])
@pytest.mark.parametrize("low", [0.3, 1e-2, 1e-3, 1e-4])
def test_it_is_the_logarithm(low: float, size: int) -> None:
    vectors, values = spread(low, size)
    matrices, expected = made(vectors, values), made(vectors, values.log())
    torch.testing.assert_close(logarithm(matrices, low), expected, rtol=0, atol=5e-8)
    torch.testing.assert_close(logarithm(matrices.float(), low).double(), expected, rtol=0, atol=5e-6 + 2e-8 / low)
    torch.testing.assert_close(root(matrices, low), made(vectors, values.sqrt()), rtol=0, atol=1e-8)


@pytest.mark.parametrize("low", [0.5, 1e-3, 1e-5])
def test_every_eigenvalue_reaches_one_and_none_leaves_the_range(low: float) -> None:
    reached = torch.linspace(math.sqrt(low), 1, 1000, dtype=torch.float64)
    for scaling in scalings(low):
        reached = scaling * reached * (3 - (scaling * reached) ** 2) / 2
        assert float(reached.max()) <= 1 + 1e-12
    torch.testing.assert_close(reached, torch.ones_like(reached), rtol=0, atol=3e-8)


def test_a_narrower_range_takes_fewer_steps_and_terms() -> None:
    assert len(scalings(1e-1)) < len(scalings(1e-3)) < len(scalings(1e-6))
    assert len(coefficients(0.5)) < len(coefficients(0.1))
