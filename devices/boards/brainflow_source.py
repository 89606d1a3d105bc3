"""Samples from a board that BrainFlow reads: fetched, counted, stamped."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.dejitter import Dejitter
from devices.integrity import STREAMING, Integrity
from dsp.flow import Chunk, Samples, StreamInfo

SILENCE_S = 1.0
"""How long no sample may come before the board counts as away."""

_POLL_S = 0.005
_WAIT_S = 0.1
_BACKLOG_S = 0.05


class Board(NamedTuple):
    """What BrainFlow does not say of a board.

    Attributes:
        modulus: the package counter goes from 0 to one below this.
        step: of the counter, from one sample to the next.
        full_scale_uv: the magnitude at which the range ends.
    """

    modulus: int
    step: int = 1
    full_scale_uv: float = float("inf")


class BrainFlowSource:
    """A board that BrainFlow reads; a ``devices.source.Source``. See ``open_brainflow``.

    Args:
        board: a ``brainflow.BoardShim``, streaming.
        info: of the stream.
        known: how the board counts; a modulus of 0 where that is not known.
        rows: of BrainFlow's table: the counter, the time stamp, then the channels.
        patience_s: how long the board may give no samples.
    """

    def __init__(self, board: Any, info: StreamInfo, known: Board, rows: list[int], *, patience_s: float) -> None:
        self._board, self._rows = board, rows
        self._patience_s = patience_s
        self._count = _Count(known, info.rate_hz)
        self._dejitter = Dejitter(info.rate_hz)
        self._info, self._integrity = info, Integrity(len(info.channels))
        if not known.modulus:
            self._integrity.unseen = "losses of less than a second cannot be seen, since its counter is not known"
        self._heard_s = time.perf_counter()
        self._waiting: deque[Chunk] = deque()
        self._closing = threading.Event()
        self._using = threading.Lock()
        self._released = False

    @property
    def info(self) -> StreamInfo:
        """See ``Source``."""
        return self._info

    @property
    def integrity(self) -> Integrity:
        """See ``Source``."""
        return self._integrity

    def read(self) -> Chunk | None:
        """See ``Source``."""
        deadline = time.perf_counter() + _WAIT_S
        while not self._closing.is_set():
            if self._waiting:
                return self._waiting.popleft()
            if self._fetch():
                continue
            if time.perf_counter() >= deadline:
                self._wonder()
                return Chunk(np.empty((0, len(self._info.channels)), np.float32), 0, np.empty(0))
            self._closing.wait(_POLL_S)
        return None

    def close(self) -> None:
        """See ``Source``; the board is told to stop."""
        self._closing.set()
        with self._using:
            if not self._released:
                self._released = True
                release(self._board)

    def _fetch(self) -> bool:
        """Takes what BrainFlow has, in chunks without a gap."""
        table = self._table()
        if not table.shape[1]:
            return False
        if self._count.doubtful(table[0], table[1]):  # a lap of the counter lost, or a backlog that is still coming?
            time.sleep(_BACKLOG_S)
            table = np.concatenate([table, self._table()], axis=1)
        arrived_s = time.perf_counter()
        if self._integrity.state != STREAMING:
            self._integrity.state = STREAMING
            self._integrity.returns += 1
        self._heard_s = arrived_s
        self._integrity.clock_offset_s = arrived_s - time.time()
        indices, fresh = self._count(table[0], table[1])
        self._integrity.duplicates += int(np.count_nonzero(~fresh))
        self._cut(indices[fresh], table[:, fresh], arrived_s)
        return True

    def _table(self) -> NDArray[np.float64]:
        with self._using:
            if self._released:
                return np.empty((len(self._rows), 0))
            table: NDArray[np.float64] = self._board.get_board_data()[self._rows]
        return table

    def _cut(self, indices: NDArray[np.int64], table: NDArray[np.float64], arrived_s: float) -> None:
        raw = table[1]
        samples: Samples = np.ascontiguousarray(table[2:].T, np.float32)
        taken = np.minimum(raw + self._integrity.clock_offset_s, arrived_s)
        begins = [0, *(np.flatnonzero(np.diff(indices) != 1) + 1).tolist(), len(indices)]
        for begin, end in pairwise(begins):
            if end > begin:
                first = int(indices[begin])
                stamps = self._dejitter(first, taken[begin:end])
                self._waiting.append(Chunk(samples[begin:end], first, stamps, raw[begin:end].copy()))

    def _wonder(self) -> None:
        silent_s = time.perf_counter() - self._heard_s
        if silent_s > self._patience_s:
            raise ValueError(
                f"{self._info.name} has given no sample for {silent_s:.0f} s; "
                "check that it is switched on and plugged in, then start again"
            )
        if silent_s > SILENCE_S:
            self._integrity.state = f"waiting for {self._info.name}"


class _Count:
    """Stream indices from a counter that wraps and from the time of each sample."""

    def __init__(self, board: Board, rate_hz: float) -> None:
        self._modulus, self._step, self._rate_hz = board.modulus, board.step, rate_hz
        self._index, self._counter, self._at_s = -1, 0, 0.0

    def doubtful(self, counters: NDArray[np.float64], at_s: NDArray[np.float64]) -> bool:
        """So long after the last sample that the counter may have gone round meanwhile."""
        lap_s = (self._modulus // self._step or self._rate_hz * SILENCE_S) / self._rate_hz
        return self._index >= 0 and len(counters) > 0 and float(at_s[0]) - self._at_s > 0.5 * lap_s

    def __call__(
        self, counters: NDArray[np.float64], at_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The index of each sample, and whether it is a new one."""
        steps = self._steps(counters)
        if self._index < 0:
            steps[0], self._index = 1, -1
        else:
            # Whole laps are found at the last sample, which has waited least of all.
            elapsed = round((float(at_s[-1]) - self._at_s) * self._rate_hz)
            steps[np.argmax(np.diff(at_s, prepend=self._at_s))] += self._laps(elapsed - int(steps.sum()))
        indices = self._index + np.cumsum(steps)
        self._index, self._counter, self._at_s = int(indices[-1]), int(counters[-1]), float(at_s[-1])
        return indices, steps > 0

    def _steps(self, counters: NDArray[np.float64]) -> NDArray[np.int64]:
        if not self._modulus:
            return np.ones(len(counters), np.int64)
        before = np.concatenate([[self._counter], counters[:-1]])
        steps: NDArray[np.int64] = ((counters - before) % self._modulus).astype(np.int64) // self._step
        return steps

    def _laps(self, missing: int) -> int:
        """Samples in the laps that the counter went round unseen; without a counter, all where a second is missing."""
        if not self._modulus:
            return missing if missing > self._rate_hz * SILENCE_S else 0
        lap = self._modulus // self._step
        return max(0, round(missing / lap)) * lap


def release(board: Any) -> None:
    """Tells a board to stop and gives it back, whatever state it is in."""
    for step in (board.stop_stream, board.release_session):
        with suppress(Exception):  # it was not streaming, or is gone: it is left all the same
            step()
    disown(board)


def disown(board: Any) -> None:
    """Keeps BrainFlow's object from ending, when it is collected, a session that another one has on the same board."""
    board.is_prepared = lambda: False
