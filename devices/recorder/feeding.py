"""Takes what a loop must not wait for: chunks go into a queue, and a thread of its own writes them.

recorder = elsewhere(path, info, names=("rest", "fist"))     # or Recorder(open_writer(...)), in this process
recorder.put(chunk)                                          # returns at once, whatever the disk does
recorder.mark(chunk.end, "fist")
recorder.close()
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from devices.formats.writer import Writer
from dsp.complaints import one_sentence
from dsp.flow import Chunk, StreamInfo

BATCH_S = 0.05
"""How often what came is written; so much is missing after a kill, besides what the format itself holds back."""
FLUSH_S = 0.5
CAPACITY_S = 30.0
"""How long the disk may stand still before samples are missed."""
PATIENCE_S = 10.0
"""How long ``close`` waits for what is still to be written."""


class _Mark(NamedTuple):
    first: int
    label: str


class _Note(NamedTuple):
    first: int
    text: str


class _Offset(NamedTuple):
    at_s: float
    offset_s: float


class Recorder:
    """Feeds a writer from a thread of its own.

    ``put``, ``mark``, ``note`` and ``offset`` are called by one thread and return at once. What a stalled writer cannot
    take is counted in ``missed`` and becomes a gap of the recording. An error of the writer ends the recording, not the
    loop: it shows in ``state``, and ``close`` raises it.

    Args:
        writer: opened; used by the recorder's thread alone, and closed by it.
        rate_hz: of the stream, for the size of the queue.

    Attributes:
        missed: samples that could not be recorded.
        written: samples handed to the writer.
    """

    def __init__(self, writer: Writer, rate_hz: float) -> None:
        self.missed = 0
        self.written = 0
        self._writer = writer
        self._capacity = max(1, int(CAPACITY_S * rate_hz))
        self._queue: deque[Chunk | _Mark | _Note | _Offset] = deque()
        self._taken = 0  # samples put into the queue; less ``written``, those in it
        self._error: BaseException | None = None
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._feed, name="record", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """What is written."""
        return self._writer.path

    @property
    def state(self) -> str:
        """Empty while all is well, else what is wrong in a sentence."""
        return "" if self._error is None else one_sentence(self._error)

    @property
    def complaint(self) -> str:
        """What could not be kept, in a sentence; complete after ``close``."""
        sentences = [self._writer.complaint]
        if self.missed and self._error is None:
            sentences.append(f"the disk was too slow for {self.missed} samples, which the recording lacks")
        return "; ".join(filter(None, sentences))

    def put(self, chunk: Chunk) -> None:
        """Takes a copy of a chunk, or counts its samples as missed; nothing once ``close`` was called."""
        count = len(chunk.samples)
        if self._leaving.is_set():
            return
        if self._error is not None or self._taken - self.written + count > self._capacity:
            self.missed += count
            return
        self._taken += count
        self._queue.append(
            Chunk(
                chunk.samples.copy(),
                chunk.first,
                None if chunk.stamps is None else chunk.stamps.copy(),
                None if chunk.raw is None else chunk.raw.copy(),
            )
        )

    def mark(self, first: int, label: str) -> None:
        """From the sample ``first`` on, the label is this one; "" is unknown."""
        if self._error is None:
            self._queue.append(_Mark(first, label))

    def note(self, first: int, text: str) -> None:
        """See ``devices.formats.writer.Writer``."""
        if self._error is None:
            self._queue.append(_Note(first, text))

    def offset(self, at_s: float, offset_s: float) -> None:
        """See ``devices.formats.writer.Writer``."""
        if self._error is None:
            self._queue.append(_Offset(at_s, offset_s))

    def close(self) -> None:
        """Writes what is left and completes the file; safe to call twice.

        Raises:
            ValueError: the recording failed, or does not finish in ``PATIENCE_S``; what was written is readable.
        """
        self._leaving.set()
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            raise ValueError(
                f"the disk does not take what is left of {str(self.path)!r}; what was written until now is readable"
            )
        if self._error is not None:
            raise ValueError(
                f"the recording {str(self.path)!r} ended early: {self.state}; what was written until then is readable"
            ) from self._error

    def _feed(self) -> None:
        try:
            try:
                self._write_until_left()
            finally:
                self._writer.close()
        except BaseException as error:  # whatever it is, it belongs to whoever closes the recorder
            self._error = error
            self._queue.clear()

    def _write_until_left(self) -> None:
        flushed_s = time.monotonic()
        leaving = False
        while not leaving:
            leaving = self._leaving.wait(BATCH_S)
            self._drain()
            if time.monotonic() - flushed_s >= FLUSH_S:
                self._writer.flush()
                flushed_s = time.monotonic()

    def _drain(self) -> None:
        """Writes what is in the queue, neighbouring chunks as one."""
        together: list[Chunk] = []
        while self._queue:
            item = self._queue.popleft()
            if together and not (isinstance(item, Chunk) and _follows(item, together[-1])):
                self._write(together)
            if isinstance(item, _Mark):
                self._writer.mark(*item)
            elif isinstance(item, _Note):
                self._writer.note(*item)
            elif isinstance(item, _Offset):
                self._writer.offset(*item)
            else:
                together.append(item)
        if together:
            self._write(together)

    def _write(self, together: list[Chunk]) -> None:
        chunk = _joined(together)
        together.clear()
        self._writer.write(chunk)
        self.written += len(chunk.samples)


def elsewhere(
    path: Path,
    info: StreamInfo,
    *,
    names: tuple[str, ...] = (),
    person: str = "",
    session: str = "",
    format_: str | None = None,
    simulated: bool = False,
    task: str = "gestures",
    remarks: Mapping[str, str] | None = None,
) -> Recorder:
    """A recorder whose writer is a process of its own, so that formatting and writing cost the caller nothing.

    The file is completed also when the caller is killed.

    Args:
        path: as of ``devices.formats.writer.open_writer``, and so all the others.
        info: the stream.
        names: labels that are expected.
        person: whose arm.
        session: which sitting.
        format_: one of ``devices.formats.writer.FORMATS``.
        simulated: no human arm was involved.
        task: what the person was asked to do.
        remarks: more to keep.

    Raises:
        ValueError: as of ``open_writer``; or the process does not begin.
    """
    from devices.recorder.pipe import Elsewhere  # noqa: PLC0415 - needs subprocess, which nobody else does

    writer = Elsewhere(
        path,
        info,
        names=names,
        person=person,
        session=session,
        format_=format_,
        simulated=simulated,
        task=task,
        remarks=remarks,
    )
    return Recorder(writer, info.rate_hz)


def _follows(chunk: Chunk, before: Chunk) -> bool:
    kinds = [(each.stamps is None, each.raw is None) for each in (chunk, before)]
    return chunk.first == before.end and kinds[0] == kinds[1]


def _joined(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    stamps = [chunk.stamps for chunk in chunks if chunk.stamps is not None]
    raw = [chunk.raw for chunk in chunks if chunk.raw is not None]
    return Chunk(
        np.concatenate([chunk.samples for chunk in chunks]),
        chunks[0].first,
        np.concatenate(stamps) if stamps else None,
        np.concatenate(raw) if raw else None,
    )
