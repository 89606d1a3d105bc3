"""A long signal in few columns: the least and the greatest value in each, as the terminal view draws it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.recording import Recording
from devices.replay import Replay
from dsp.design import Design
from dsp.flow import Samples
from dsp.pipeline import Pipeline
from stream.acquire import straight

MOST = 16_000
"""Columns in a page: its script draws them when a reader looks closer. 37 ms each in ten minutes."""

LEVELS, MISSING = 127, -128
"""Values are whole numbers from -127 to 127, in one byte; the last one stands for what is missing."""

CHUNK_MS = 1000.0


class Columns(NamedTuple):
    """M columns.

    Attributes:
        per: samples in each; the last may have fewer.
        scale_uv: microvolts of ``LEVELS``; what is beyond is cut off.
        low: ``(M, C)`` int8 least value, ``MISSING`` where nothing is known.
        high: ``(M, C)`` greatest value.
    """

    per: int
    scale_uv: float
    low: NDArray[np.int8]
    high: NDArray[np.int8]


def filtered(recording: Recording, design: Design) -> Samples:
    """What the recogniser saw of a recording, microvolts.

    Args:
        recording: that was replayed.
        design: the signal processing.

    Returns:
        ``(T, C)``; NaN where it saw nothing: in gaps, and after the last whole window.
    """
    spec = design.spec
    scale = np.array(spec.scale_uv or (1.0,), np.float32)
    signal = np.full(recording.samples.shape, np.nan, np.float32)
    pipeline, done = Pipeline(design), 0
    for chunk in straight(Replay(recording, None, CHUNK_MS)):
        for window in pipeline.feed(chunk):
            begin = max(done, window.first)
            signal[begin : window.end] = window.samples[begin - window.first :] * scale
            done = window.end
    for first, count in recording.gaps:
        signal[first : first + count] = np.nan
    return signal


def columns(signal: Samples, most: int = MOST) -> Columns:
    """A signal ``(T, C)`` in at most so many columns; NaN is missing."""
    per = max(1, -(-len(signal) // most))
    count = -(-len(signal) // per)
    padded = np.full((count * per, signal.shape[1]), np.nan, np.float32)
    padded[: len(signal)] = signal
    shaped = padded.reshape(count, per, -1)
    missing = np.asarray(np.isnan(shaped).all(axis=1))
    known = np.abs(signal[np.isfinite(signal)])
    scale = max(float(np.quantile(known, 0.999)), 1e-9) if len(known) else 1.0
    low = np.where(missing, 0, np.where(np.isnan(shaped), np.inf, shaped).min(axis=1))
    high = np.where(missing, 0, np.where(np.isnan(shaped), -np.inf, shaped).max(axis=1))
    return Columns(per, scale, _levels(low, scale, missing), _levels(high, scale, missing))


def _levels(values: NDArray[np.float32], scale: float, missing: NDArray[np.bool_]) -> NDArray[np.int8]:
    levels = np.rint(np.clip(values / scale, -1, 1) * LEVELS)
    return np.where(missing, MISSING, levels).astype(np.int8)


def coarser(low: NDArray[np.int8], high: NDArray[np.int8], most: int) -> tuple[int, list[int], list[int]]:
    """One channel in fewer columns.

    Args:
        low: ``(M,)``.
        high: ``(M,)``.
        most: columns.

    Returns:
        How many columns became one, and the least and greatest value of each.
    """
    each = max(1, -(-len(low) // most))
    starts = np.arange(0, len(low), each)
    gone = low == MISSING
    least = np.minimum.reduceat(np.where(gone, LEVELS, low).astype(np.int64), starts)
    greatest = np.maximum.reduceat(np.where(gone, -LEVELS, high).astype(np.int64), starts)
    empty = np.logical_and.reduceat(gone, starts)
    return each, np.where(empty, MISSING, least).tolist(), np.where(empty, MISSING, greatest).tolist()
