"""The loop of ``python -m devices record``: from a source to a recorder, with labels, until something ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from devices.integrity import Integrity
from devices.recorder.feeding import Recorder
from devices.source import Source
from dsp.flow import Chunk

OFFSET_EVERY_S = 5.0
"""As LabRecorder does."""

LabelOf = Callable[[int, int], str | None]


class Takes(Protocol):
    """Takes samples and labels; a ``Recorder``, or what stands before one."""

    def put(self, chunk: Chunk) -> None:
        """See ``Recorder``."""

    def mark(self, first: int, label: str) -> None:
        """See ``Recorder``."""


@dataclass(slots=True)
class Progress:
    """What is told while recording.

    Attributes:
        recorder: with ``written``, ``missed`` and ``state``.
        integrity: of the source.
        rate_hz: nominal.
        label: the current one, or "".
        samples: put into the recording.
        first: stream index of the first one, None before it.
        end: stream index after the last one.
        start: stream index after the first chunk.
        began_s: ``time.perf_counter`` when it came.
        latest_s: at the latest one.
        ended: why: "" while it goes on.
    """

    recorder: Recorder
    integrity: Integrity
    rate_hz: float
    label: str = ""
    samples: int = 0
    first: int | None = None
    end: int = 0
    start: int = 0
    began_s: float = 0.0
    latest_s: float = 0.0
    ended: str = ""

    @property
    def seconds(self) -> float:
        """Of the stream, gaps included."""
        return 0.0 if self.first is None else (self.end - self.first) / self.rate_hz

    @property
    def measured_hz(self) -> float:
        """Samples a second by the host's clock, those lost included; 0 before there is a second to tell from."""
        elapsed = self.latest_s - self.began_s
        return (self.end - self.start) / elapsed if elapsed >= 1.0 else 0.0


def record(
    source: Source,
    recorder: Recorder,
    progress: Progress,
    *,
    seconds: float | None = None,
    label_of: LabelOf | None = None,
    typed: Callable[[], str | None] = lambda: None,
    tell: Callable[[Progress], None] = lambda _: None,
    ending: threading.Event,
) -> None:
    """Reads until the source ends, ``seconds`` of its stream have passed, ``ending`` is set, or the recorder fails.

    Args:
        source: opened; closed by the caller.
        recorder: closed by the caller.
        progress: kept up to date.
        seconds: how much to record, to the sample.
        label_of: the label that the source itself knows of samples ``[first, end)``.
        typed: the label that a person has just chosen, or None.
        tell: called after every chunk, also an empty one.
        ending: somebody wants it to end.

    Raises:
        ValueError: the source fails; what came before is recorded.
    """
    limit = None if seconds is None else max(1, round(seconds * source.info.rate_hz))
    offset_due_s = 0.0
    while not progress.ended:
        chunk = source.read()
        if chunk is None:
            progress.ended = "end of the stream"
            return
        chunk = _cut(chunk, progress, limit)
        now = time.perf_counter()
        keep(chunk, now, recorder, progress, label_of)
        if (label := typed()) is not None:
            progress.label = label
            recorder.mark(progress.end, label)
        if now >= offset_due_s and progress.samples:
            recorder.offset(now, source.integrity.clock_offset_s)
            offset_due_s = now + OFFSET_EVERY_S
        progress.ended = _reason(progress, limit, ending)
        tell(progress)


def _reason(progress: Progress, limit: int | None, ending: threading.Event) -> str:
    if progress.recorder.state:
        return "error"
    if limit is not None and progress.first is not None and progress.end - progress.first >= limit:
        return "time"
    return "asked" if ending.is_set() else ""


def _cut(chunk: Chunk, progress: Progress, limit: int | None) -> Chunk:
    """Without what lies beyond the limit."""
    if limit is None or not len(chunk.samples):
        return chunk
    end = (chunk.first if progress.first is None else progress.first) + limit
    if chunk.end <= end:
        return chunk
    keep = max(0, end - chunk.first)
    stamps, raw = (None if each is None else each[:keep] for each in (chunk.stamps, chunk.raw))
    progress.end = end if not keep else progress.end  # the limit lies in a gap
    return Chunk(chunk.samples[:keep], chunk.first, stamps, raw)


def keep(chunk: Chunk, now: float, recorder: Takes, progress: Progress, label_of: LabelOf | None = None) -> None:
    """Hands a chunk on, with the labels that the source knows of, and notes it in the progress."""
    if not len(chunk.samples):
        return
    if progress.first is None:
        progress.first, progress.start, progress.began_s = chunk.first, chunk.end, now
    if label_of is not None:
        for first, label in changes(label_of, chunk.first, chunk.end, progress.label):
            recorder.mark(first, label)
            progress.label = label
    recorder.put(chunk)
    progress.samples += len(chunk.samples)
    progress.end, progress.latest_s = chunk.end, now


def changes(label_of: LabelOf, first: int, end: int, before: str) -> list[tuple[int, str]]:
    """Where the label changes within ``[first, end)``; a stretch with the same label at both ends is taken as one."""
    found: list[tuple[int, str]] = []

    def at(index: int) -> str:
        return label_of(index, index + 1) or ""

    def look(begin: int, stop: int) -> None:
        nonlocal before
        if at(begin) == at(stop - 1):
            if at(begin) != before:
                before = at(begin)
                found.append((begin, before))
            return
        middle = (begin + stop) // 2
        look(begin, middle)
        look(middle, stop)

    look(first, end)
    return found
