"""``lsl:NAME``: labels, markers and pauses as markers of the lab streaming layer."""

from __future__ import annotations

from devices.lsl.library import load_pylsl
from devices.lsl.outlet import MarkerOutlet
from models.decision import Decision
from stream.behind import Missed
from stream.outlets.outlet import Outlet, Stream

NOBODY = "nobody reads it"


def check(spec: str) -> None:  # noqa: ARG001 - any name will do
    """Refuses where liblsl is missing.

    Raises:
        ValueError: it is; says how to get it.
    """
    load_pylsl()


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Offers the stream."""
    return Markers(MarkerOutlet(spec.removeprefix("lsl:")), stream)


class Markers:
    """Labels ("" for an abstention), ``marker: TEXT``, ``paused`` and ``resumed``, each at its sample's own time.

    Args:
        outlet: opened.
        stream: whose times they get.
    """

    def __init__(self, outlet: MarkerOutlet, stream: Stream) -> None:
        self._outlet, self._stream = outlet, stream

    def decide(self, decision: Decision) -> None:
        """See ``Outlet``."""
        heard = self._outlet.heard
        self._outlet.push(decision.label or "", self._stream.stamp(decision.end - 1))
        if not heard:
            raise Missed(NOBODY)

    def mark(self, index: int, text: str) -> None:
        """See ``Outlet``."""
        self._outlet.push(f"marker: {text}", self._stream.stamp(index))

    def pause(self, paused: bool) -> None:
        """See ``Outlet``."""
        self._outlet.push("paused" if paused else "resumed")

    def close(self) -> None:
        """See ``Outlet``."""
        self._outlet.close()
