"""``lsl-probabilities:NAME``: the probabilities as a stream of the lab streaming layer."""

from __future__ import annotations

from devices.lsl.values import ValueOutlet
from models.decision import Decision
from stream.behind import Missed
from stream.outlets.lsl import NOBODY, check
from stream.outlets.outlet import Outlet, Stream

__all__ = ["check", "open_outlet"]


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Offers the stream."""
    name = spec.removeprefix("lsl-probabilities:")
    return Probabilities(ValueOutlet(name, stream.labels, type_="Probabilities", unit="probability"), stream)


class Probabilities:
    """One value for each gesture and decision, at the time of the window's last sample.

    They come at no fixed rate, since windows may be skipped and a pause sends none.

    Args:
        outlet: opened.
        stream: whose times they get.
    """

    def __init__(self, outlet: ValueOutlet, stream: Stream) -> None:
        self._outlet, self._stream = outlet, stream

    def decide(self, decision: Decision) -> None:
        """See ``Outlet``."""
        heard = self._outlet.heard
        self._outlet.push(decision.probabilities.tolist(), self._stream.stamp(decision.end - 1))
        if not heard:
            raise Missed(NOBODY)

    def mark(self, index: int, text: str) -> None:
        """Of no use here."""

    def pause(self, paused: bool) -> None:
        """Of no use here."""

    def close(self) -> None:
        """See ``Outlet``."""
        self._outlet.close()
