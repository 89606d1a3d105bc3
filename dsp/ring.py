"""The ring between the acquisition thread and the loop.

The contract:

1. One thread writes and one thread reads; anything else is undefined.
2. The writer never waits: a full ring loses its oldest samples, never its newest.
3. A reader that comes late jumps ahead and counts what it lost in ``dropped``; nothing is lost silently.
4. Cursors only grow: the writer claims, copies, then publishes; the reader copies, then checks the claim.
5. So a block that was overwritten while it was being copied is noticed and counted, never handed out.
6. Every sample keeps its stream index and its stamp, and gets the time at which it came into the ring; ``read`` never
   joins samples across a gap.
7. ``read`` returns a copy, which is the reader's own.
8. The end of the stream, or the error that ended it, reaches the reader after the last sample.
"""

from __future__ import annotations

import threading
import time

import numpy as np

from dsp.flow import Chunk, Samples

MOST = 4096
"""Samples in one ``read``: keeps its cost bounded where a long backlog has many gaps."""


class Ring:
    """A ring of ``capacity`` samples of ``channels`` channels; see the contract above.

    Attributes:
        capacity: samples it holds.
        dropped: samples overwritten before they were read.
    """

    def __init__(self, channels: int, capacity: int) -> None:
        if channels < 1 or capacity < 1:
            raise ValueError(f"a ring of {capacity} samples x {channels} channels cannot hold any; both must be >= 1")
        self.capacity = capacity
        self.dropped = 0
        self._samples = np.zeros((capacity, channels), np.float32)
        self._index = np.zeros(capacity, np.int64)
        self._stamps = np.full(capacity, np.nan)
        self._arrived = np.full(capacity, np.nan)
        self._claimed = 0
        self._published = 0
        self._consumed = 0
        self._end: int | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._news = threading.Event()

    # The writer's side.

    def write(self, chunk: Chunk) -> None:
        """Appends a chunk (``(T, C)`` float32) and wakes the reader.

        Raises:
            ValueError: the channels or the stamps do not fit.
        """
        if chunk.stamps is not None and len(chunk.stamps) != len(chunk.samples):
            raise ValueError(f"a chunk has {len(chunk.samples)} samples but {len(chunk.stamps)} stamps; give one each")
        if chunk.samples.ndim != 2 or chunk.samples.shape[1] != self._samples.shape[1]:
            raise ValueError(f"the ring holds {self._samples.shape[1]} channels; a chunk has {chunk.samples.shape}")
        for begin in range(0, len(chunk.samples), self.capacity):
            self._write_block(chunk, begin, min(begin + self.capacity, len(chunk.samples)))
        if len(chunk.samples):
            self._news.set()

    def finish(self) -> None:
        """Says that no more samples will come."""
        self._ended = True
        self._news.set()

    def fail(self, error: BaseException) -> None:
        """Ends the stream with an error, which ``read`` raises after the last sample."""
        self._error = error
        self.finish()

    def _write_block(self, chunk: Chunk, begin: int, stop: int) -> None:
        count = stop - begin
        self._claimed = self._published + count
        at = self._published % self.capacity
        head = min(count, self.capacity - at)
        now = time.perf_counter()
        for rows, lo, hi in ((slice(at, at + head), begin, begin + head), (slice(0, count - head), begin + head, stop)):
            self._samples[rows] = chunk.samples[lo:hi]
            self._index[rows] = np.arange(chunk.first + lo, chunk.first + hi)
            self._stamps[rows] = np.nan if chunk.stamps is None else chunk.stamps[lo:hi]
            self._arrived[rows] = now
        self._published = self._claimed

    # The reader's side.

    def wait(self, timeout_s: float) -> bool:
        """Sleeps until there is something to read or the stream has ended, at most ``timeout_s`` seconds.

        Returns:
            False where the time ran out.
        """
        self._news.clear()
        # Looked at after clearing: what was published before is seen here, what comes later sets the event again.
        if self._published > self._consumed or self._ended:
            return True
        return self._news.wait(timeout_s)

    @property
    def waiting(self) -> int:
        """Samples that have come and were not read, as far as the reader can tell at this moment."""
        return min(self._published - self._consumed, self.capacity)

    @property
    def missing(self) -> int:
        """Samples that are missing among those that wait, and before them: what the source did not send."""
        published = self._published
        if self._end is None or published == self._consumed:
            return 0
        last = int(self._index[(published - 1) % self.capacity])
        return max(last + 1 - self._end - (published - self._consumed), 0)

    @property
    def finished(self) -> bool:
        """The stream has ended without an error and everything has been read."""
        return self._ended and self._error is None and self._published == self._consumed

    def read(self) -> Chunk:
        """What is there, up to the next gap and at most ``MOST`` samples; ask again for the rest.

        Returns:
            A chunk of its own memory; empty where nothing new is there, or all of it was just overwritten.

        Raises:
            BaseException: the writer's error (see ``fail``), after the last sample.
        """
        published = self._published
        self._skip_to(published - self.capacity)
        if published == self._consumed:
            if self._error is not None and self._published == self._consumed:
                raise self._error
            return Chunk(np.zeros((0, self._samples.shape[1]), np.float32), 0, np.zeros(0), arrived=np.zeros(0))
        rows = np.arange(self._consumed, min(published, self._consumed + MOST)) % self.capacity
        samples, index, times = self._samples[rows], self._index[rows], (self._stamps[rows], self._arrived[rows])
        # Whatever the writer has claimed since then may be torn: give it up.
        torn = min(max(self._claimed - self.capacity - self._consumed, 0), len(rows))
        self._skip_to(self._consumed + torn)
        return self._up_to_gap(samples[torn:], index[torn:], times[0][torn:], times[1][torn:])

    def _skip_to(self, cursor: int) -> None:
        lost = cursor - self._consumed
        if lost > 0:
            self.dropped += lost
            self._consumed = cursor

    def _up_to_gap(self, samples: Samples, index: np.ndarray, stamps: np.ndarray, arrived: np.ndarray) -> Chunk:
        if not len(index):
            return Chunk(samples, 0, stamps, arrived=arrived)
        jumps = np.flatnonzero(np.diff(index) != 1)
        count = int(jumps[0]) + 1 if len(jumps) else len(index)
        self._consumed += count
        self._end = int(index[0]) + count
        return Chunk(samples[:count], int(index[0]), stamps[:count], arrived=arrived[:count])
