"""Recording what a live device gives while it is recognised."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.recorder import Recorder, elsewhere
from devices.recorder_loop import OFFSET_EVERY_S, changes
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
            print(f"note: {error}", file=sys.stderr)
        raise
    recorder.close()
    print(f"note: {recorder.written} samples are in {path}", file=sys.stderr)
    if recorder.complaint:
        print(f"note: {recorder.complaint}", file=sys.stderr)
