"""The one interface of everything that gives samples: armbands, network streams, files, the simulator."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from devices.integrity import Integrity
from dsp.flow import Chunk, StreamInfo


class Source(Protocol):
    """Gives samples until it ends.

    A source converts to microvolts at its door and numbers its samples itself: a loss shows as a jump of
    ``Chunk.first`` and nowhere else, so that no sample is ever attributed to a wrong index. It is opened by its
    constructor and used by one thread.
    """

    @property
    def info(self) -> StreamInfo:
        """What flows, known before the first sample."""

    @property
    def integrity(self) -> Integrity:
        """What has been met so far.

        The source itself counts ``duplicates``, ``damaged``, ``resyncs``, ``skipped`` and ``returns`` and keeps
        ``state`` and ``clock_offset_s``; ``devices.watched.Watched`` counts the rest, for every source alike.
        """

    def read(self) -> Chunk | None:
        """Waits for samples, at most about 0.1 s.

        Returns:
            The next chunk, an empty one where none came in time, or None at the end of the stream.

        Raises:
            ValueError: the device is gone or speaks nonsense; the message says what to do.
        """

    def close(self) -> None:
        """Leaves the device idle; safe to call twice and from another thread, and ends a waiting ``read``."""


@runtime_checkable
class Obliging(Protocol):
    """A source that can be told what to do: the simulator."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it can do, rest first."""

    def ask(self, gesture: str) -> None:
        """From now on this is done, until it is told something else.

        Raises:
            ValueError: it is none of ``names``.
        """


@runtime_checkable
class Labelled(Protocol):
    """A source that knows what is being done: the simulator, a labelled recording."""

    @property
    def names(self) -> tuple[str, ...]:
        """The gestures there are."""

    @property
    def simulated(self) -> bool:
        """No human arm is involved."""

    def label(self, first: int, end: int) -> str | None:
        """What most of the samples ``[first, end)``, which have been read, show; None where that is unknown."""
