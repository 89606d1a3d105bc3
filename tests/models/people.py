"""Simulated people whose gestures are covariances: of all people, of each, of each gesture and each repetition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.covariances import Covariances, covariances, whitening_of
from models.population import Population
from models.repetition import Repetition
from train.population import Told, population

LABELS = ("fist", "open", "point")
WINDOW, CHANNELS = 80, 4


class People:
    """As many as are asked for, always the same ones.

    Args:
        seed: of what the gestures are.
        common: how much people differ altogether.
        own: how much they differ in each gesture.
        repetition: how much repetitions differ.
    """

    def __init__(self, seed: int = 0, common: float = 0.5, own: float = 0.15, repetition: float = 0.05) -> None:
        self._seed, self._common, self._own, self._repetition = seed, common, own, repetition
        rng = np.random.default_rng(seed)
        self._gestures = [_symmetric(rng, 0.6) for _ in LABELS]

    def windows(self, person: int, gesture: int, repetition: int, count: int = 8) -> NDArray[np.float32]:
        """``(count, N, C)`` of one repetition."""
        rng = np.random.default_rng([self._seed, person])
        offset = _symmetric(rng, self._common)
        mine = [_symmetric(rng, self._own) for _ in LABELS]
        rng = np.random.default_rng([self._seed, person, gesture, repetition])
        logarithm = self._gestures[gesture] + offset + mine[gesture] + _symmetric(rng, self._repetition)
        values, vectors = np.linalg.eigh(logarithm)
        root = (vectors * np.exp(values / 2)) @ vectors.T
        return (rng.standard_normal((count, WINDOW, CHANNELS)) @ root).astype(np.float32)

    def repetitions(self, person: int, times: int = 1, first: int = 0) -> list[Repetition]:
        """Of every gesture so many."""
        return [
            Repetition(label, self.windows(person, gesture, turn))
            for turn in range(first, first + times)
            for gesture, label in enumerate(LABELS)
        ]

    def population(self, count: int = 40, times: int = 4) -> Population:
        """What people 0 ... count - 1 are like."""
        keys = [(w, g, r) for w in range(count) for g in range(len(LABELS)) for r in range(times)]
        windows = [self.windows(*key) for key in keys]
        everything = np.concatenate(windows)
        whiten = Covariances(whitening_of(covariances(everything, 1).mean(0)), 1)
        of = np.repeat(np.arange(len(keys)), [len(some) for some in windows])
        wearer, gesture = (np.array([key[column] for key in keys])[of] for column in (0, 1))
        return population(whiten, Told(whiten(everything), wearer, gesture, of), len(LABELS))


def _symmetric(rng: np.random.Generator, size: float) -> NDArray[np.float64]:
    matrix = rng.standard_normal((CHANNELS, CHANNELS)) * size
    return (matrix + matrix.T) / 2
