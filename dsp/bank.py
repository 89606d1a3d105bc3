"""Many streams of one kind, side by side: what ``Pipeline`` does for one, in one compiled call for all.

The streams go in step: each brings as many samples as the others. Every window equals that of a ``Pipeline`` fed with
the same samples, bit for bit.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dsp.design import Design
from dsp.kernels import aligned_zeros, kernel_for_many

EACH = 512
"""Streams that are worth a thread of their own: the kernels run without the interpreter's lock."""

THREADS = 8
"""At most so many; beyond, the memory is the limit."""


class Bank:
    """S streams through one design.

    Args:
        design: spec and coefficients.
        streams: S.
    """

    def __init__(self, design: Design, streams: int) -> None:
        spec = design.spec
        self.design = design
        self._sections, self._rest = design.arrays()
        self._gain = np.ascontiguousarray(np.broadcast_to(1.0 / np.array(spec.scale_uv or (1.0,)), (spec.channels,)))
        self._state = aligned_zeros((streams, len(self._sections), 2, spec.channels), np.float64)
        self._history = aligned_zeros((streams, 2 * spec.window, spec.channels), np.float32)
        self._window, self._position, self._begun = spec.window, 0, False
        threads = max(1, min(THREADS, (os.cpu_count() or 1) - 1, streams // EACH))
        edges = np.linspace(0, streams, threads + 1).astype(int).tolist()
        self._parts = [slice(first, end) for first, end in pairwise(edges)]
        self._pool = ThreadPoolExecutor(threads, "bank") if threads > 1 else None

    @property
    def windows(self) -> NDArray[np.float32]:
        """``(S, N, C)``: the last N samples of each stream, filtered and scaled; a view that ``advance`` changes."""
        return self._history[:, self._position : self._position + self._window]

    def advance(self, samples: NDArray[np.float32]) -> None:
        """Takes the next samples of all streams; the first of each finds its filter at rest.

        Args:
            samples: ``(S, T, C)`` C-contiguous float32 microvolts.

        Raises:
            ValueError: they have another shape, or are not numbers of that kind.
        """
        streams, _, channels = self._history.shape
        if samples.ndim != 3 or (samples.shape[0], samples.shape[2]) != (streams, channels):
            raise ValueError(f"samples of shape {samples.shape} came for {streams} streams of {channels} channels")
        if samples.dtype != np.float32 or not samples.flags.c_contiguous:
            raise ValueError(f"samples are {samples.dtype}; give C-contiguous float32")
        if not samples.shape[1]:
            return
        if not self._begun:
            self._state[:] = self._rest[None, :, :, None] * samples[:, 0].astype(np.float64)[:, None, None, :]
            self._begun = True
        kernel = kernel_for_many(channels)

        def run(part: slice) -> int:
            of = (samples[part], self._sections, self._state[part], self._gain, self._history[part], self._position)
            return kernel(*of)

        positions = [*(map if self._pool is None else self._pool.map)(run, self._parts)]
        self._position = positions[0]
