"""Empirical mode decomposition, and the Hilbert-Huang matrices of a window: ours against the packages that do it.

Eight channels of noise in the band of EMG. ``emd`` and ``EMD-signal`` decompose one channel at a time, as they are by
default. How far the first three modes agree stands beside the ratio: being quick is of no use if the modes are others
(those of ``EMD-signal`` are, it sifts on where the others stop).
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from dsp.hilbert_huang import hilbert_huang
from dsp.modes import decompose
from tests.bench.clock import medians_us

CHANNELS = 8
LENGTHS = {"400 ms at 512 Hz": (205, 512.0), "400 ms at 1 kHz": (400, 1000.0), "5 s at 512 Hz": (2560, 512.0)}

Decomposed = list[NDArray[np.float64]]
"""Of each channel, ``(M, T)``."""


def measure() -> dict[str, Any]:
    """Milliseconds, ratios and correlations for windows and for a short recording."""
    return {name: _measure(_noise(length, rate)) for name, (length, rate) in LENGTHS.items()}


def _noise(length: int, rate_hz: float) -> NDArray[np.float64]:
    """White noise, band-passed at 20 Hz to 0.45 of the rate, from the middle of a longer stretch."""
    sections = signal.butter(4, (20.0, 0.45 * rate_hz), "bandpass", fs=rate_hz, output="sos")
    noise = np.random.default_rng(0).standard_normal((2 * length + 1000, CHANNELS)) * 50
    filtered: NDArray[np.float64] = signal.sosfilt(sections, noise, axis=0)
    return filtered[1000 : 1000 + length].copy()


def _measure(x: NDArray[np.float64]) -> dict[str, Any]:
    calls: dict[str, Callable[[], Any]] = {"ours": lambda: decompose(x)}
    calls |= {name: lambda take=take: take(x) for name, take in _peers().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the peers
        us = medians_us(calls, rounds=15, each=1)
        agreement = {name: _agreement(x, calls[name]()) for name in calls if name != "ours"}
    matrices = medians_us({"ours": lambda: hilbert_huang(x, scaling="together")}, rounds=40, each=2)
    return {
        "ours_ms": round(us["ours"] / 1e3, 3),
        "matrices_256x256_scaled_ms": round(matrices["ours"] / 1e3, 3),
        **{
            name: {
                "ms": round(us[name] / 1e3, 2),
                "times_ours": round(us[name] / us["ours"], 1),
                "first_three_modes_correlate": agreement[name],
            }
            for name in agreement
        },
    } | {f"{name}_left_out": f"not installed (pip install {name})" for name in PEERS if name not in agreement}


def _emd() -> Callable[[NDArray[np.float64]], Decomposed]:
    sift = importlib.import_module("emd").sift.sift
    return lambda x: [sift(column).T for column in np.ascontiguousarray(x.T)]


def _pyemd() -> Callable[[NDArray[np.float64]], Decomposed]:
    decomposer = importlib.import_module("PyEMD").EMD()
    return lambda x: [decomposer(column) for column in np.ascontiguousarray(x.T)]


PEERS = {"emd": ("emd", _emd), "EMD-signal": ("PyEMD", _pyemd)}
"""The distribution: its module, and what makes the call."""


def _peers() -> dict[str, Callable[[NDArray[np.float64]], Decomposed]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: make() for name, (module, make) in PEERS.items() if find_spec(module) is not None}


def _agreement(x: NDArray[np.float64], theirs: Decomposed) -> list[float]:
    """Of modes 1 to 3 over all channels."""
    ours = [decompose(column) for column in x.T]
    found = []
    for mode in range(3):
        both = [(a[mode], b[mode]) for a, b in zip(ours, theirs, strict=True) if min(len(a), len(b)) > mode]
        a, b = (np.concatenate(part) for part in zip(*both, strict=True))
        found.append(round(float(a @ b / np.sqrt((a @ a) * (b @ b))), 4))
    return found
