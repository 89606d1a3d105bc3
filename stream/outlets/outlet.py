"""What every outlet can do, what it is given, and the JSON in which most of them speak."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from time import perf_counter
from typing import Any, Protocol

from dsp.complaints import tell
from models.decision import Decision
from stream.sinks import TimeOf, Truth, as_line, unix_s


class Outlet(Protocol):
    """Takes decisions, markers and pauses to somebody; called by one thread (``stream.behind``).

    Whatever does not get through is told by ``Missed``; any other error ends the run.
    """

    def decide(self, decision: Decision) -> None:
        """Sends a decision."""

    def mark(self, index: int, text: str) -> None:
        """Sends a marker that belongs to the sample of this index."""

    def pause(self, paused: bool) -> None:
        """Sends that a pause begins (True) or ends."""

    def close(self) -> None:
        """Ends it."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What an outlet needs to know of the stream.

    Attributes:
        labels: the gestures, in the order of the probabilities.
        truth: the true labels.
        time_of: when a sample was taken.
        patient: time has no meaning, and nothing may be lost: wait where else something would be left out.
        say: says something to people, once.
    """

    labels: tuple[str, ...]
    truth: Truth
    time_of: TimeOf
    patient: bool = False
    say: Callable[[str], None] = tell

    def stamp(self, index: int) -> float:
        """When a sample was taken, or the present where that is not known; on ``time.perf_counter``."""
        at_s = self.time_of(index)
        return perf_counter() if isnan(at_s) else at_s


class Wording:
    """Everything that is sent, as JSON on one line; see ``stream/SINKS.md``."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def decision(self, decision: Decision) -> str:
        """A decision."""
        stream = self._stream
        return json.dumps(as_line(decision, stream.labels, stream.truth, stream.time_of))

    def marker(self, index: int, text: str) -> str:
        """A marker."""
        return json.dumps({"marker": text, "last": int(index), "time": unix_s(self._stream.stamp(index))})

    def pause(self, paused: bool) -> str:
        """A pause that begins or ends."""
        said: dict[str, Any] = {"paused": paused, "time": unix_s(perf_counter())}
        return json.dumps(said)


class Spoken:
    """An outlet that says everything as one line of JSON.

    Args:
        stream: what it needs to know.
        send: takes a line, without its end; may raise ``Missed``.
        close: ends it.
    """

    def __init__(self, stream: Stream, send: Callable[[str], object], close: Callable[[], object]) -> None:
        self._wording, self._send, self._close = Wording(stream), send, close

    def decide(self, decision: Decision) -> None:
        """See ``Outlet``."""
        self._send(self._wording.decision(decision))

    def mark(self, index: int, text: str) -> None:
        """See ``Outlet``."""
        self._send(self._wording.marker(index, text))

    def pause(self, paused: bool) -> None:
        """See ``Outlet``."""
        self._send(self._wording.pause(paused))

    def close(self) -> None:
        """See ``Outlet``."""
        self._close()
