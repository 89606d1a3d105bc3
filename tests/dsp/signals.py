"""Signals that the tests of modes and of Hilbert-Huang matrices share, and the packages they are held to."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from devices.files import load

Signal = NDArray[np.float64]


def chirp(length: int, first: float, last: float, phase: float = 0.0) -> Signal:
    """A sine whose frequency, in turns a sample, goes evenly from the first to the last."""
    return np.sin(2 * np.pi * np.cumsum(np.linspace(first, last, length)) + phase)


def three_chirps(length: int, seed: int) -> Signal:
    """Far enough from one another to be told apart."""
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, 3)
    parts = ((0.18, 0.3, 1.0), (0.05, 0.08, 1.5), (0.012, 0.02, 2.0))
    return sum(
        a * chirp(length, *((f, g) if seed % 2 else (g, f)), p) for (f, g, a), p in zip(parts, phases, strict=True)
    )


def real_windows(synapse_zip: Path, length: int) -> list[Signal]:
    """Single channels of real EMG: three people, two gestures, two windows of each trial."""
    trials = [
        load(synapse_zip / "Session1" / f"session1_subject_{person}" / f"gesture{gesture:02d}_trial01.csv").samples
        for person in (1, 9, 18)
        for gesture in (1, 4)
    ]
    return [
        samples[first : first + length, c].astype(np.float64)
        for samples in trials
        for first in (300, 1200)
        for c in range(samples.shape[1])
    ]


def correlation(pairs: list[tuple[Signal, Signal]]) -> float:
    """Of all pairs, end to end."""
    a, b = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def peer(name: str, distribution: str) -> Any:
    """Another package, or a skip that says how to install it."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{distribution} is not installed (pip install {distribution})")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports is its own affair
        return importlib.import_module(name)
