"""Looking out for a stream that has fallen silent or has ended."""

from __future__ import annotations

import time
from typing import Any

from devices.lsl.library import load_pylsl
from devices.lsl.settings import StreamFound, found

FORGET_S = 1.5
"""A stream that has not answered for so long is not there; it is asked twice a second."""


class Lookout:
    """Asks, in the background, whether a stream is there, or the same one started anew.

    The same one is what has the same source id or, where it has none, the same name and type.

    Args:
        stream: that was being read.
    """

    def __init__(self, stream: StreamFound) -> None:
        self._stream = stream
        self._pylsl = load_pylsl()
        self._resolver = self._pylsl.ContinuousResolver(forget_after=FORGET_S)
        self._since_s = time.perf_counter()

    def gone(self) -> bool:
        """Whether the stream itself does not answer any more, or answers under a new identity."""
        streams = self.streams()
        if any(self._is(stream) for stream in streams):
            return False
        return bool(streams) or time.perf_counter() - self._since_s > FORGET_S

    def streams(self, within_s: float = 0.0) -> list[StreamFound]:
        """Those that answer: the stream itself, if it does, then those started anew, the latest first.

        Args:
            within_s: how long to wait for one. liblsl asks twice a second, so that a second may pass until a stream is
                seen; waiting means to ask anew, and a stream in the same network is seen at once.
        """
        known = self._resolver.results()
        if not known and within_s > 0:
            known = self._ask(within_s)
        same = [stream for stream in map(found, known) if self._is(stream) or self._same(stream)]
        return sorted(same, key=lambda stream: (not self._is(stream), -stream.handle.created_at()))

    def _ask(self, within_s: float) -> list[Any]:
        by = "source_id" if self._stream.source_id else "name"
        value = getattr(self._stream, by)
        if "'" in value or '"' in value:  # the query language knows no way to write these
            time.sleep(within_s)
            return []
        return list(self._pylsl.resolve_byprop(by, value, 1, within_s))

    def _is(self, stream: StreamFound) -> bool:
        return bool(stream.handle.uid() == self._stream.handle.uid())

    def _same(self, stream: StreamFound) -> bool:
        if self._stream.source_id:
            return stream.source_id == self._stream.source_id
        return (stream.name, stream.type_) == (self._stream.name, self._stream.type_)
