"""What is the same for every format: who and what, gaps, labels on samples, and the checks."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Chunk, Samples, StreamInfo

LONGEST_LABEL = 60
"""Characters of a label that are kept."""

MOST_UV = 1e9
"""No electrode gives as much, and no reader takes it."""


def printable(text: str) -> str:
    """Text that every format can hold: a blank for what cannot be printed, and blanks in a row as one."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def label_text(label: str) -> str:
    """A label as it is kept."""
    return printable(label)[:LONGEST_LABEL]


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a recording before its first sample.

    Attributes:
        info: the stream.
        names: labels that are expected; others may come.
        person: whose arm, or "".
        session: which sitting, or "".
        simulated: no human arm was involved.
        task: what the person was asked to do, a word.
        remarks: more to keep, where the format has room: ``manufacturer``, ``device`` and so on.
        began: when; None where that is not known.
    """

    info: StreamInfo
    names: tuple[str, ...] = ()
    person: str = ""
    session: str = ""
    simulated: bool = False
    task: str = "gestures"
    remarks: Mapping[str, str] = field(default_factory=dict)
    began: datetime.datetime | None = field(default_factory=lambda: datetime.datetime.now().astimezone())

    @property
    def began_text(self) -> str:
        """In ISO 8601, or "" where it is not known."""
        return "" if self.began is None else self.began.isoformat(timespec="milliseconds")


class Change(NamedTuple):
    """From the sample ``first`` on, the label is this one."""

    first: int
    label: str


class Stretch(NamedTuple):
    """Samples without a gap; a ``Chunk`` of which nothing is missing.

    Attributes:
        samples: ``(T, C)`` float32, microvolts; T is at least 1.
        first: stream index of the first sample.
        stamps: ``(T,)`` float64, when each sample was taken; ``index / rate`` where time has no meaning.
        raw: ``(T,)`` float64, the stamps before any correction.
    """

    samples: Samples
    first: int
    stamps: NDArray[np.float64]
    raw: NDArray[np.float64]

    @property
    def end(self) -> int:
        """Stream index after the last sample."""
        return self.first + len(self.samples)


class Layout(Protocol):
    """How one format lays a recording out; what is the same for all is done before it is asked."""

    @property
    def path(self) -> Path:
        """See ``Writer``."""

    @property
    def complaint(self) -> str:
        """See ``Writer``."""

    def append(self, stretch: Stretch, gap: int, changes: Sequence[Change]) -> None:
        """Writes samples.

        Args:
            stretch: of samples.
            gap: samples missing before it.
            changes: of the label, in order, each on another sample of the stretch.
        """

    def offset(self, at_s: float, offset_s: float) -> None:
        """See ``Writer``; only once there are samples."""

    def close(self, *, complete: bool) -> None:
        """Ends the file, if there is one.

        Args:
            complete: write what is still held and what stands at the end; not after a write that failed.
        """


@runtime_checkable
class Noting(Protocol):
    """A layout that has room for notes."""

    def note(self, stamp: float, text: str) -> None:
        """Writes a note; only once there are samples.

        Args:
            stamp: of the sample that it belongs to, before any correction.
            text: of the note.
        """


class LaidOut:
    """A ``Writer`` over a layout: checks what comes, finds gaps, and puts labels on samples.

    A sample with a value that no reader would take (no number, or ``MOST_UV`` and more) is left out, as if it had been
    lost, and complained of: one of them must not end a recording of hours, nor make it unreadable.
    """

    def __init__(self, about: About, layout: Layout) -> None:
        self._about = about
        self._layout = layout
        self._next: int | None = None
        self._marks: list[Change] = []
        self._notes: list[Change] = []
        self._label = ""
        self._offset: tuple[float, float] | None = None
        self._unfit = 0
        self._closed = False
        self._failed = False

    @property
    def path(self) -> Path:
        """See ``Writer``."""
        return self._layout.path

    @property
    def complaint(self) -> str:
        """See ``Writer``."""
        unfit = f"{self._unfit} samples held no numbers, or {MOST_UV:.0e} uV and more, and were left out as a gap"
        return "; ".join(filter(None, [self._layout.complaint, unfit if self._unfit else ""]))

    def write(self, chunk: Chunk) -> None:
        """See ``Writer``."""
        if not len(chunk.samples):
            return
        self._check(chunk)
        fit = np.asarray((np.abs(chunk.samples) < MOST_UV).all(axis=1), np.bool_)
        if fit.all():
            self._append(chunk)
            return
        if self._next is None and not fit.any():
            raise ValueError(self._nonsense(chunk))
        for part in _stretches(chunk, fit):
            self._append(part)
        self._unfit += int(np.count_nonzero(~fit))

    def _append(self, chunk: Chunk) -> None:
        stamps = chunk.stamps
        if stamps is None:
            stamps = np.arange(chunk.first, chunk.end) / self._about.info.rate_hz
        samples = np.ascontiguousarray(chunk.samples, np.float32)
        stretch = Stretch(samples, chunk.first, stamps, stamps if chunk.raw is None else chunk.raw)
        gap = 0 if self._next is None else chunk.first - self._next
        self._failed = True  # unless it returns
        self._layout.append(stretch, gap, self._changes(chunk))
        self._write_notes(stretch)
        self._failed = False
        self._next = chunk.end
        if self._offset is not None:
            self._layout.offset(*self._offset)
            self._offset = None

    def mark(self, first: int, label: str) -> None:
        """See ``Writer``."""
        self._marks.append(Change(first, label_text(label)))

    def note(self, first: int, text: str) -> None:
        """See ``Writer``."""
        self._notes.append(Change(first, printable(text)))

    def offset(self, at_s: float, offset_s: float) -> None:
        """See ``Writer``."""
        if self._next is None:
            self._offset = (at_s, offset_s)
        else:
            self._layout.offset(at_s, offset_s)

    def flush(self) -> None:
        """See ``Writer``; layouts hold nothing back that could be written."""

    def close(self) -> None:
        """See ``Writer``."""
        if not self._closed:
            self._closed = True
            self._layout.close(complete=not self._failed)

    def _write_notes(self, stretch: Stretch) -> None:
        due = sorted(note for note in self._notes if note.first < stretch.end)
        self._notes = [note for note in self._notes if note.first >= stretch.end]
        if isinstance(self._layout, Noting):
            for first, text in due:
                self._layout.note(float(stretch.raw[max(first - stretch.first, 0)]), text)

    def _changes(self, chunk: Chunk) -> list[Change]:
        """What becomes of the label within a chunk; the last mark on a sample counts."""
        due = sorted((mark for mark in self._marks if mark.first < chunk.end), key=lambda mark: mark.first)
        self._marks = [mark for mark in self._marks if mark.first >= chunk.end]
        changes: list[Change] = []
        for first, label in {max(mark.first, chunk.first): mark.label for mark in due}.items():
            if label != self._label:
                changes.append(Change(first, label))
                self._label = label
        return changes

    def _check(self, chunk: Chunk) -> None:
        info = self._about.info
        if self._closed:
            raise ValueError(f"the recording {str(self.path)!r} is closed; begin another one")
        if chunk.samples.ndim != 2 or chunk.samples.shape[1] != len(info.channels):
            raise ValueError(
                f"{info.name!r} has {len(info.channels)} channels, but samples of shape {chunk.samples.shape} are to "
                f"be recorded; expected (samples, channels)"
            )
        if self._next is not None and chunk.first < self._next:
            raise ValueError(
                f"{info.name!r} gives sample {chunk.first} after sample {self._next - 1}; a source numbers its "
                f"samples upwards"
            )

    def _nonsense(self, chunk: Chunk) -> str:
        worst = float(np.abs(chunk.samples[0]).max())
        said = f"{worst:.3g} uV, which no electrode gives" if math.isfinite(worst) else "no number (NaN or infinite)"
        return (
            f"{self._about.info.name!r} sent {said}, as sample {chunk.first}, so nothing was recorded; see to its unit "
            f"and to the program or driver that sends it, then start again"
        )


def _stretches(chunk: Chunk, fit: NDArray[np.bool_]) -> Iterator[Chunk]:
    """The parts of a chunk that fit."""
    edges = np.flatnonzero(np.diff(fit, prepend=False, append=False)).tolist()
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        stamps, raw = (None if each is None else each[begin:end] for each in (chunk.stamps, chunk.raw))
        yield Chunk(chunk.samples[begin:end], chunk.first + begin, stamps, raw)
