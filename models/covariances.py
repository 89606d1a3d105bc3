"""How the electrodes move together in a window, as numbers that add and average like any others; without PyTorch.

The covariance of a window, of the channels and of their first differences in time of every order, is a point of a
curved space; its matrix logarithm is its place on the flat tangent space (Arsigny et al., Magn Reson Med 56:411-421,
2006; Barachant et al., IEEE Trans Biomed Eng 59:920-928, 2012). The family ``tangent`` learns from the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-5
"""Added to the eigenvalues of a covariance whose typical size is 1: silence has a logarithm too."""

AT_ONCE = 1024
"""Windows whose rows stand in memory at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Covariances:
    """Windows ``(B, N, C)`` to ``(B, D*(D+1)/2)``, with D = C * (1 + differences).

    Attributes:
        whitening: ``(D, D)`` float64, symmetric; makes the mean covariance of the training people the identity, so
            that the tangent space touches there.
        differences: orders of differences in time beside the signal.
    """

    whitening: NDArray[np.float64]
    differences: int

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """See the class; NaN for a window that holds any, or anything infinite."""
        parts = [self._some(windows[k : k + AT_ONCE]) for k in range(0, len(windows), AT_ONCE)]
        size = len(self.whitening)
        return np.concatenate([np.empty((0, size * (size + 1) // 2)), *parts])

    def _some(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.logarithms(covariances(windows, self.differences))

    def logarithms(self, found: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same from their covariances ``(B, D, D)``."""
        white = self.whitening @ found @ self.whitening
        finite = np.isfinite(white.sum(axis=(1, 2)))
        values, vectors = np.linalg.eigh(np.where(finite[:, None, None], white, 0.0))
        logs = np.log(np.maximum(values, 0) + FLOOR)
        logarithm = (vectors * logs[:, None]) @ vectors.transpose(0, 2, 1)
        flat = flattened(logarithm)
        flat[~finite] = np.nan
        return flat


def covariances(windows: NDArray[np.float32], differences: int) -> NDArray[np.float64]:
    """``(B, N, C)`` to ``(B, D, D)``: mean products of all rows, which have no mean of their own after a band-pass."""
    parts = [windows.astype(np.float64)]
    for _ in range(differences):
        parts.append(np.diff(parts[-1], axis=1, prepend=parts[-1][:, :1]))
    stacked = np.concatenate(parts, axis=2)
    found: NDArray[np.float64] = stacked.transpose(0, 2, 1) @ stacked / windows.shape[1]
    return found


def flattened(symmetric: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(B, D, D)`` to ``(B, D*(D+1)/2)``; what stands twice in a symmetric matrix counts twice in its norm."""
    rows, columns, scale = _upper(symmetric.shape[-1])
    flat: NDArray[np.float64] = symmetric[:, rows, columns] * scale
    return flat


@cache
def _upper(size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Places of the upper triangle, and how much each counts."""
    rows, columns = np.triu_indices(size)
    return rows, columns, np.where(rows == columns, 1.0, 2.0**0.5)


def whitening_of(mean: NDArray[np.float64], floor: float = 1e-9) -> NDArray[np.float64]:
    """The inverse square root of a mean covariance ``(D, D)``; directions below ``floor`` of the largest stay small."""
    values, vectors = np.linalg.eigh(mean)
    values = np.maximum(values, max(values.max() * floor, np.finfo(np.float64).tiny))
    root: NDArray[np.float64] = (vectors * values**-0.5) @ vectors.T
    return root
