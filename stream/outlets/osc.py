"""``osc:HOST:PORT[/PREFIX]``: decisions, probabilities, markers and pauses as Open Sound Control over UDP."""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

from models.decision import Decision
from stream.outlets.datagrams import Address, Plug, address_of
from stream.outlets.osc_packets import Time, bundle, message
from stream.outlets.outlet import Outlet, Stream
from stream.sinks import unix_s

PREFIX = "/myostream"

LABELS_S = 1.0
"""How often the names of the gestures are sent, for readers that came later."""

_NOT_IN_ADDRESSES = " #*,?[]{}"


class _Where(NamedTuple):
    address: Address
    prefix: str


def check(spec: str) -> None:
    """Refuses what is no address.

    Raises:
        ValueError: it is none, the host is not known, or the prefix cannot be one.
    """
    _where(spec)


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Opens the socket; whether anybody listens there does not matter."""
    where = _where(spec)
    return Messages(Plug(where.address, stream.patient), where.prefix, stream)


class Messages:
    """A bundle for each decision, so that what belongs together arrives together; a message for everything else.

    Bundles are to be acted upon when they arrive: a time tag of the sample's time lies in the past, for which some
    programs drop a bundle, and in the future by a clock that is behind, until which others keep it. The time is in a
    message of its own instead.

    Args:
        plug: where to.
        prefix: of every address.
        stream: what it needs to know.
    """

    def __init__(self, plug: Plug, prefix: str, stream: Stream) -> None:
        self._plug, self._prefix, self._stream = plug, prefix, stream
        self._due = 0.0

    def decide(self, decision: Decision) -> None:
        """See ``Outlet``."""
        parts = [
            self._message("decision", decision.label or "", float(decision.confidence), int(decision.end) - 1),
            self._message("probabilities", *decision.probabilities.tolist()),
        ]
        time_s = unix_s(self._stream.time_of(decision.end - 1))
        if time_s is not None:
            parts.append(self._message("time", Time(time_s)))
        if monotonic() >= self._due:
            self._due = monotonic() + LABELS_S
            parts.append(self._message("labels", *self._stream.labels))
        self._plug.send(bundle(*parts))

    def mark(self, index: int, text: str) -> None:
        """See ``Outlet``."""
        self._plug.send(self._message("marker", text, int(index)))

    def pause(self, paused: bool) -> None:
        """See ``Outlet``."""
        self._plug.send(self._message("paused", int(paused)))

    def close(self) -> None:
        """See ``Outlet``."""
        self._plug.close()

    def _message(self, name: str, *values: str | int | float) -> bytes:
        return message(f"{self._prefix}/{name}", *values)


def _where(spec: str) -> _Where:
    host_and_port, slash, rest = spec.removeprefix("osc:").partition("/")
    prefix = f"/{rest}".rstrip("/") if slash else PREFIX
    if any(letter in _NOT_IN_ADDRESSES or not letter.isprintable() for letter in prefix):
        raise ValueError(
            f"--sink cannot be {spec!r}; the prefix of an OSC address has no spaces and none of {_NOT_IN_ADDRESSES[1:]}"
        )
    return _Where(address_of(host_and_port, spec), prefix)
