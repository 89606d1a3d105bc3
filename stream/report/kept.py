"""Every decision of a run, kept for the report."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.decision import Decision
from stream.sinks import Truth

NONE = -1
"""In place of an index: an abstention, or a truth that nobody knows."""

UNKNOWN, RIGHT, WRONG, ABSTAINED = range(4)
"""What a decision was: not to be judged, right (also where it rightly abstained), wrong, or a wrong abstention."""


class Decisions(NamedTuple):
    """W decisions in order.

    Attributes:
        firsts: ``(W,)`` stream index of each window's first sample.
        ends: ``(W,)`` the one after its last.
        said: ``(W,)`` index into the labels, ``NONE`` for an abstention.
        truth: ``(W,)`` index into the names, of which the labels come first; ``NONE`` where unknown.
        confidence: ``(W,)`` 0 to 1.
        probabilities: ``(W, K)``, 0 where they were no numbers.
    """

    firsts: NDArray[np.int64]
    ends: NDArray[np.int64]
    said: NDArray[np.int64]
    truth: NDArray[np.int64]
    confidence: NDArray[np.float64]
    probabilities: NDArray[np.float32]

    def verdicts(self) -> NDArray[np.int64]:
        """``(W,)`` of ``UNKNOWN``, ``RIGHT``, ``WRONG`` and ``ABSTAINED``; the rule is ``stream.score.is_right``."""
        foreign = self.truth >= self.probabilities.shape[1]
        right = (self.said == self.truth) | (foreign & (self.said == NONE))
        judged = np.where(right, RIGHT, np.where(self.said == NONE, ABSTAINED, WRONG))
        return np.where(self.truth == NONE, UNKNOWN, judged)


class Keep:
    """A sink that keeps what it is given.

    Args:
        labels: K gestures in the order of the probabilities.
        names: what can be true: the labels, then what the recogniser does not know.
        truth: the true labels.
    """

    def __init__(self, labels: tuple[str, ...], names: tuple[str, ...], truth: Truth) -> None:
        self._truth, self._classes = truth, len(labels)
        self._index = {name: index for index, name in enumerate(names)}
        self._rows: list[tuple[int, int, int, int, float]] = []
        self._probabilities: list[NDArray[np.float32]] = []

    def __call__(self, decision: Decision) -> None:
        """Keep a decision."""
        truth = self._truth(decision.first, decision.end)
        said = NONE if decision.label is None else self._index[decision.label]
        true = NONE if truth is None else self._index[truth]
        self._probabilities.append(decision.probabilities)
        self._rows.append((decision.first, decision.end, said, true, decision.confidence))

    def decisions(self) -> Decisions:
        """All of them so far."""
        count = min(len(self._rows), len(self._probabilities))  # Ctrl-C may come between the two
        columns = np.array(self._rows[:count], np.float64).reshape(count, 5).T
        firsts, ends, said, truth = columns[:4].astype(np.int64)
        given = np.array(self._probabilities[:count], np.float32).reshape(count, self._classes)
        numbers = np.nan_to_num(given, nan=0.0, posinf=0.0, neginf=0.0)
        return Decisions(firsts, ends, said, truth, columns[4], numbers)


def runs(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """``(begin, stop)`` of each stretch of equal values, in order."""
    if not len(values):
        return []
    edges = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [len(values)]])
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
