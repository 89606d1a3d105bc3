"""BDF+ (24 bit, continuous) as it is recorded.

Records are a quarter of a second or so. A record is appended first, then the eight bytes that say how many there are
are patched: at every moment pyedflib, mne and edfio read the file, also with half a record behind the last one. (A
count of -1, "not yet known", and a count that runs ahead of the data are both refused by some of them, and none reads
a file without records; so the file appears with its first one.)

* *Gaps.* The format has no room for a hole. What is missing is filled with the last value before it, and the annotation
  ``BAD_gap`` spans it; so is the rest of the last record of a recording that does not end with one. Samples under
  ``BAD_gap`` were not measured.
* *Labels* are annotations with onset and duration. While a label lasts, its duration is patched with every record.
* *Steps.* Values are whole numbers of steps: the device's own where its range is known, so that nothing is lost, else
  1/32 microvolt within 262 millivolts. What lies outside the range is clipped, counted and complained of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from devices.formats.bdf_writer_header import BYTES, Shape, bdf_header, choose_scale, choose_shape
from devices.formats.writer_file import Growing, claim
from devices.formats.writer_layout import About, Change, Stretch
from dsp.flow import Samples

GAP = "BAD_gap"
"""The annotation of samples that were not measured; mne leaves out what begins with ``BAD``."""

NO_LABEL = ("BAD", "EDGE")
"""What annotations begin with, in any case, that are mne's and no labels."""

_COUNT_PLACE, _COUNT_BYTES = 236, 8
_ROOM = 480
"""Bytes for annotations in a record; what does not fit goes into the next one."""
_DURATION = "{:013.6f}"
_TEXT_BYTES = 120


def _refuse_marks(names: Sequence[str]) -> None:
    for name in names:
        if name.upper().startswith(NO_LABEL):
            raise ValueError(
                f"the label {name!r} cannot be kept in BDF, where {' and '.join(NO_LABEL)} at the beginning mark what "
                f"is to be left out; call it otherwise, or choose xdf, csv or hdf5"
            )


class _Note:
    """An annotation: from ``first`` to ``end`` (in samples of the file), the end not known while it lasts."""

    def __init__(self, first: int, text: str, end: int | None = None) -> None:
        self.first, self.text, self.end = first, text.encode()[:_TEXT_BYTES].decode(errors="ignore"), end
        self.place: int | None = None  # of the duration in the file


class BdfLayout:
    """See ``devices.formats.writer.Layout``.

    Args:
        path: of the file.
        about: what is known.
        landing: called right before the file appears.
    """

    def __init__(self, path: Path, about: About, landing: Callable[[], None] | None = None) -> None:
        claim(path)
        _refuse_marks(about.names)
        self.path = path
        self._about = about
        self._landing = landing
        self._shape: Shape = choose_shape(about.info.rate_hz, len(about.info.channels), _ROOM)
        self._file: Growing | None = None
        self._records = 0
        self._held: list[Samples] = []
        self._count = 0  # samples of the file so far, those held included
        self._last: Samples = np.empty((0, len(about.info.channels)), np.float32)
        self._waiting: list[_Note] = []
        self._lasting: _Note | None = None
        self._clipped = 0
        self._step = self._most = 0.0

    @property
    def complaint(self) -> str:
        """How many values did not fit the range of the file."""
        if not self._clipped:
            return ""
        return (
            f"{self._clipped} values lie beyond +-{self._step * self._most:.7g} uV, the range that this file states, "
            f"and were clipped to it; record to --format xdf, csv or hdf5 to keep such values"
        )

    def append(self, stretch: Stretch, gap: int, changes: Sequence[Change]) -> None:
        """See ``Layout``."""
        if gap:
            self._fill(gap)
        for change in changes:
            self._change(self._count + change.first - stretch.first, change.label)
        self._hold(stretch.samples)
        self._last = stretch.samples[-1:].copy()

    def offset(self, at_s: float, offset_s: float) -> None:
        """Not kept: the format knows the sample clock alone."""

    def close(self, *, complete: bool) -> None:
        """Fills the last record, as if it were a gap, and writes it."""
        try:
            if complete and self._count:
                self._complete()
        finally:
            if self._file is not None:
                self._file.close()

    def _complete(self) -> None:
        if self._lasting is not None:
            self._lasting.end = self._count
        while self._waiting or self._count > self._records * self._shape.samples:
            self._fill((self._records + 1) * self._shape.samples - self._count)
        self._patch_duration()

    def _fill(self, count: int) -> None:
        self._waiting.append(_Note(self._count, GAP, self._count + count))
        while count:  # a record at a time, as hours may be missing
            part = min(count, self._shape.samples)
            self._hold(np.repeat(self._last, part, axis=0))
            count -= part

    def _change(self, first: int, label: str) -> None:
        if self._lasting is not None:
            self._lasting.end = first
            self._patch_duration()
        self._lasting = _Note(first, label) if label else None
        if self._lasting is not None:
            self._waiting.append(self._lasting)

    def _hold(self, samples: Samples) -> None:
        self._held.append(samples)
        self._count += len(samples)
        length = self._shape.samples
        if self._count - self._records * length < length:
            return
        rows = np.concatenate(self._held)
        whole = len(rows) // length * length
        for begin in range(0, whole, length):
            self._write(rows[begin : begin + length])
        self._held = [rows[whole:].copy()]

    def _write(self, rows: Samples) -> None:
        notes, places = self._notes()
        if self._file is None:
            self._step, self._most = choose_scale(self._about.info.full_scale_uv, rows)
            content = self._digital(rows) + notes
            header = bdf_header(self._about, self._shape, self._step, self._most, records=1)
            if self._landing is not None:
                self._landing()
            self._file = Growing(self.path, header + content)
            begin = len(header)
            self._records = 1
        else:
            begin = self._file.length
            self._file.append(self._digital(rows) + notes)
            self._records += 1
            self._file.patch(_COUNT_PLACE, str(self._records).encode().ljust(_COUNT_BYTES))
        for note, place in places:
            note.place = begin + self._shape.signal_bytes + place
        self._patch_duration()

    def _digital(self, rows: Samples) -> bytes:
        """``(T, C)`` microvolts as 24-bit steps, one channel after the other."""
        steps = np.rint(rows.T.astype(np.float64) / self._step)
        self._clipped += int(np.count_nonzero(np.abs(steps) > self._most + 1))  # one step is no more than rounding
        clipped = np.clip(steps, -self._most, self._most).astype("<i4")
        return np.ascontiguousarray(clipped).view(np.uint8).reshape(-1, 4)[:, :BYTES].tobytes()

    def _notes(self) -> tuple[bytes, list[tuple[_Note, int]]]:
        """The annotations of the next record, and where the durations of those that last stand in them."""
        text = f"+{self._seconds(self._records * self._shape.samples):.6f}\x14\x14\0".encode()
        places = []
        end = (self._records + 1) * self._shape.samples
        while self._waiting and self._waiting[0].first < end:
            note = self._waiting[0]
            head = f"+{self._seconds(note.first):.6f}\x15".encode()
            lasts = (min(end, self._count) if note.end is None else note.end) - note.first
            entry = head + f"{_DURATION.format(self._seconds(lasts))}\x14{note.text}\x14\0".encode()
            if len(text) + len(entry) > _ROOM:
                break
            if note is self._lasting:
                places.append((note, len(text) + len(head)))
            text += entry
            self._waiting.pop(0)
        return text.ljust(_ROOM, b"\0"), places

    def _patch_duration(self) -> None:
        """Of the label that lasts: to the end of the last record, or to its own."""
        note = self._lasting
        if note is None or note.place is None or self._file is None:
            return
        end = self._records * self._shape.samples if note.end is None else note.end
        self._file.patch(note.place, _DURATION.format(self._seconds(max(0, end - note.first))).encode())

    def _seconds(self, samples: int) -> float:
        return samples * self._shape.duration_s / self._shape.samples
