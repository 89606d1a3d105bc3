"""Recording what a live device gives while it is recognised."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.formats.writer import destination
from devices.formats.writer_file import claim
from devices.recorder.feeding import Recorder, elsewhere
from devices.recorder.loop import OFFSET_EVERY_S, changes
from devices.watched import Watched
from dsp.flow import Chunk


class Tape:
    """What the acquisition thread hands every chunk to; never waits.

    Args:
        recorder: writes in a process of its own.
        source: where the chunks come from; its labels are kept, if it knows any.
    """

    def __init__(self, recorder: Recorder, source: Watched) -> None:
        self._recorder, self._source = recorder, source
        self._label = ""
        self._offset_due_s = -math.inf

    def __call__(self, chunk: Chunk) -> None:
        """Takes a chunk, which is not empty."""
        if self._source.names:
            for first, label in changes(self._source.label, chunk.first, chunk.end, self._label):
                self._recorder.mark(first, label)
                self._label = label
        self._recorder.put(chunk)
        now = time.perf_counter()
        if now >= self._offset_due_s:
            self._recorder.offset(now, self._source.integrity.clock_offset_s)
            self._offset_due_s = now + OFFSET_EVERY_S

    def mark(self, index: int, text: str) -> None:
        """Notes something at a sample, where the format has room for what is no label."""
        self._recorder.note(index, text)

    def trouble(self) -> str:
        """What goes wrong with the recording, for people; "" while all is well."""
        if self._recorder.state:
            return f"the recording has ended early: {self._recorder.state}"
        missed = self._recorder.missed
        return f"the disk was too slow for {missed} samples of the recording" if missed else ""


def recordable(path: Path) -> None:
    """Complains of what cannot be recorded into before the device is woken.

    Raises:
        ValueError: no format is known by the suffix, the file exists, or its folder cannot be written into.
    """
    place, format_ = destination(path, None)
    if format_ != "bids":
        claim(place)


@contextmanager
def taping(path: Path, source: Watched) -> Iterator[Tape]:
    """Records into a file while the ``with`` block lasts.

    Args:
        path: its suffix says the format; it must not exist.
        source: that is recorded.

    Raises:
        ValueError: the file cannot be written; at the end, the recording failed on the way, and what of it is readable.
    """
    recorder = elsewhere(path, source.info, names=source.names, simulated=source.simulated)
    try:
        yield Tape(recorder, source)
    except BaseException:
        try:
            recorder.close()
        except ValueError as error:  # the other error is the one to raise
            _note(str(error))
        else:
            _tell(recorder)
        raise
    recorder.close()
    _tell(recorder)


def _tell(recorder: Recorder) -> None:
    """What there is of the recording, and what it lacks."""
    _note(f"{recorder.written} samples are in {recorder.path}" if recorder.written else "nothing was recorded")
    if recorder.complaint:
        _note(recorder.complaint)


def _note(sentence: str) -> None:
    print(f"note: {sentence}", file=sys.stderr)
