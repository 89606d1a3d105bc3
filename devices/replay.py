"""A recording as a source: as fast as it was made, faster, slower, or at once."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

import numpy as np
from numpy.typing import NDArray

from devices.integrity import Integrity
from devices.recording import Recording
from dsp.flow import Chunk, StreamInfo

PACKET_MS = 2.0
"""What a device sends at once that does not keep its samples to itself: what waits for the rest of a packet is late."""

_LONGEST_WAIT_S = 0.1


class Replay:
    """Gives a recording in chunks, the same ones at every speed.

    The clock starts at the first ``read``. Sample ``i`` is taken at ``start + (i + 1) / (rate * speed)``, an absolute
    time, so that no delay adds to the next one, and a chunk becomes available with its last sample. Those times are the
    stamps: the wait for the rest of a chunk, and the lateness of a reader, are found in them. Where speed is None,
    chunks are available when they are asked for.

    The gaps of a recording are left out: no chunk holds a filled sample, and the one after a gap comes when it came
    live, its ``first`` beyond the end of the one before.

    Args:
        recording: what to replay.
        speed: 1 is real time, 10 is ten times as fast, None is as fast as the reader reads.
        chunk_ms: length of a chunk in the recording's own time, at least one sample; None is what takes ``PACKET_MS``
            to come, or as much as five of those hold where nothing is waited for.

    Raises:
        ValueError: ``speed`` or ``chunk_ms`` is not above zero.
    """

    def __init__(self, recording: Recording, speed: float | None = 1.0, chunk_ms: float | None = None) -> None:
        for name, value in (("speed", speed), ("chunk_ms", chunk_ms)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"the replay's {name} is {value:g}; it must be a finite number above zero")
        self._recording = recording
        self._speed = speed
        packet_ms = PACKET_MS * (speed or 5.0) if chunk_ms is None else chunk_ms
        self._length = max(1, round(recording.info.rate_hz * packet_ms / 1e3))
        self._next = 0
        self._start: float | None = None
        self._closed = threading.Event()
        self._held = False
        self._integrity = Integrity(len(recording.info.channels))
        self._gaps = deque(recording.gaps)

    @property
    def info(self) -> StreamInfo:
        """See ``Source``."""
        return self._recording.info

    @property
    def integrity(self) -> Integrity:
        """See ``Source``."""
        return self._integrity

    @property
    def names(self) -> tuple[str, ...]:
        """See ``Labelled``."""
        return self._recording.names

    @property
    def simulated(self) -> bool:
        """See ``Labelled``."""
        return self._recording.simulated

    def label(self, first: int, end: int) -> str | None:
        """See ``Labelled``."""
        return self._recording.label(first, end)

    def read(self) -> Chunk | None:
        """See ``Source``; None also after ``close``."""
        samples = self._recording.samples
        first, end = self._stretch()
        if self._closed.is_set() or first == end:
            return None
        if self._held:
            return self._wait(first)
        due = self._due(first, end)
        until = min(float(due[-1]), time.perf_counter() + _LONGEST_WAIT_S)
        while (wait := until - time.perf_counter()) > 0:
            if self._closed.wait(wait):
                return None
        if until < due[-1]:
            return Chunk(samples[first:first], first, np.empty(0))
        self._next = end
        return Chunk(samples[first:end], first, due)

    def hold(self, held: bool) -> None:
        """Stop, or go on with the next sample; what was stopped for is not made up for."""
        self._held = held

    def close(self) -> None:
        """See ``Source``."""
        self._closed.set()

    def _wait(self, first: int) -> Chunk:
        """A while in which the clock of the recording stands still."""
        began = time.perf_counter()
        self._closed.wait(_LONGEST_WAIT_S)
        if self._start is not None:
            self._start += time.perf_counter() - began
        return Chunk(self._recording.samples[first:first], first, np.empty(0))

    def _stretch(self) -> tuple[int, int]:
        """First and end of the samples of the next chunk: as many as fit before a gap or the end."""
        while self._gaps and self._gaps[0][0] <= self._next:
            self._next = sum(self._gaps.popleft())
        stop = self._gaps[0][0] if self._gaps else len(self._recording.samples)
        return self._next, min(self._next + self._length, stop)

    def _due(self, first: int, end: int) -> NDArray[np.float64]:
        """When the samples from ``first`` to before ``end`` are taken."""
        now = time.perf_counter()
        if self._speed is None:
            return np.full(end - first, now)
        if self._start is None:
            self._start = now
        taken: NDArray[np.float64] = np.arange(first + 1, end + 1) / (self._recording.info.rate_hz * self._speed)
        return self._start + taken
