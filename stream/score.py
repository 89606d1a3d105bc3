"""Right and wrong: accuracy, confusion and the per-gesture scores of a stream of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ABSTAINED = "abstained"


class GestureScore(NamedTuple):
    """Of one gesture; NaN where the denominator is nought.

    Attributes:
        gesture: its name.
        windows: decisions whose true label it is.
        recall: share of them that were decided so.
        precision: share of the decisions for it that were true.
        f1: harmonic mean of both.
    """

    gesture: str
    windows: int
    recall: float
    precision: float
    f1: float


def is_right(truth: str | None, decided: str | None, labels: Sequence[str]) -> bool | None:
    """Whether a decision was right, None where the truth is unknown.

    A gesture that is none of ``labels``, what can be decided, is got right by abstaining (``decided`` is None).
    """
    if truth is None:
        return None
    return decided == (truth if truth in labels else None)


class Score:
    """Counts (true label, decision) pairs.

    A gesture that the recogniser does not know can only be got right by abstaining. Decisions whose true label is
    unknown are not counted.

    Args:
        labels: what can be decided.
        truths: what can be true; names beyond ``labels`` get rows of their own.
    """

    def __init__(self, labels: Sequence[str], truths: Sequence[str] = ()) -> None:
        self.labels = tuple(labels)
        self.names = self.labels + tuple(dict.fromkeys(name for name in truths if name not in self.labels))
        self._row = {name: index for index, name in enumerate(self.names)}
        self._counts = np.zeros((len(self.names), len(self.labels) + 1), np.int64)
        self.counted = 0
        self.right = 0

    def add(self, truth: str | None, decided: str | None) -> None:
        """Count one pair; ``decided`` is None for an abstention, ``truth`` is None where it is unknown.

        Raises:
            KeyError: a name that was not announced.
        """
        if truth is None:
            return
        row = self._row[truth]
        column = len(self.labels) if decided is None else self._row[decided]
        self._counts[row, column] += 1
        self.counted += 1
        self.right += bool(is_right(truth, decided, self.labels))

    @property
    def accuracy(self) -> float | None:
        """Share of the counted decisions that were right, or None where none was counted."""
        return self.right / self.counted if self.counted else None

    @property
    def confusion(self) -> NDArray[np.int64]:
        """``(names, labels + 1)`` counts, true by decided; the last column holds the abstentions."""
        return self._counts.copy()

    def per_gesture(self) -> list[GestureScore]:
        """The scores of each of ``labels``."""
        decided = self._counts.sum(axis=0)
        scores = []
        for index, gesture in enumerate(self.labels):
            hits = int(self._counts[index, index])
            windows = int(self._counts[index].sum())
            scores.append(
                GestureScore(
                    gesture,
                    windows,
                    _share(hits, windows),
                    _share(hits, int(decided[index])),
                    _share(2 * hits, windows + int(decided[index])),
                )
            )
        return scores


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
