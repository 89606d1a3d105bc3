"""How each sitting's armband sat beside the others', from the labels: turned by so many electrodes, or mirrored.

What electrodes hear of a gesture, as the matrix logarithm of their covariance, is compared with what they hear of
everybody else's, for every arrangement of the sitting's electrodes. Each sitting takes its likeliest, then the others
are what they are in theirs, and so on until nothing changes: alternating maximisation, as in generalised Procrustes
analysis (Gower, Psychometrika 40:33-51, 1975).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from devices.entry import Entry
from models.covariances import Covariances, covariances, whitening_of
from models.evidence import arrangements
from models.population import Array, inverse
from train.answers import AT_ONCE, Questions, cut
from train.corpus import Track

DIFFERENCES = 2
"""Orders of differences in time beside the signal."""

APART = 0.4
"""Share of a window by which windows that are learnt from lie apart, if the checkpoint's hop is less: more of them
would tell the same once more."""

ROUNDS = 10
"""At most; Myo readings takes five."""

SHRINK = 0.3
"""Share of a sphere in the covariance by which likelihood is measured; with a dozen sittings, 0.1 is not enough."""

FEWEST = 5
"""Other people with whom a sitting can be compared at least."""

OTHERWISE = 0.1
"""Share of the sittings that must have been worn otherwise than most for that to be a custom; what is rarer is rather
the one armband that was put on badly, which is to be expected of nobody."""


def worn(whole: Track, entries: Sequence[Entry], asked: Questions, window: int) -> tuple[NDArray[np.int64], float]:
    """The arrangement in which each recording's armband sat.

    Args:
        whole: of these entries.
        entries: R recordings.
        asked: windows of them, of which those with a label are looked at.
        window: samples.

    Returns:
        ``(R,)`` numbers of ``models.evidence.arrangements``, 0 as most wore it, and the share of the sittings that have
        another. All are 0 where fewer than ``OTHERWISE`` have, or there are too few people to tell.
    """
    known = np.flatnonzero(asked.truth >= 0)
    sitting, person = sittings(entries), np.array([entry.person for entry in entries])
    gestures = int(asked.truth.max(initial=0)) + 1
    cell = sitting[asked.owner[known]] * gestures + asked.truth[known]
    channels = whole.samples.shape[1]
    size = channels * (1 + DIFFERENCES)
    count = np.bincount(cell)
    heard = np.zeros((len(count), size, size))
    for first, rows in zip(range(0, len(known), AT_ONCE), cut(whole, asked.places[known], window), strict=True):
        np.add.at(heard, cell[first : first + AT_ONCE], covariances(rows, DIFFERENCES))
    there = np.flatnonzero(count)
    whose = np.zeros(int(sitting.max(initial=0)) + 1, np.int64)
    whose[sitting] = person
    ways = likeliest(heard[there] / count[there, None, None], there % gestures, there // gestures, whose, channels)
    otherwise = float((ways[np.unique(there // gestures)] > 0).mean()) if len(there) else 0.0
    return (ways[sitting], otherwise) if otherwise >= OTHERWISE else (np.zeros(len(entries), np.int64), 0.0)


def likeliest(
    heard: Array, gesture: NDArray[np.int64], sitting: NDArray[np.int64], person: NDArray[np.int64], channels: int
) -> NDArray[np.int64]:
    """The arrangement of each of S sittings.

    Args:
        heard: ``(M, D, D)`` mean covariances, one for each gesture of each sitting.
        gesture: ``(M,)`` index of which.
        sitting: ``(M,)`` number of which.
        person: ``(S,)`` whose sitting it is; people are compared with others only.
        channels: C.

    Returns:
        ``(S,)`` numbers of ``models.evidence.arrangements``.
    """
    orders = heard.shape[1] // channels
    index = [[channels * order + place for order in range(orders) for place in way] for way in arrangements(channels)]
    turned = np.stack([heard[:, some][:, :, some] for some in index])
    found, rows = np.zeros(len(person), np.int64), np.arange(len(heard))
    for _ in range(ROUNDS):
        before = found.copy()
        white = Covariances(whitening_of(turned[before[sitting], rows].mean(0)), orders - 1)
        features = np.stack([white.logarithms(some) for some in turned])
        for number in np.unique(sitting).tolist():
            others = person[sitting] != person[number]
            if len(np.unique(person[sitting[others]])) >= FEWEST:
                known = features[before[sitting], rows][others], gesture[others]
                mine = sitting == number
                found[number] = _most_alike(features[:, mine], gesture[mine], *known)
        if (found == before).all():
            break
    return found


def _most_alike(features: Array, gesture: NDArray[np.int64], others: Array, their_gesture: NDArray[np.int64]) -> int:
    """Which of the first axis of ``(A, M, F)`` is most like what others ``(O, F)`` do."""
    both = np.intersect1d(gesture, their_gesture)
    means = {label: others[their_gesture == label].mean(0) for label in both.tolist()}
    shared = np.isin(their_gesture, both)
    if not shared.any():
        return 0
    apart = others[shared] - np.stack([means[label] for label in their_gesture[shared].tolist()])
    spread = apart.T @ apart / len(apart)
    sphere = max(float(np.trace(spread)) / len(spread), np.finfo(np.float64).tiny)
    precision = inverse((1 - SHRINK) * spread + SHRINK * sphere * np.eye(len(spread)))
    some = np.isin(gesture, both)
    away = features[:, some] - np.stack([means[label] for label in gesture[some].tolist()])
    return int(((away @ precision) * away).sum((1, 2)).argmin())


def alike(whole: Track, ways: NDArray[np.int64]) -> Track:
    """The same with every recording's channels in its arrangement ``(R,)``."""
    if not ways.any():
        return whole
    samples, orders = whole.samples.copy(), arrangements(whole.samples.shape[1])
    for way, start, end in zip(ways.tolist(), whole.starts[:-1].tolist(), whole.starts[1:].tolist(), strict=True):
        samples[start:end] = samples[start:end, orders[way]]
    return replace(whole, samples=samples)


def sittings(entries: Sequence[Entry]) -> NDArray[np.int64]:
    """``(R,)`` number of the person and session of each recording."""
    names = [(entry.person, entry.session) for entry in entries]
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], np.int64)
