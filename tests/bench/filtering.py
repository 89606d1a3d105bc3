"""Filtering and windowing against ``scipy.signal.sosfilt`` with state."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from dsp.design import DspSpec, design
from dsp.flow import Chunk
from dsp.kernels import advance, aligned_zeros
from dsp.pipeline import Pipeline
from tests.bench.clock import medians_us

KILOHERTZ = design(DspSpec(rate_hz=1000, notch_hz=50, notch_harmonics=1))
"""Four sections of band-pass and one of notch."""


def _kernel(length: int) -> dict[str, Any]:
    sections, rest = KILOHERTZ.arrays()
    x = (np.random.default_rng(0).normal(size=(length, 8)) * 200).astype(np.float32)
    wide = x.astype(np.float64)
    state, history = aligned_zeros((len(rest), 2, 8), np.float64), aligned_zeros((2 * 400, 8), np.float32)
    gain = np.ones(8)
    theirs = np.zeros_like(state)

    def peer() -> None:
        _, theirs[:] = signal.sosfilt(sections, wide, axis=0, zi=theirs)

    expected, _ = signal.sosfilt(sections, wide, axis=0, zi=np.zeros_like(state))
    advance(x, 0, length, sections, state, gain, history, 0)
    equal = history[:length].tobytes() == expected.astype(np.float32).tobytes()
    us = medians_us(
        {"ours": lambda: advance(x, 0, length, sections, state, gain, history, 0), "scipy": peer}, rounds=60, each=200
    )
    return {
        "samples": length,
        "sections": 5,
        "bit_equal": equal,
        "times_faster": round(us["scipy"] / us["ours"], 1),
    } | {f"{name}_us": round(value, 3) for name, value in us.items()}


def _ten_minutes(chunk: int) -> dict[str, Any]:
    x = (np.random.default_rng(0).normal(size=(600_000, 8)) * 200).astype(np.float32)
    pieces = [Chunk(x[at : at + chunk], at) for at in range(0, len(x), chunk)]

    def feed() -> int:
        pipeline = Pipeline(KILOHERTZ)
        return sum(1 for piece in pieces for _ in pipeline.feed(piece))

    us = medians_us({"feed": feed}, rounds=7, each=1)
    return {"chunk": chunk, "windows": feed(), "seconds": round(us["feed"] / 1e6, 4)}


def measure() -> dict[str, Any]:
    """Filter ratios for short and long chunks, and ten minutes of 8 x 1 kHz through ``Pipeline.feed``."""
    return {
        "kernel_against_sosfilt": [_kernel(length) for length in (1, 10, 32, 160)],
        "ten_minutes": [_ten_minutes(chunk) for chunk in (10, 32, 1000, 600_000)],
    }
