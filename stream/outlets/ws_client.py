"""``ws://…`` and ``wss://…``: everything as JSON to a WebSocket server that is somewhere else."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from ssl import SSLError

from stream.behind import Missed
from stream.outlets.kinds import shown
from stream.outlets.outlet import Outlet, Spoken, Stream
from stream.outlets.ws_library import (
    QUIET,
    SEND_BYTES,
    ClientConnection,
    Turning,
    WebSocketException,
    connect,
    parse_uri,
)

FIRST_S, MOST_S = 0.5, 8.0
"""Between two tries to connect: twice as long after each, up to the second."""

STALL_S = 2.0
"""A server that takes nothing for so long counts as gone."""

WAIT_S = 5.0
"""How long a connection is waited for where nothing may be lost."""

PING_S = 5.0
"""How often it is asked whether it is still there, and how long it may take to answer."""


def check(spec: str) -> None:
    """Refuses what is no address of a server.

    Raises:
        ValueError: it is none.
    """
    try:
        parse_uri(spec)
    except (WebSocketException, ValueError):
        raise ValueError(
            f"--sink cannot be {shown(spec)!r}; give the address of a WebSocket server, like "
            "ws://192.168.1.20:8765/decisions"
        ) from None


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Begins to connect; whether the server is there does not matter."""
    turning = Turning(shown(spec))
    link = Link(spec, stream.patient)
    turning.start(link.keep())

    def close() -> None:
        with suppress(Exception):
            turning.call(link.close())
        turning.close()

    return Spoken(stream, lambda line: turning.call(link.send(line)), close)


class Link:
    """A connection that is made again whenever it is gone. It lives in an event loop.

    Args:
        uri: of the server.
        patient: wait once for a connection that is not there.
    """

    def __init__(self, uri: str, patient: bool = False) -> None:
        self._uri, self._patient = uri, patient
        self._there = asyncio.Event()
        self._connection: ClientConnection | None = None
        self._why = "the server is not there"
        self._leaving = self._waited = False

    async def keep(self) -> None:
        """Connects, and connects again; it ends with ``close``."""
        delay_s = FIRST_S
        while not self._leaving:
            try:
                async with connect(
                    self._uri,
                    compression=None,
                    open_timeout=PING_S,
                    ping_interval=PING_S,
                    ping_timeout=PING_S,
                    close_timeout=0.5,
                    max_size=2**16,
                    logger=QUIET,
                ) as connection:
                    plug: socket.socket = connection.transport.get_extra_info("socket")
                    plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
                    self._connection, delay_s = connection, FIRST_S
                    self._waited = False
                    self._there.set()
                    async for _ in connection:  # what it says is of no use to us
                        pass
                self._why = "the server went away"
            except SSLError as error:
                self._why = f"the server cannot be trusted ({error.reason or 'TLS failed'})"
            except (OSError, WebSocketException, EOFError):
                self._why = "the server is not there" if self._connection is None else "the server went away"
            finally:
                self._connection = None
                self._there.clear()
            await asyncio.sleep(0 if self._leaving else delay_s)
            delay_s = min(2 * delay_s, MOST_S)

    async def send(self, line: str) -> None:
        """Sends a line.

        Raises:
            Missed: there is no connection, or nothing gets through.
        """
        if self._patient and self._connection is None and not self._waited:
            self._waited = True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._there.wait(), WAIT_S)
        connection = self._connection
        if connection is None:
            raise Missed(self._why)
        try:
            async with asyncio.timeout(STALL_S):
                await connection.send(line)
        except TimeoutError:
            connection.transport.abort()
            raise Missed("the server takes nothing") from None
        except (OSError, WebSocketException):
            raise Missed("the server went away") from None

    async def close(self) -> None:
        """Says goodbye."""
        self._leaving = True
        if self._connection is not None:
            await self._connection.close()
