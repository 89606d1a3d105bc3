"""The one extra thread: reads the source and writes the ring, so that no delay in the loop can cost a sample."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import numpy as np

from devices.source import Source
from dsp.flow import Chunk
from dsp.ring import Ring
from stream.foresight import Foresight

PATIENCE_S = 2.0
"""How long a source may take to come back from ``read`` once it is closed."""


class Acquisition:
    """Reads a source into a ring while the ``with`` block lasts.

    Whatever the source raises is raised again in whoever reads the ring. Leaving the block closes the source and waits
    for the thread, at most ``PATIENCE_S``; the thread is a daemon, so a source that hangs cannot keep the program.

    Args:
        source: opened; read by the thread alone.
        ring: written by the thread alone.
        tap: sees every chunk after the ring has it (a recorder); it must not wait.
    """

    def __init__(self, source: Source, ring: Ring, tap: Callable[[Chunk], object] | None = None) -> None:
        self._source = source
        self._ring = ring
        self._tap = tap
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._acquire, name="acquire", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        try:
            self._source.close()
        finally:
            self._thread.join(PATIENCE_S)

    @property
    def running(self) -> bool:
        """Whether the thread is still there."""
        return self._thread.is_alive()

    def _acquire(self) -> None:
        try:
            while not self._leaving.is_set() and (chunk := self._source.read()) is not None:
                self._refuse_nan(chunk)
                chunk = _stamped(chunk)
                self._ring.write(chunk)
                if self._tap is not None and len(chunk.samples):
                    self._tap(chunk)
        except BaseException as error:
            self._ring.fail(error)  # whatever it is, it belongs to the main thread
        else:
            self._ring.finish()

    def _refuse_nan(self, chunk: Chunk) -> None:
        """A filter that has met NaN gives nothing else ever after."""
        if not np.isfinite(chunk.samples).all():
            row = int(np.argmin(np.isfinite(chunk.samples).all(axis=1)))
            raise ValueError(
                f"{self._source.info.name!r} sent a value that is not a number (NaN or infinite) as sample "
                f"{chunk.first + row}; check the device and its driver, then start again"
            )


def chunks(
    ring: Ring,
    *,
    wait_s: float = 0.1,
    idle: Callable[[], object] | None = None,
    foresight: Foresight | None = None,
) -> Iterator[Chunk]:
    """What the acquisition thread has written, as soon as it is there, until the end of the stream.

    Args:
        ring: between the two threads.
        wait_s: how long nothing may come before ``idle`` is called.
        idle: is called again and again while nothing comes.
        foresight: acts in time before the next window, if given.

    Raises:
        BaseException: whatever the source raised.
    """
    while not ring.finished:
        if ring.wait(wait_s if foresight is None else foresight.wait_s(wait_s)):
            chunk = ring.read()
            if len(chunk.samples):
                yield chunk
        elif foresight is not None and foresight.act():
            continue
        elif idle is not None:
            idle()


class Unread:
    """What a ring holds that was not looked at yet; see ``stream.overrun.Backlog``.

    Args:
        ring: behind the chunks.
        bridged: samples of the longest gap after which windows go on.
    """

    def __init__(self, ring: Ring, bridged: int) -> None:
        self._ring, self._bridged = ring, bridged

    def waiting(self) -> int:
        """Samples that will continue the stream; those behind a gap after which everything starts anew do not."""
        return self._ring.waiting if self._ring.missing <= self._bridged else 0

    def lost(self) -> int:
        """Samples that were overwritten before anybody saw them."""
        return self._ring.dropped


def straight(
    source: Source, tap: Callable[[Chunk], object] | None = None, idle: Callable[[], object] | None = None
) -> Iterator[Chunk]:
    """The chunks of a source without thread or ring, for files read as fast as possible; closes it at the end.

    Args:
        source: that has all it gives at once.
        tap: sees every chunk that is not empty.
        idle: is called where one is.
    """
    try:
        while (chunk := source.read()) is not None:
            if not len(chunk.samples) and idle is not None:
                idle()
            elif tap is not None:
                tap(chunk)
            yield chunk
    finally:
        source.close()


def _stamped(chunk: Chunk) -> Chunk:
    """With the present as the arrival of its samples, where the source does not know better."""
    if chunk.stamps is not None:
        return chunk
    return chunk._replace(stamps=np.full(len(chunk.samples), time.perf_counter()))
