"""Scores from confusion matrices: accuracy, F1 of each gesture, macro-F1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
"""``(K, K)``: row = true gesture, column = answer."""


def confusion(truth: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> Counts:
    """Counts how often each true gesture got each answer.

    Args:
        truth: ``(n,)`` indices; negative ones (unknown) are left out.
        answers: ``(n,)`` indices.
        classes: K.
    """
    known = truth >= 0
    counts = np.bincount(truth[known] * classes + answers[known], minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def accuracy(counts: Counts) -> float | None:
    """Share of right answers, None where there were no questions."""
    total = int(counts.sum())
    return float(np.trace(counts)) / total if total else None


def f1(counts: Counts) -> list[float | None]:
    """F1 = 2 TP / (2 TP + FP + FN) of each gesture, None for one that was neither shown nor answered."""
    hits = np.diag(counts)
    involved = counts.sum(axis=0) + counts.sum(axis=1)
    return [2 * float(hit) / float(all_) if all_ else None for hit, all_ in zip(hits, involved, strict=True)]


def macro_f1(counts: Counts) -> float | None:
    """Mean F1 over the gestures that were shown, None where none was."""
    shown = [score for score, row in zip(f1(counts), counts, strict=True) if row.sum() and score is not None]
    return float(np.mean(shown)) if shown else None


def divergence(said: NDArray[np.float64], probabilities: NDArray[np.float32]) -> float | None:
    """Mean Kullback-Leibler divergence of answers from distributions, in nats.

    Args:
        said: ``(n, K)`` rows that sum to one; those with NaN are left out.
        probabilities: ``(n, K)``.

    Returns:
        None where no row is left.
    """
    known = ~np.isnan(said).any(1)
    if not known.any():
        return None
    given = np.maximum(probabilities[known].astype(np.float64), 1e-12)
    rows = np.where(said[known] > 0, said[known] * (np.log(np.maximum(said[known], 1e-300)) - np.log(given)), 0.0)
    return float(rows.sum(1).mean())


def log_loss(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> float | None:
    """Mean cross-entropy in nats of the known windows.

    Args:
        probabilities: ``(n, K)``.
        truth: ``(n,)``, negative where unknown.
    """
    known = np.flatnonzero(truth >= 0)
    if not len(known):
        return None
    given = probabilities[known, truth[known]].astype(np.float64)
    return float(-np.log(np.maximum(given, 1e-12)).mean())
