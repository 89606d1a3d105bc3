"""The beginning of a stream."""

from __future__ import annotations

from devices.source import Source
from devices.watched import Watched
from dsp.flow import Chunk


def beginning(source: Watched, seconds: float) -> Watched:
    """Another source up to so many seconds of its stream, gaps included; what comes after them is not counted either.

    Args:
        source: not to be read by anybody else from now on.
        seconds: more than zero.
    """
    return Watched(Ended(source.source, round(seconds * source.info.rate_hz)))


class Ended:
    """A source that ends after so many samples; otherwise as the one inside."""

    def __init__(self, source: Source, samples: int) -> None:
        self._source, self._samples = source, samples
        self.info, self.integrity = source.info, source.integrity
        self._end: int | None = None
        self._reached = False

    def read(self) -> Chunk | None:
        """See ``devices.source.Source``; cut at the last sample, after which nothing more is waited for."""
        chunk = None if self._reached else self._source.read()
        if chunk is None or not len(chunk.samples):
            return chunk
        self._end = chunk.first + self._samples if self._end is None else self._end
        self._reached = chunk.end >= self._end
        rest = self._end - chunk.first
        if rest <= 0:  # the end lies in a gap
            return None
        if len(chunk.samples) <= rest:
            return chunk
        stamps, raw = (None if times is None else times[:rest] for times in (chunk.stamps, chunk.raw))
        return Chunk(chunk.samples[:rest], chunk.first, stamps, raw)

    def close(self) -> None:
        """See ``devices.source.Source``."""
        self._source.close()
