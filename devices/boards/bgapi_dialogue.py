"""Asking a BGAPI dongle, and waiting for what it says, for so long and no longer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from devices.boards.bgapi import HEADER, RESPONSE, Kind
from devices.boards.bgapi_parser import Packet, Parser
from devices.boards.port import Port

_READ_S = 0.02


class Dialogue:
    """What is said between one command and the next.

    Args:
        port: where the dongle is.
        parser: of what it says.
        other: given every packet that is not waited for, in the order in which they came.
    """

    def __init__(self, port: Port, parser: Parser, other: Callable[[Packet], None]) -> None:
        self._port = port
        self._parser = parser
        self._other = other
        self._unheard: deque[Packet] = deque()

    def ask(self, command: bytes, timeout_s: float) -> bytes | None:
        """Send a command; the payload of its response, or None where none came in time.

        Raises:
            Gone: the dongle went away.
        """
        self._port.write(command)
        return self.hear(Kind(RESPONSE, *command[2:HEADER]), timeout_s)

    def hear(self, kind: Kind, timeout_s: float, wanted: Callable[[bytes], bool] | None = None) -> bytes | None:
        """The payload of the first packet of a kind that is ``wanted``, or None where none came in time.

        Raises:
            Gone: the dongle went away.
        """
        deadline = time.perf_counter() + timeout_s
        while True:
            while self._unheard:
                packet = self._unheard.popleft()
                if packet.kind == kind and (wanted is None or wanted(packet.payload)):
                    return packet.payload
                self._other(packet)
            left = deadline - time.perf_counter()
            if left <= 0:
                return None
            raw = self._port.read(min(left, _READ_S))
            packets = self._parser.feed(raw, time.perf_counter()) if raw else self._parser.settle()
            self._unheard.extend(packets)

    def leave(self) -> None:
        """The dialogue is over: what has come and was not waited for is handed on."""
        while self._unheard:
            self._other(self._unheard.popleft())
