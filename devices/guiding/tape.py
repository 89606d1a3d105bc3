"""The latest part of a stream: it can be looked at again, and what is not settled yet is not written yet.

Labels are written with their samples and cannot be taken back. So a repetition that may still be discarded is held
here, and goes to the recorder with what has become of it.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import NamedTuple, Protocol

import numpy as np

from devices.recorder.loop import Takes
from dsp.flow import Chunk, Samples


class Notes(Takes, Protocol):
    """Takes notes as well."""

    def note(self, first: int, text: str) -> None:
        """See ``devices.recorder.feeding.Recorder``."""


class Stretch(NamedTuple):
    """A part of a stream.

    Attributes:
        samples: ``(T, C)`` microvolts as they came, without those that were lost.
        lost: how many were.
    """

    samples: Samples
    lost: int


class Tape:
    """Stands before a recorder.

    Args:
        recorder: gets what is settled.
        channels: of the stream.

    Attributes:
        end: stream index after the last sample, 0 before the first one.
        held: samples that are not settled yet.
    """

    def __init__(self, recorder: Notes, channels: int) -> None:
        self.end = self.held = 0
        self._recorder, self._channels = recorder, channels
        self._chunks: deque[Chunk] = deque()
        self._settled = self._kept = 0
        self._labels: dict[int, str] = {}
        self._notes: list[tuple[int, str]] = []

    def put(self, chunk: Chunk) -> None:
        """Takes a copy of a chunk."""
        if len(chunk.samples):
            stamps, raw = (None if each is None else each.copy() for each in (chunk.stamps, chunk.raw))
            self._chunks.append(Chunk(chunk.samples.copy(), chunk.first, stamps, raw))
            self.held += len(chunk.samples)
            self.end = chunk.end

    def mark(self, first: int, label: str) -> None:
        """From the sample ``first`` on, which is not settled, the label is this one, whatever was said before."""
        self._labels[first] = label

    def note(self, first: int, text: str) -> None:
        """Something that happened at the sample ``first`` and is no label."""
        self._notes.append((first, text))

    def between(self, first: int, end: int) -> Stretch:
        """What is remembered of the samples ``[first, end)``."""
        latest = takewhile(lambda chunk: chunk.end > first, reversed(self._chunks))
        parts = [chunk.samples[max(first - chunk.first, 0) : max(end - chunk.first, 0)] for chunk in latest]
        samples = np.concatenate([np.zeros((0, self._channels), np.float32), *reversed(parts)])
        return Stretch(samples, max(end - first - len(samples), 0))

    def forget(self, before: int) -> None:
        """Gives up what ends before a sample, once it is settled."""
        self._kept = before
        while self._chunks and self._chunks[0].end <= min(before, self._settled):
            self._chunks.popleft()

    def settle(self, before: int | None = None) -> None:
        """Hands on what lies before a sample; all there is where none is given."""
        end = self.end if before is None else before
        for first in sorted(first for first in self._labels if first < end):
            self._recorder.mark(first, self._labels.pop(first))
        for first, text in sorted(self._notes):
            if first < end:
                self._recorder.note(first, text)
        self._notes = [(first, text) for first, text in self._notes if first >= end]
        for chunk in self._chunks:
            part = _part(chunk, self._settled, end)
            if len(part.samples):
                self._recorder.put(part)
                self.held -= len(part.samples)
        self._settled = max(self._settled, end)
        self.forget(self._kept)


def _part(chunk: Chunk, first: int, end: int) -> Chunk:
    """What of a chunk lies in ``[first, end)``."""
    begin, stop = (min(max(index - chunk.first, 0), len(chunk.samples)) for index in (first, end))
    stamps, raw = (None if each is None else each[begin:stop] for each in (chunk.stamps, chunk.raw))
    return Chunk(chunk.samples[begin:stop], chunk.first + begin, stamps, raw)
