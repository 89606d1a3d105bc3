"""Datagrams to one address, for the kinds that are sent over UDP."""

from __future__ import annotations

import socket
from typing import Any, NamedTuple

from dsp.complaints import one_sentence
from stream.behind import Missed

NOBODY = "nobody listens there"


class Address(NamedTuple):
    """Where datagrams go, as ``socket`` takes it."""

    family: int
    protocol: int
    place: Any


def address_of(where: str, spec: str) -> Address:
    """The address of ``HOST:PORT``.

    Args:
        where: host and port; an address of IPv6 in brackets or without them.
        spec: the whole, for the error.

    Raises:
        ValueError: it is none, or the host is not known.
    """
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        kind = spec.partition(":")[0]
        raise ValueError(f"--sink cannot be {spec!r}; give host and port, like {kind}:127.0.0.1:5005")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        family, _, protocol, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise ValueError(f"--sink cannot be {spec!r}: {one_sentence(error)}; give the address as a number") from None
    return Address(family, protocol, place)


class Plug:
    """A UDP socket that sends to one address.

    It is connected, so that it hears when a datagram was refused: the system says so with the next one, which is sent
    all the same. Of each pair one has missed, and the count is right but for the last.

    Args:
        address: where to.
        patient: wait where the system has no room at the moment.
    """

    def __init__(self, address: Address, patient: bool = False) -> None:
        self._address, self._patient = address, patient
        self._socket: socket.socket | None = None

    def send(self, data: bytes) -> None:
        """Sends a datagram.

        Raises:
            Missed: it cannot be sent, or the one before it was refused.
        """
        try:
            plug = self._socket or self._connected()
            try:
                plug.send(data)
            except ConnectionError:  # about the one before; this one has not been sent yet
                plug.send(data)
                raise Missed(NOBODY) from None
        except BlockingIOError:
            raise Missed("the network is full") from None
        except ConnectionError:
            raise Missed(NOBODY) from None
        except OSError as error:  # no such network at the moment: the next one may pass
            self.close()
            raise Missed(one_sentence(error)) from None

    def close(self) -> None:
        """Closes the socket."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _connected(self) -> socket.socket:
        plug = socket.socket(self._address.family, socket.SOCK_DGRAM, self._address.protocol)
        try:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)  # to whoever wants to ask a whole network
            plug.connect(self._address.place)
            plug.setblocking(self._patient)
        except BaseException:
            plug.close()
            raise
        self._socket = plug
        return plug
