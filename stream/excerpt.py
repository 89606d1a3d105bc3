"""The beginning of a stream."""

from __future__ import annotations

from devices.source import Source
from dsp.flow import Chunk


class Ended:
    """A source that ends after so many samples; otherwise as the one inside."""

    def __init__(self, source: Source, samples: int) -> None:
        self._source, self._samples = source, samples
        self.info, self.integrity = source.info, source.integrity
        self._first: int | None = None

    def read(self) -> Chunk | None:
        """See ``devices.source.Source``; cut at the last sample."""
        chunk = self._source.read()
        if chunk is None or not len(chunk.samples):
            return chunk
        self._first = chunk.first if self._first is None else self._first
        rest = self._first + self._samples - chunk.first
        if rest <= 0:
            return None
        if len(chunk.samples) <= rest:
            return chunk
        stamps, raw = (None if times is None else times[:rest] for times in (chunk.stamps, chunk.raw))
        return Chunk(chunk.samples[:rest], chunk.first, stamps, raw)

    def close(self) -> None:
        """See ``devices.source.Source``."""
        self._source.close()
