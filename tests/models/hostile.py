"""Calibrations gone wrong: too short, a gesture missing, labels swapped, flat channels, noise only, and more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.evidence import arrangements
from models.repetition import Repetition
from tests.models.people import CHANNELS, People

Spoil = Callable[[np.random.Generator, NDArray[np.float32]], NDArray[np.float32]]


def hostile(rng: np.random.Generator, people: People) -> list[Repetition]:
    """One or two repetitions of each gesture, with up to three things wrong."""
    shown = people.repetitions(int(rng.integers(100, 140)), int(rng.integers(1, 3)))
    for _ in range(int(rng.integers(0, 4))):
        if shown:
            shown = ALL[int(rng.integers(len(ALL)))](rng, shown)
    return shown


def _missing(rng: np.random.Generator, shown: list[Repetition]) -> list[Repetition]:
    gone = shown[int(rng.integers(len(shown)))].gesture
    return [one for one in shown if one.gesture != gone]


def _swapped(rng: np.random.Generator, shown: list[Repetition]) -> list[Repetition]:
    one, other = rng.integers(len(shown), size=2).tolist()
    changed = list(shown)
    changed[one] = shown[one]._replace(gesture=shown[other].gesture)
    changed[other] = shown[other]._replace(gesture=shown[one].gesture)
    return changed


def _turned(rng: np.random.Generator, shown: list[Repetition]) -> list[Repetition]:
    order = list(arrangements(CHANNELS)[int(rng.integers(2 * CHANNELS))])
    return [one._replace(windows=one.windows[:, :, order]) for one in shown]


def _all_noise(rng: np.random.Generator, shown: list[Repetition]) -> list[Repetition]:
    size = np.float32(10 ** rng.uniform(-6, 6))
    return [one._replace(windows=_noise(rng, one.windows) * size) for one in shown]


def _one(spoil: Spoil) -> Callable[[np.random.Generator, list[Repetition]], list[Repetition]]:
    def changed(rng: np.random.Generator, shown: list[Repetition]) -> list[Repetition]:
        place = int(rng.integers(len(shown)))
        spoilt = shown[place]._replace(windows=spoil(rng, shown[place].windows.copy()))
        return [*shown[:place], spoilt, *shown[place + 1 :]]

    return changed


def _short(rng: np.random.Generator, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    return windows[: int(rng.integers(0, 4))]


def _flat(rng: np.random.Generator, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    windows[:, :, int(rng.integers(CHANNELS))] = rng.choice([0.0, 5.0])
    return windows


def _noise(rng: np.random.Generator, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rng.standard_normal(windows.shape).astype(np.float32) * np.float32(10 ** rng.uniform(-6, 6))


def _no_number(rng: np.random.Generator, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    if windows.size:
        windows.flat[int(rng.integers(windows.size))] = rng.choice([np.nan, np.inf, -np.inf, 1e30])
    return windows


def _alike(rng: np.random.Generator, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat(windows[:, :, :1], CHANNELS, 2)


def _scaled(rng: np.random.Generator, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    return windows * np.float32(10 ** rng.uniform(-8, 8))


ALL = (
    _missing,
    _swapped,
    _turned,
    _all_noise,
    *(_one(spoil) for spoil in (_short, _flat, _noise, _no_number, _alike, _scaled)),
)
