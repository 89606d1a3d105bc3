"""From the windows of training people to what they are like together: moments, level by level.

Each level's covariance is taken from the spread of means one level up; what the level below adds to that spread by
chance is taken off (Searle, Casella & McCulloch, Variance Components, 1992, ch. 3). With few people they are noisy, so
they are shrunk towards a sphere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.covariances import Covariances
from models.evidence import astray_by, by_gesture, mixed_by
from models.population import Array, Limits, Population, distances, inverse

COORDINATES = 100
"""F at most."""

BLOCK = 10
"""Windows whose mean is taken as something that was seen once: 1.6 s of them every 160 ms."""

GROUPS = 5
"""Of sittings, each strangers to the others once. In their order, so that most of a person's days are in one."""

TOGETHER = 5
"""Of so many windows, that overlap, the mean is as sure as of that many that do not, for a block."""

AT_ONCE = 4096

SHRINK_WITHIN, SHRINK_REPETITIONS, SHRINK_WEARERS = 0.05, 0.3, 0.3
"""Shares of a sphere; chosen on folds of people 1-16."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Features of the training people's windows and where they are from.

    Attributes:
        features: ``(W, F)``.
        wearer: ``(W,)`` number of the sitting (a person on a day).
        gesture: ``(W,)`` index of the label.
        repetition: ``(W,)`` number of the repetition, no two of which share one.
    """

    features: Array
    wearer: NDArray[np.int64]
    gesture: NDArray[np.int64]
    repetition: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """See ``models.population``; ``repetitions`` is the covariance of t of a block."""

    means: Array
    windows: Array
    repetitions: Array
    own: Array
    common: Array
    spread: Array


def population(covariances: Covariances, told: Told, gestures: int) -> Population:
    """All of it, with what is to be expected of strangers: some are made strangers to the others, one group at a time.

    Args:
        covariances: of which ``told.features`` are.
        told: about the training people.
        gestures: K.

    Raises:
        ValueError: fewer than two sittings, or none in which a gesture was shown twice.
    """
    known = _fitted(covariances, told, gestures)
    sittings = np.unique(told.wearer)
    found: list[_Strangers] = []
    for some in np.array_split(sittings, min(GROUPS, len(sittings))):
        apart = np.isin(told.wearer, some)
        try:
            others = _fitted(covariances, _only(told, ~apart), gestures)
        except ValueError:  # too few are left; those who are apart are then measured by all
            others = known
        found.append(_measured(others, _only(told, apart)))
    merged = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    return replace(known, limits=Limits(*(float(np.percentile(part, 99)) if len(part) else 0.0 for part in merged)))


class _Strangers(NamedTuple):
    """As ``Limits``, of each of them."""

    block: Array
    window: Array
    mixed: Array
    astray: Array


def _measured(known: Population, told: Told) -> _Strangers:
    """Strangers to ``known``, sitting by sitting."""
    placed = _with(told, told.features @ known.projection)
    wide = inverse(known.between)
    mixed, astray = [], []
    for sitting in np.unique(placed.wearer):
        mine = _only(placed, placed.wearer == sitting)
        means, _ = _means(mine.features, mine.repetition)
        labels = mine.gesture[np.unique(mine.repetition, return_index=True)[1]]
        first = np.array([int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)])
        counts = np.bincount(labels[first], minlength=len(known.means)).astype(np.float64)
        mixed.append(mixed_by(known, by_gesture(means[first], labels[first], len(known.means)), counts)[0])
        # Of two repetitions, as few calibrate with more, one is least like what the other promises.
        two = np.concatenate([np.flatnonzero(labels == label)[:2] for label in np.unique(labels)])
        astray += [more for _, more, _ in astray_by(known, means[two], labels[two])]
    blocks = _nearest(_blocks(placed), known.means, wide)
    return _Strangers(blocks, _nearest(placed.features, known.means, wide), np.array(mixed), np.array(astray))


def _fitted(covariances: Covariances, told: Told, gestures: int) -> Population:
    """All but the limits.

    Raises:
        ValueError: as ``population``.
    """
    first = moments(told, gestures)
    within = shrunk(first.windows + first.repetitions, SHRINK_WITHIN)
    white = inverse_root(within)
    lead = _leading((_sitting_means(told, gestures) - first.means.mean(0)) @ white, COORDINATES)
    projection = white @ lead
    inner = moments(_with(told, told.features @ projection), gestures)
    block = shrunk(inner.repetitions, SHRINK_REPETITIONS) + inner.windows / TOGETHER
    # Repetitions become the identity; then turning keeps them so, and own differences become diagonal.
    flat = inverse_root(block)
    values, turn = np.linalg.eigh(_sound(flat @ shrunk(inner.own, SHRINK_WEARERS) @ flat))
    last = flat @ turn

    def seen(covariance: Array) -> Array:
        turned: Array = last.T @ covariance @ last
        return turned

    common, axes = np.linalg.eigh(_sound(seen(shrunk(inner.common, SHRINK_WEARERS))))
    kept = shrunk(inner.windows + inner.repetitions, SHRINK_WITHIN)
    return Population(
        covariances,
        projection @ last,
        inner.means @ last,
        np.maximum(values, 0),
        axes,
        np.maximum(common, 0),
        seen(kept),
        seen(_between(inner)),
        Limits(np.inf, np.inf),
    )


def _between(found: Moments) -> Array:
    """Covariance of windows of one gesture, whoever makes it."""
    return shrunk(found.windows + found.repetitions + found.spread, SHRINK_WITHIN)


def moments(told: Told, gestures: int) -> Moments:
    """The covariance of each level.

    Raises:
        ValueError: as ``population``.
    """
    size = told.features.shape[1]
    by_repetition, of_repetition = _means(told.features, told.repetition)
    first = np.unique(told.repetition, return_index=True)[1]
    wearer, gesture = told.wearer[first], told.gesture[first]
    place = np.unique(wearer, return_inverse=True)[1]
    sittings = int(place.max()) + 1
    by_cell, of_cell = _means(by_repetition, place * gestures + gesture)
    cells, counts = np.unique(place * gestures + gesture, return_counts=True)
    if sittings < 2 or not (counts > 1).any():
        raise ValueError(
            f"there are {sittings} sittings, with at most {counts.max()} repetitions of a gesture; what wearers have "
            "in common takes at least two people, or days, and one gesture shown twice"
        )
    apart = told.features - by_repetition[of_repetition]
    windows = apart.T @ apart / len(apart)
    apart = by_repetition - by_cell[of_cell]
    repetitions = apart.T @ apart / max(1, len(apart) - len(by_cell))
    whose, what = cells // gestures, cells % gestures
    means = np.stack([by_cell[what == k].mean(0) if (what == k).any() else by_cell.mean(0) for k in range(gestures)])
    deviation = by_cell - means[what]
    offset, of_sitting = _means(deviation, whose)
    degrees = (sittings - 1) / sittings
    alone = deviation - offset[of_sitting]
    chance = float((1 / counts).mean())
    free = max(1, len(cells) - sittings) * degrees
    own = alone.T @ alone / free - repetitions * chance
    shown = np.bincount(whose, minlength=sittings)
    common = offset.T @ offset / (sittings * degrees) - repetitions * chance * float((1 / shown).mean())
    spread = deviation.T @ deviation / max(1, len(cells))
    return Moments(means, windows, repetitions, own.reshape(size, size), common, spread)


def shrunk(covariance: Array, share: float) -> Array:
    """Some of it replaced by a sphere of the same size, and no variance below a thousandth of the largest."""
    size = len(covariance)
    return _sound((1 - share) * covariance + share * np.trace(covariance) / size * np.eye(size))


def inverse_root(covariance: Array) -> Array:
    """Its inverse square root."""
    values, vectors = np.linalg.eigh(covariance)
    root: Array = (vectors * np.maximum(values, values.max() * 1e-9) ** -0.5) @ vectors.T
    return root


def _sound(covariance: Array, floor: float = 1e-3) -> Array:
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    made: Array = (vectors * np.maximum(values, floor * max(values.max(), 1e-12))) @ vectors.T
    return made


def _leading(rows: Array, most: int) -> Array:
    """The directions in which rows differ most, as columns."""
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    count = min(most, int((sizes > sizes[0] * 1e-6).sum()))
    return directions[:count].T


def _means(rows: Array, group: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """Means ``(G, F)`` of the groups, and for each row ``(W,)`` which of them it is in."""
    _, of, counts = np.unique(group, return_inverse=True, return_counts=True)
    total = np.zeros((len(counts), rows.shape[1]))
    np.add.at(total, of, rows)
    return total / counts[:, None], of


def _sitting_means(told: Told, gestures: int) -> Array:
    return _means(told.features, told.wearer * gestures + told.gesture)[0]


def _blocks(told: Told) -> Array:
    """Means of windows that follow one another within a repetition."""
    order = np.argsort(told.repetition, kind="stable")
    features, repetition = told.features[order], told.repetition[order]
    starts = np.flatnonzero(np.r_[True, repetition[1:] != repetition[:-1]])
    ends = np.r_[starts[1:], len(repetition)]
    found = [
        features[k : k + BLOCK].mean(0)
        for start, end in zip(starts, ends, strict=True)
        for k in range(start, max(start + 1, end - BLOCK + 1), BLOCK)
    ]
    return np.stack(found)


def _nearest(rows: Array, means: Array, precision: Array) -> Array:
    parts = [distances(rows[k : k + AT_ONCE], means, precision).min(1) for k in range(0, len(rows), AT_ONCE)]
    return np.concatenate(parts)


def _only(told: Told, rows: NDArray[np.bool_]) -> Told:
    return Told(told.features[rows], told.wearer[rows], told.gesture[rows], told.repetition[rows])


def _with(told: Told, features: Array) -> Told:
    return Told(features, told.wearer, told.gesture, told.repetition)
