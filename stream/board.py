"""The board between the loop and the display: a page in memory that two processes share.

The loop writes a page for each decision and never waits; the display reads whenever it likes. A sequence number, odd
while a page is being written, tells the reader that what it copied was torn (a sequence lock, as in the Linux kernel's
seqlock.h): it reads again. The memory is a small file mapped by both sides, in ``/dev/shm`` where there is such a
thing, so that writing never waits for a disk; ``multiprocessing.shared_memory`` would start a process of its own on
either side.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Samples, Window
from stream.margin import Margin, layout
from stream.page import About, Page

MAGIC = b"myoboard"
_PREFIX = 16
NOTICE = 240
"""Bytes of UTF-8 that a notice may have; a longer one is cut."""

_TRIES = 200


def _layout(about: About) -> np.dtype[Any]:
    return np.dtype(
        [
            ("sequence", np.int64),
            ("numbers", np.int64, 10),
            ("paused", np.int64),
            ("figures", np.float64, 3),
            ("probabilities", np.float32, len(about.labels)),
            ("strips", np.float32, (about.columns, 2, len(about.channels))),
            ("past", np.int64, (about.past, 3)),
            ("sure", np.float32, about.past),
            ("shares", np.float32, (about.past, len(about.labels))),
            ("notice", f"S{NOTICE}"),
            ("waiting", np.int64),
        ],
        align=True,
    )


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


class _Mapping:
    """The mapped file: its prefix, what the stream is about, one page, and the margin beside it."""

    def __init__(self, memory: mmap.mmap, about: About, begin: int) -> None:
        self._memory = memory
        self.about = about
        self.page: NDArray[np.void] = np.frombuffer(memory, _layout(about), count=1, offset=begin)
        beside = begin + _aligned(_layout(about).itemsize)
        self.margin = Margin(np.frombuffer(memory, layout(about.rate_hz, len(about.channels)), count=1, offset=beside))

    @staticmethod
    def size(about: About, begin: int) -> int:
        """Bytes of the whole file."""
        return begin + _aligned(_layout(about).itemsize) + layout(about.rate_hz, len(about.channels)).itemsize

    def release(self) -> None:
        self.__dict__.pop("page", None)
        self.__dict__.pop("margin", None)
        with contextlib.suppress(BufferError):  # an array of the caller still looks at it: the process's end unmaps it
            self._memory.close()


class Board:
    """The loop's side: a page that is written for each decision.

    Use it as a context; leaving it removes the file.

    Attributes:
        about: what does not change.
        path: the file that the display is told of.
    """

    def __init__(self, about: About) -> None:
        text = about.to_text().encode()
        begin = _aligned(_PREFIX + len(text))
        shared = Path("/dev/shm")  # noqa: S108 - memory that looks like a file; the name in it is mkstemp's
        folder = shared if shared.is_dir() and os.access(shared, os.W_OK) else None
        descriptor, name = tempfile.mkstemp(prefix="myostream-", suffix=".board", dir=folder)
        self.path = Path(name)
        try:
            os.truncate(descriptor, _Mapping.size(about, begin))
            memory = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
        memory[_PREFIX : _PREFIX + len(text)] = text
        self.about = about
        self._mapping = _Mapping(memory, about, begin)
        self._bind()
        memory[:_PREFIX] = MAGIC + len(text).to_bytes(8, "little")

    def _bind(self) -> None:
        page = self._mapping.page
        self._sequence: NDArray[np.int64] = page["sequence"]
        self._numbers: NDArray[np.int64] = page["numbers"][0]
        self._figures: NDArray[np.float64] = page["figures"][0]
        self._probabilities: NDArray[np.float32] = page["probabilities"][0]
        self._strips: NDArray[np.float32] = page["strips"][0]
        self._past: NDArray[np.int64] = page["past"][0]
        self._sure: NDArray[np.float32] = page["sure"][0]
        self._shares: NDArray[np.float32] = page["shares"][0]
        self._page = page
        self._strips[:] = np.nan
        self._past[:] = -1
        self._columns = 0
        self._decisions = 0
        self._samples: Samples | None = None
        self._first = 0

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Unmap and remove the file; safe to call twice."""
        for name in [name for name in self.__dict__ if isinstance(self.__dict__[name], np.ndarray)]:
            self.__dict__.pop(name)
        self._mapping.release()
        with contextlib.suppress(OSError):  # already gone, or still open in the display on Windows
            self.path.unlink()

    def watch(self, window: Window) -> None:
        """Take note of the window that the next ``publish`` is about."""
        self._samples, self._first = window.samples, window.first

    def publish(
        self,
        end: int,
        decided: int,
        truth: int,
        confidence: float,
        probabilities: NDArray[np.float32],
        *,
        p50_s: float = float("nan"),
        p99_s: float = float("nan"),
        dropped: int = 0,
        late: int = 0,
        skipped: int = 0,
        right: int = 0,
        counted: int = 0,
    ) -> None:
        """Write one page; indices as in ``stream.page.Page``. Costs a few microseconds and never waits."""
        sequence = self._sequence
        writing = int(sequence[0]) | 1  # odd while the page is torn, also after a page that was never finished
        sequence[0] = writing
        at = self._decisions % len(self._past)
        self._past[at], self._sure[at], self._shares[at] = (end, decided, truth), confidence, probabilities
        self._decisions += 1
        self._draw(end)
        self._probabilities[:] = probabilities
        self._figures[:] = (confidence, p50_s, p99_s)
        self._numbers[:] = (
            *(end, decided, truth, dropped, late, skipped),
            *(self._decisions, right, counted, self._columns),
        )
        sequence[0] = writing + 1

    def tell(self, notice: str, waiting: bool) -> None:
        """Say what is amiss; on its own, since nothing is published while no samples come.

        Before the first page there is nothing to say it on.
        """
        if not self._decisions:
            return
        sequence = self._sequence
        writing = int(sequence[0]) | 1
        sequence[0] = writing
        self._page["notice"][0] = notice.encode()[:NOTICE]
        self._page["waiting"][0] = waiting
        sequence[0] = writing + 1

    def pause(self, paused: bool) -> None:
        """Say whether decisions go nowhere at present."""
        self._page["paused"][0] = paused

    @property
    def margin(self) -> Margin:
        """What is shared beside the page."""
        return self._mapping.margin

    def _draw(self, end: int) -> None:
        """Add the columns that were completed since the last page."""
        if self._samples is None:
            return
        each, size = self.about.per_column, len(self._strips)
        stop = end // each
        lowest = max(-(-self._first // each), stop - size)
        begin = max(self._columns, lowest)
        for lost in range(max(self._columns, stop - size), min(begin, stop)):
            self._strips[lost % size] = np.nan
        if stop > begin:
            rows = self._samples[begin * each - self._first : stop * each - self._first]
            columns = rows.reshape(stop - begin, each, -1)
            low, high = columns.min(axis=1), columns.max(axis=1)
            at = begin % size
            head = min(stop - begin, size - at)
            self._strips[at : at + head, 0], self._strips[at : at + head, 1] = low[:head], high[:head]
            if head < len(low):
                rest = len(low) - head
                self._strips[:rest, 0], self._strips[:rest, 1] = low[head:], high[head:]
        self._columns = max(self._columns, stop)
        self._samples = None


class Reader:
    """The display's side.

    Args:
        path: the file of a ``Board``.

    Raises:
        ValueError: the file is no board.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        if memory[:8] != MAGIC:
            memory.close()
            raise ValueError(f"'{path}' is no board of a running stream")
        length = int.from_bytes(memory[8:_PREFIX], "little")
        self.about = About.from_text(memory[_PREFIX : _PREFIX + length].decode())
        self._mapping = _Mapping(memory, self.about, _aligned(_PREFIX + length))

    def read(self) -> Page | None:
        """The newest page, whole.

        Returns:
            None before the first page, and where the writer stopped in the middle of one.
        """
        shared = self._mapping.page
        for _ in range(_TRIES):
            before = int(shared["sequence"][0])
            if before == 0:
                return None
            if before % 2 == 0:
                copy = shared.copy()
                if int(shared["sequence"][0]) == before:
                    return self._page(copy[0])
            sleep(20e-6)
        return None

    @property
    def margin(self) -> Margin:
        """What is shared beside the page."""
        return self._mapping.margin

    def close(self) -> None:
        """Unmap the file."""
        self._mapping.release()

    def _page(self, copy: np.void) -> Page:
        numbers = (int(n) for n in copy["numbers"])
        end, decided, truth, dropped, late, skipped, decisions, right, counted, columns = numbers
        confidence, p50_s, p99_s = (float(f) for f in copy["figures"])
        strips, oldest, kept = copy["strips"], -(decisions % len(copy["past"])), min(decisions, len(copy["past"]))
        return Page(
            about=self.about,
            end=end,
            decided=decided,
            truth=truth,
            confidence=confidence,
            probabilities=copy["probabilities"],
            p50_s=p50_s,
            p99_s=p99_s,
            dropped=dropped,
            late=late,
            skipped=skipped,
            decisions=decisions,
            right=right,
            counted=counted,
            strips=np.roll(strips, -(columns % len(strips)), axis=0),
            past=np.roll(copy["past"], oldest, axis=0)[-kept:],
            sure=np.roll(copy["sure"], oldest)[-kept:],
            shares=np.roll(copy["shares"], oldest, axis=0)[-kept:],
            paused=bool(copy["paused"]),
            notice=bytes(copy["notice"]).decode(errors="ignore"),
            waiting=bool(copy["waiting"]),
        )
