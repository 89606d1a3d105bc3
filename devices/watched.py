"""Another source, looked at as its samples pass: gaps, saturation and flat lines are counted for all alike."""

from __future__ import annotations

from devices.integrity import Integrity
from devices.source import Labelled, Source
from dsp.contact import Contact
from dsp.flow import Chunk, StreamInfo


class Watched:
    """Another source with the figures that can be had from its chunks alone; a ``devices.source.Source``.

    Args:
        source: that is watched; it is not to be read by anybody else.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._next: int | None = None
        integrity = source.integrity
        self._contact = Contact(source.info.rate_hz, source.info.full_scale_uv, integrity.saturated, integrity.flat)

    @property
    def info(self) -> StreamInfo:
        """See ``Source``."""
        return self.source.info

    @property
    def integrity(self) -> Integrity:
        """See ``Source``."""
        return self.source.integrity

    @property
    def names(self) -> tuple[str, ...]:
        """See ``Labelled``; empty where the source does not know."""
        return self.source.names if isinstance(self.source, Labelled) else ()

    @property
    def simulated(self) -> bool:
        """See ``Labelled``."""
        return isinstance(self.source, Labelled) and self.source.simulated

    def label(self, first: int, end: int) -> str | None:
        """See ``Labelled``."""
        return self.source.label(first, end) if isinstance(self.source, Labelled) else None

    def read(self) -> Chunk | None:
        """See ``Source``."""
        chunk = self.source.read()
        if chunk is None or not len(chunk.samples):
            return chunk
        integrity = self.source.integrity
        if self._next is not None and chunk.first > self._next:
            integrity.gaps += 1
            integrity.lost += chunk.first - self._next
        self._next = chunk.end
        integrity.samples += len(chunk.samples)
        self._contact.look(chunk)
        return chunk

    def close(self) -> None:
        """See ``Source``."""
        self.source.close()
