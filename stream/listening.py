"""A stream that is listened to: what of it was held in a stretch, as it came and as windows out of the pipeline."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Chunk, Samples
from dsp.pipeline import Pipeline


class Stretch(NamedTuple):
    """A part of a stream.

    Attributes:
        samples: ``(T, C)`` microvolts as they came, without those that were lost.
        lost: how many were.
        windows: ``(B, N, C)`` out of the pipeline, those alone that lie wholly within it and hold no bridged sample.
    """

    samples: Samples
    lost: int
    windows: NDArray[np.float32]


class Listening:
    """Feeds a pipeline with a whole stream, and remembers the last part of it.

    Args:
        pipeline: fresh.

    Attributes:
        end: stream index after the last sample, 0 before the first one.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._chunks: deque[Chunk] = deque()
        self._windows: deque[tuple[int, int, NDArray[np.float32]]] = deque()
        self.end = 0

    def feed(self, chunk: Chunk) -> None:
        """Takes a chunk."""
        for window in self._pipeline.feed(chunk):
            if window.intact:
                self._windows.append((window.first, window.end, window.samples.copy()))
        if len(chunk.samples):
            self._chunks.append(chunk)
            self.end = chunk.end

    def between(self, first: int, end: int) -> Stretch:
        """What is remembered of the samples ``[first, end)``."""
        spec = self._pipeline.spec
        parts = [chunk.samples[max(first - chunk.first, 0) : max(end - chunk.first, 0)] for chunk in self._chunks]
        samples = np.concatenate([np.zeros((0, spec.channels), np.float32), *parts])
        inside = [window for begin, stop, window in self._windows if begin >= first and stop <= end]
        windows = np.array(inside, np.float32).reshape(len(inside), spec.window, spec.channels)
        return Stretch(samples, max(end - first - len(samples), 0), windows)

    def forget(self, before: int) -> None:
        """Gives up what ends before a sample."""
        while self._chunks and self._chunks[0].end <= before:
            self._chunks.popleft()
        while self._windows and self._windows[0][1] <= before:
            self._windows.popleft()
