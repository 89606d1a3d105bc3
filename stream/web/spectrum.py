"""What the raw signal consists of, for a picture: amplitude by frequency, and where the mains stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Samples

BINS = 128
"""Of the picture, from 0 to half the rate."""

_LEAST = 64
"""Samples without which there is nothing to show."""

_STANDS_OUT = 3.0
"""Times its surroundings, in amplitude, at which a line counts as the mains."""


def spectrum(samples: Samples, rate_hz: float) -> NDArray[np.float32]:
    """Amplitude density of each channel under a Hann window, the mean of two or three overlapping parts (Welch).

    Args:
        samples: ``(T, C)`` microvolts, NaN where some are missing; those count as none.
        rate_hz: of the samples.

    Returns:
        ``(BINS, C)`` microvolts per square root of hertz; the greatest within each bin, so that lines stay visible.
        Zeros where there are too few samples.
    """
    size = min(len(samples), round(rate_hz))
    if size < _LEAST:
        return np.zeros((BINS, samples.shape[1]), np.float32)
    clean = np.nan_to_num(samples)
    weight = np.hanning(size + 2)[1:-1, None]
    starts = range(0, len(clean) - size + 1, max(1, size // 2))
    parts = [clean[start : start + size] for start in starts]
    power = np.mean([np.abs(np.fft.rfft((part - part.mean(axis=0)) * weight, axis=0)) ** 2 for part in parts], axis=0)
    density = np.sqrt(2 * power / (rate_hz * (weight**2).sum()))
    edges = np.linspace(0, len(density), BINS + 1).astype(int)
    edges = np.minimum(np.maximum(edges, np.arange(BINS + 1) * 0), len(density) - 1)
    shown: NDArray[np.float32] = np.maximum.reduceat(density, edges[:-1], axis=0).astype(np.float32)
    return shown


def mains(samples: Samples, rate_hz: float) -> int:
    """50 or 60 where that line stands out of the mean spectrum, else 0."""
    size = len(samples)
    if size < round(rate_hz / 2):
        return 0
    clean = np.nan_to_num(samples)
    weight = np.hanning(size + 2)[1:-1, None]
    amplitude = np.abs(np.fft.rfft((clean - clean.mean(axis=0)) * weight, axis=0)).mean(axis=1)
    hz = np.arange(len(amplitude)) * rate_hz / size
    ratios = {line: _ratio(amplitude, hz, line) for line in (50, 60)}
    best = max(ratios, key=lambda line: ratios[line])
    return best if ratios[best] > _STANDS_OUT else 0


def _ratio(amplitude: NDArray[np.float64], hz: NDArray[np.float64], line: int) -> float:
    near = np.abs(hz - line) <= 1
    around = (np.abs(hz - line) > 2) & (np.abs(hz - line) <= 8)
    if not near.any() or not around.any():
        return 0.0
    return float(amplitude[near].max() / max(float(np.median(amplitude[around])), 1e-12))
