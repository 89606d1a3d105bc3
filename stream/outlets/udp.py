"""``udp:HOST:PORT``: everything that is sent as a datagram of JSON."""

from __future__ import annotations

from stream.outlets.datagrams import Address, Plug, address_of
from stream.outlets.outlet import Outlet, Spoken, Stream


def check(spec: str) -> None:
    """Refuses what is no address.

    Raises:
        ValueError: it is none, or the host is not known.
    """
    _address(spec)


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Opens the socket; whether anybody listens there does not matter."""
    plug = Plug(_address(spec), stream.patient)
    return Spoken(stream, lambda line: plug.send(line.encode()), plug.close)


def _address(spec: str) -> Address:
    return address_of(spec.removeprefix("udp:"), spec)
