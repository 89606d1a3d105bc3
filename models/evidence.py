"""How likely labelled repetitions are: whether labels were swapped, the armband turned, or nothing was done at all.

All by the model of ``models.population``: how far the repetitions lie from what a wearer may look like, in squared
standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.population import Array, Classes, Population, distances, inverse

SWAPPED = 10.0
"""By which another assignment of labels must be likelier at least to be doubted: on folds of people 1-16 of Synapse no
right one of 96 is, and of pairs that were swapped in one repetition 94 % are, in two 96 %."""

TURNED = 50.0
"""By which another arrangement of the electrodes must be likelier at least to be believed."""

ROOM = 1.5
"""Times what one in a hundred of strangers surpasses, to be believed."""

STRANGE = 1.3
"""Times the distance that one block in a hundred of strangers surpasses; a repetition beyond is no gesture. Of four
people of Synapse the farthest lies at 0.6, noise of any size at 1.35 and more."""


def unlikeness(population: Population, means: Array, counts: Array) -> float:
    """Of the means ``(K, F)`` of ``counts`` ``(K,)`` repetitions; a gesture without any does not count."""
    there = counts > 0
    deviation = means[there] - population.means[there]
    offset = deviation.mean(0)
    chance = 1 / counts[there]
    along = offset @ population.axes
    common = float((along * along / (population.common + chance.mean() / len(chance))).sum())
    apart = (deviation - offset) ** 2 / (population.own + chance[:, None])
    return common + float(apart.sum())


def mixed_by(population: Population, means: Array, counts: Array) -> tuple[float, list[tuple[int, int]]]:
    """By how much the likeliest assignment of labels is likelier than the given one, and what it exchanges.

    Returns:
        A difference of squared distances, at least 0; (shown, labelled) of each gesture that it would call otherwise.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - half a second that only calibration spends

    there = np.flatnonzero(counts > 0)
    given = means[there]
    offset = (given - population.means[there]).mean(0)
    away = given[:, None] - population.means[there] - offset
    variance = population.own + 1 / counts[there].mean()
    cost = (away * away / variance).sum(-1)
    rows, columns = linear_sum_assignment(cost)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    exchanged = [(int(there[column]), int(there[row])) for row, column in pairs if row != column]
    return float(np.trace(cost) - cost[rows, columns].sum()), exchanged


def swapped(population: Population, means: Array, counts: Array) -> list[tuple[int, int]]:
    """Which gestures seem to carry the label of which others, as (shown, labelled); empty where all is well.

    Args:
        population: in general.
        means: ``(K, F)``.
        counts: ``(K,)``.
    """
    advantage, exchanged = mixed_by(population, means, counts)
    return exchanged if advantage > max(SWAPPED, ROOM * population.limits.mixed) else []


def astray_by(population: Population, repetitions: Array, labels: NDArray[np.int64]) -> list[tuple[int, float, int]]:
    """How much likelier each repetition is another gesture, by what the others of its label look like.

    Args:
        population: in general.
        repetitions: ``(R, F)`` the mean of each.
        labels: ``(R,)``.

    Returns:
        Number, difference of log-likelihoods, which gesture; of those whose label has others.
    """
    gestures = len(population.means)
    found = []
    precision = inverse(population.within)
    for number, label in enumerate(labels.tolist()):
        others = np.arange(len(labels)) != number
        counts = np.bincount(labels[others], minlength=gestures).astype(np.float64)
        if not counts[label]:
            continue
        known = population.posterior(by_gesture(repetitions[others], labels[others], gestures), counts)
        logits = Classes.of(known, precision).logits(repetitions[number : number + 1])[0]
        found.append((number, float(logits.max() - logits[label]), int(logits.argmax())))
    return found


def astray(population: Population, repetitions: Array, labels: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Repetitions that look like another gesture than the others of their label, as (number, like which)."""
    limit = max(SWAPPED, ROOM * population.limits.astray)
    return [(number, like) for number, more, like in astray_by(population, repetitions, labels) if more > limit]


def strange(population: Population, repetitions: Array) -> NDArray[np.bool_]:
    """``(R,)`` whether each repetition's mean ``(R, F)`` is like no gesture of anybody's; what is no number is."""
    near = distances(repetitions, population.means, inverse(population.between)).min(1)
    like: NDArray[np.bool_] = near <= STRANGE * population.limits.block
    return ~like


def by_gesture(repetitions: Array, labels: NDArray[np.int64], gestures: int) -> Array:
    """``(K, F)`` the mean of the repetitions ``(R, F)`` of each gesture; zeros for one without any."""
    counts = np.bincount(labels, minlength=gestures)
    total = np.zeros((gestures, repetitions.shape[1]))
    np.add.at(total, labels, repetitions)
    means: Array = total / np.maximum(1, counts)[:, None]
    return means


def arrangements(channels: int) -> list[tuple[int, ...]]:
    """All ways to wear a ring of electrodes: turned by any number of them, and the other way round; as worn first."""
    return [
        tuple((turn + way * place) % channels for place in range(channels))
        for way in (1, -1)
        for turn in range(channels)
    ]


def sits(order: Sequence[int]) -> str:
    """How an armband sits, for people: ``turned by 2 of 8 electrodes and the other way round``."""
    channels = len(order)
    parts = [f"turned by {order[0]} of {channels} electrodes"] if order[0] else []
    if (order[1] - order[0]) % channels != 1:
        parts.append("the other way round")
    return " and ".join(parts)


def turned_by(
    population: Population, seen: Callable[[Sequence[int]], Array], counts: Array, channels: int
) -> tuple[float, tuple[int, ...]]:
    """By how much the likeliest way to wear the armband is likelier than as in training, at least 0, and which it is.

    Args:
        population: in general.
        seen: the means ``(K, F)`` as they are with the channels in another order.
        counts: ``(K,)`` of repetitions.
        channels: C.
    """
    ways = arrangements(channels)
    unlike = np.array([unlikeness(population, seen(way), counts) for way in ways])
    best = int(unlike.argmin())
    return float(unlike[0] - unlike[best]), ways[best]


def arrangement(
    population: Population, seen: Callable[[Sequence[int]], Array], counts: Array, channels: int
) -> tuple[int, ...] | None:
    """How the armband sits; see ``turned_by`` for what is given.

    Returns:
        For each channel of the training people, the wearer's in its place; None where it sits as theirs, or no other
        way is so much likelier that it can be believed.
    """
    advantage, way = turned_by(population, seen, counts, channels)
    return way if advantage > max(TURNED, ROOM * population.limits.turned) else None
