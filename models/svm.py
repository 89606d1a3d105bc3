"""A support vector machine as a network's head: what was fitted elsewhere, computed where the network is.

Cortes & Vapnik, "Support-Vector Networks", Machine Learning 20:273-297, 1995; one machine for each pair of classes
(Knerr et al., 1990), with a vote among them. Fitting is not done here and no library is needed: the arrays are those
that scikit-learn's ``SVC`` and ``StandardScaler`` hold, and the answers are those of ``SVC.decision_function``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import checks

Array = NDArray[Any]


class SupportVectors(nn.Module):
    """A machine with a radial kernel, features ``(B, F)`` to scores ``(B, K)``; all buffers, nothing to train.

    The scores are those of ``SVC(decision_function_shape="ovr")``: a pairwise vote for each class, plus less than
    half a vote by how surely its pairs were won. The greatest is what ``SVC(break_ties=True).predict`` says; without
    ``break_ties`` it takes the first of several classes with equally many votes, however sure they are. Of two
    classes the scores are -d and d, where d is the single number that ``SVC`` gives. They order the classes; they
    are not log-probabilities, so a softmax of them needs a calibration.

    Args:
        features: F.
        counts: support vectors of each class, in the order of the classes; K numbers, S in all.
    """

    vectors: Tensor
    weights: Tensor
    intercepts: Tensor
    gamma: Tensor
    mean: Tensor
    scale: Tensor
    won: Tensor
    lost: Tensor

    def __init__(self, features: int, counts: Sequence[int]) -> None:
        super().__init__()
        checks.at_least(1, features=features)
        checks.distinct(len(counts))
        checks.at_least(0, **{f"counts[{place}]": count for place, count in enumerate(counts)})
        pairs = list(combinations(range(len(counts)), 2))
        self.classes = len(counts)
        self.register_buffer("vectors", torch.zeros(sum(counts), features))
        self.register_buffer("weights", torch.zeros(sum(counts), len(pairs)))
        self.register_buffer("intercepts", torch.zeros(len(pairs)))
        self.register_buffer("gamma", torch.ones(()))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        each = torch.eye(len(counts))
        self.register_buffer("won", each[[first for first, _ in pairs]], persistent=False)
        self.register_buffer("lost", each[[second for _, second in pairs]], persistent=False)

    @classmethod
    def of(
        cls,
        vectors: Array,
        dual: Array,
        intercepts: Array,
        counts: Sequence[int],
        gamma: float,
        mean: Array | None = None,
        scale: Array | None = None,
    ) -> SupportVectors:
        """The machine that these arrays are, in PyTorch's default precision; ``SVC`` calls them as is said in brackets.

        Args:
            vectors: ``(S, F)``, class after class [support_vectors_].
            dual: ``(K - 1, S)`` coefficients, in row r of a class's vectors those against its r-th opponent
                [dual_coef_].
            intercepts: ``(K*(K - 1)/2,)``, for the pairs 0-1, 0-2, ..., 1-2, ... [intercept_].
            counts: support vectors of each class [n_support_].
            gamma: of the kernel ``exp(-gamma * |x - v|**2)`` [_gamma: the number, where the setting is a word].
            mean: ``(F,)``, taken from the features first, or None [StandardScaler.mean_].
            scale: ``(F,)``, by which they are then divided, or None [StandardScaler.scale_].

        Raises:
            ValueError: the arrays do not fit one another.
        """
        counts = [int(count) for count in counts]
        classes, pairs = len(counts), len(counts) * (len(counts) - 1) // 2
        wanted = ((sum(counts), vectors.shape[-1]), (classes - 1, sum(counts)), (pairs,))
        found = (vectors.shape, dual.shape, intercepts.shape)
        if wanted != found:
            raise ValueError(f"the arrays of {classes} classes with {counts} vectors must be {wanted}, not {found}")
        made = cls(vectors.shape[1], counts)
        made._fill(vectors=vectors, weights=_by_pair(dual, counts), intercepts=intercepts, gamma=np.asarray(gamma))
        made._fill(mean=made.mean if mean is None else mean, scale=made.scale if scale is None else scale)
        return made

    def pairs(self, x: Tensor) -> Tensor:
        """``(B, F)`` to ``(B, K*(K - 1)/2)``, as ``SVC(decision_function_shape="ovo")``: above 0 the first won.

        Of two classes there is one pair, and above 0 the second has won, as in ``SVC``.
        """
        x = (x - self.mean) / self.scale
        # |x - v|^2 from products. What cancels is small beside 1/gamma, which is of the size of |x|^2.
        squares = x.square().sum(1, keepdim=True) - 2 * x @ self.vectors.T + self.vectors.square().sum(1)
        return torch.exp(-self.gamma * squares.clamp_min(0)) @ self.weights + self.intercepts

    def forward(self, x: Tensor) -> Tensor:
        """Scores; see the class."""
        margins = self.pairs(x)
        if self.classes == 2:
            return torch.cat([-margins, margins], 1)
        first = (margins >= 0).to(margins.dtype)
        votes = first @ self.won + (1 - first) @ self.lost
        sure = margins @ (self.won - self.lost)
        return votes + sure / (3 * (sure.abs() + 1))

    def _fill(self, **arrays: Array | Tensor) -> None:
        for name, array in arrays.items():
            self.get_buffer(name).copy_(torch.as_tensor(array))


def _by_pair(dual: Array, counts: Sequence[int]) -> Array:
    """Dual coefficients as one column for each pair of classes, ``(S, K*(K - 1)/2)``, zero where a vector has no part.

    The layout of ``dual`` is LIBSVM's: in row r, a vector of class i has its coefficient against class r where r < i,
    else against class r + 1.
    """
    ends = np.cumsum(counts)
    rows = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    columns = []
    for first, second in combinations(range(len(counts)), 2):
        column = np.zeros(dual.shape[1])
        column[rows[first]] = dual[second - 1, rows[first]]
        column[rows[second]] = dual[first, rows[second]]
        columns.append(column)
    return np.stack(columns, 1)
