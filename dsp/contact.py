"""Contact of the electrodes, as far as the samples tell: saturation and flat lines, counted as they pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.compiled import compiled
from dsp.flow import Chunk

FLAT_S = 0.5
"""A channel that has not changed at all for so long is flat: no electrode is that quiet."""


class Contact:
    """Counts saturated and flat samples of a stream, one chunk after the other.

    A gap ends a flat stretch. The counts do not depend on how the stream is cut, except that the samples of a flat
    stretch are counted once it has lasted ``FLAT_S``.

    Args:
        rate_hz: of the stream.
        full_scale_uv: at which magnitude the device's range ends; infinity where that is unknown.
        saturated: ``(C,)`` int64, where saturated samples are counted.
        flat: ``(C,)`` int64, where flat samples are counted.
    """

    def __init__(
        self, rate_hz: float, full_scale_uv: float, saturated: NDArray[np.int64], flat: NDArray[np.int64]
    ) -> None:
        self._limit = np.float32(full_scale_uv * 0.999)
        self._least = max(2, round(FLAT_S * rate_hz))
        self._saturated, self._flat = saturated, flat
        self._last = np.zeros(len(flat), np.float32)
        self._run = np.zeros(len(flat), np.int64)
        self._next = -1

    def look(self, chunk: Chunk) -> None:
        """Counts a chunk."""
        if not len(chunk.samples):
            return
        if chunk.first != self._next:
            self._run[:] = 0
        self._next = chunk.end
        samples = np.ascontiguousarray(chunk.samples, np.float32)
        if not samples.flags.writeable:  # to numba another type, which it would compile a kernel for in mid-stream
            samples = samples.copy()
        _count(samples, self._limit, self._least, self._last, self._run, self._saturated, self._flat)


@compiled(nogil=True)
def _count(samples, limit, least, last, run, saturated, flat):  # type: ignore[no-untyped-def]
    for t in range(samples.shape[0]):
        for c in range(samples.shape[1]):
            x = samples[t, c]
            if abs(x) >= limit:
                saturated[c] += 1
            run[c] = run[c] + 1 if run[c] > 0 and x == last[c] else 1
            last[c] = x
            if run[c] == least:
                flat[c] += least
            elif run[c] > least:
                flat[c] += 1
