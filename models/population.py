"""What is known of wearers in general, and what follows for one of them from a little that is known of that one.

Features of a window of wearer w, gesture k, repetition r are taken as

    z = m_k + c_w + o_wk + t_wkr + e,

where m_k is the mean of all wearers, c_w an offset common to all gestures of a wearer, o_wk one of the gesture's own,
t_wkr one of the repetition, and e that of the window, all normal: the two-covariance model of speaker verification
(Sizov et al., S+SSPR 2014) with one level more. Coordinates are chosen so that repetitions differ by the identity and o
by a diagonal matrix; then everything that has to be done live is a few small products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.covariances import Covariances

Array = NDArray[np.float64]


class Limits(NamedTuple):
    """What one in a hundred surpasses, of people who are strangers to the rest.

    Attributes:
        block: squared distance of the mean of 1.6 s from the nearest gesture, by ``between``; beyond is no gesture.
        window: the same of single windows.
        mixed: by how much the likeliest wrong assignment of labels is likelier than the right one.
        astray: by how much a repetition is likelier to be another gesture, by what one other repetition looks like.
        turned: by how much another way of wearing the armband is likelier than the right one.
    """

    block: float
    window: float
    mixed: float = 0.0
    astray: float = 0.0
    turned: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """What the training people are like, all of them together.

    Attributes:
        covariances: features of a window.
        projection: ``(D*(D+1)/2, F)``, to the coordinates of everything below.
        means: ``(K, F)`` m_k.
        own: ``(F,)`` variances of o.
        axes: ``(F, F)``, orthogonal: the columns are the directions of ``common``.
        common: ``(F,)`` variances of c along them.
        within: ``(F, F)`` covariance of windows of one wearer and gesture.
        between: ``(F, F)`` the same of all wearers.
        limits: what is still to be expected of a stranger.
        otherwise: share of the sittings in which the armband sat otherwise than in most, where that is to be expected
            of strangers too; their windows were turned before anything was learnt from them. 0 where all wore it alike.
    """

    covariances: Covariances
    projection: Array
    means: Array
    own: Array
    axes: Array
    common: Array
    within: Array
    between: Array
    limits: Limits
    otherwise: float = 0.0

    def features(self, windows: NDArray[np.float32]) -> Array:
        """Windows ``(B, N, C)`` to ``(B, F)``; NaN for those that hold any."""
        found: Array = self.covariances(windows) @ self.projection
        return found

    def seated(self, order: Sequence[int]) -> Population:
        """The same of armbands that sit otherwise: ``order`` names for each channel theirs that is in its place."""
        channels, orders = len(order), 1 + self.covariances.differences
        place = np.array([channels * k + channel for k in range(orders) for channel in order])
        whitening = np.empty_like(self.covariances.whitening)
        whitening[np.ix_(place, place)] = self.covariances.whitening
        rows, columns = np.triu_indices(len(place))
        number = np.zeros((len(place), len(place)), np.int64)
        number[rows, columns] = number[columns, rows] = np.arange(len(rows))
        projection = np.empty_like(self.projection)
        projection[number[place[rows], place[columns]]] = self.projection
        return replace(self, covariances=replace(self.covariances, whitening=whitening), projection=projection)

    def posterior(self, means: Array, counts: Array) -> Array:
        """The gestures of a wearer of whom some repetitions are known: ``(K, F)``.

        Args:
            means: ``(K, F)`` of these repetitions; of a gesture without any, anything finite.
            counts: ``(K,)`` how many there are, not necessarily whole numbers.
        """
        total = float(counts.sum())
        if not total > 0:
            return self.means
        deviation = means - self.means
        mean = counts @ deviation / total
        gain = self.common / (self.common + 1 / total)
        offset = self.axes @ (gain * (mean @ self.axes))
        shares = counts[:, None] * self.own
        known: Array = self.means + offset + shares / (shares + 1) * (deviation - offset)
        return known

    def doubt(self, counts: Array) -> Array:
        """Covariance ``(F, F)`` of what ``posterior`` still leaves open, the mean over the gestures."""
        total = float(counts.sum())
        common = self.common / (1 + total * self.common)
        own = (self.own / (1 + counts[:, None] * self.own)).mean(0)
        left: Array = (self.axes * common) @ self.axes.T + np.diag(own) * (1 - 1 / len(self.means))
        return left


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Gestures as normal distributions of one covariance, which makes telling them apart linear.

    Attributes:
        weights: ``(F, K)``.
        bias: ``(K,)``.
    """

    weights: Array
    bias: Array

    @classmethod
    def of(cls, means: Array, precision: Array) -> Classes:
        """From their means ``(K, F)`` and the inverse of their covariance."""
        weights = precision @ means.T
        return cls(weights, -0.5 * np.einsum("kf,fk->k", means, weights))

    def logits(self, features: Array) -> Array:
        """``(B, F)`` to ``(B, K)``."""
        found: Array = features @ self.weights + self.bias
        return found


def inverse(covariance: Array) -> Array:
    """Of a covariance ``(F, F)``, whose variances are all above zero."""
    found = np.linalg.inv(covariance)
    return found.astype(np.float64, copy=False)


def softmax(logits: Array) -> Array:
    """Over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    shares: Array = powers / powers.sum(-1, keepdims=True)
    return shares


def distances(features: Array, means: Array, precision: Array) -> Array:
    """Squared Mahalanobis distances ``(B, K)`` of ``(B, F)`` from ``(K, F)``."""
    away = features[:, None] - means
    found: Array = ((away @ precision) * away).sum(-1)
    return found
