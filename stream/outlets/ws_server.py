"""``ws:[HOST:]PORT``: a WebSocket server that tells everything to every client, as JSON."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs

from dsp.complaints import one_sentence
from stream.behind import Missed
from stream.outlets.outlet import Outlet, Spoken, Stream
from stream.outlets.ws_library import (
    QUIET,
    SEND_BYTES,
    Request,
    Response,
    Server,
    ServerConnection,
    Turning,
    WebSocketException,
    serve,
)

HOST = "127.0.0.1"

CLIENTS = 32
"""At most so many at once."""

WAITING = 64
"""Lines that wait for a client; of more, the oldest are left out."""

STALL_S = 5.0
"""A client that takes nothing for so long is let go."""

PING_S = 20.0
"""How often a client is asked whether it is still there, and how long it may take to answer."""

_LOCAL = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


@dataclass(frozen=True, slots=True)
class Where:
    """What a spec says.

    Attributes:
        host: whose address is listened on.
        port: likewise.
        origins: of web pages that may read besides those of this machine.
    """

    host: str
    port: int
    origins: tuple[str, ...] = ()

    def allows(self, origins: list[str]) -> bool:
        """Whether a client may read.

        Args:
            origins: that it gives: none where it is no browser; else of the page that asks.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        ours = re.compile(rf"https?://{re.escape(host)}(:\d+)?")
        return all(o in self.origins or _LOCAL.fullmatch(o) or ours.fullmatch(o) for o in origins)


def check(spec: str) -> None:
    """Refuses what is no port of this machine, or one in use.

    Raises:
        ValueError: says which.
    """
    _bound(parse(spec), spec).close()


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Begins to listen.

    Raises:
        ValueError: the port is in use.
    """
    where = parse(spec)
    bound = _bound(where, spec)
    turning = Turning(spec)
    audience = Audience(where, stream)
    try:
        turning.call(audience.open(bound))
    except BaseException:
        bound.close()
        turning.close()
        raise

    def close() -> None:
        with suppress(Exception):
            turning.call(audience.close())
        turning.close()

    return Spoken(stream, lambda line: turning.call(audience.publish(line)), close)


@dataclass(eq=False, slots=True)
class _Client:
    lines: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(WAITING))
    left: int = 0


class Audience:
    """Whoever listens. It lives in an event loop.

    Args:
        where: which web pages may read.
        stream: what it needs to know.
    """

    def __init__(self, where: Where, stream: Stream) -> None:
        self._where, self._stream = where, stream
        self._clients: set[_Client] = set()
        self._server: Server | None = None
        self._refused = False
        self._lost = 0

    async def open(self, bound: socket.socket) -> None:
        """Begins to listen on a socket that is bound."""
        self._server = await serve(
            self._attend,
            sock=bound,
            process_request=self._admit,
            compression=None,
            max_size=1024,
            max_queue=1,
            open_timeout=5,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=0.5,
            server_header=None,
            logger=QUIET,
        )

    async def close(self) -> None:
        """Gives the clients what waits for them, as far as they take it at once, and says goodbye."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while any(client.lines.qsize() for client in self._clients):
                    await asyncio.sleep(0.01)
        if self._server is not None:
            self._server.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1.0)

    async def publish(self, line: str) -> None:
        """Gives a line to everybody.

        Raises:
            Missed: nobody is there, or not everybody got everything.
        """
        if not self._clients:
            raise Missed("nobody is connected")
        lost = sum([await self._give(client, line) for client in tuple(self._clients)])
        if lost:
            raise Missed("a client is too slow")

    async def _give(self, client: _Client, line: str) -> bool:
        if self._stream.patient:
            await client.lines.put(line)
            return False
        full = client.lines.full()
        if full:
            client.lines.get_nowait()
        client.lines.put_nowait(line)
        return full

    async def _attend(self, connection: ServerConnection) -> None:
        client = _Client()
        self._clients.add(client)
        hears = asyncio.ensure_future(connection.wait_closed())
        try:
            while await self._one_more(connection, client, hears):
                pass
        except TimeoutError:
            connection.transport.abort()
            self._stream.say("note: a client of the WebSocket server took nothing and was let go")
        except (WebSocketException, OSError):  # it went away
            pass
        finally:
            hears.cancel()
            self._clients.discard(client)
            while not client.lines.empty():  # whoever waits for room waits no longer
                client.lines.get_nowait()

    async def _one_more(self, connection: ServerConnection, client: _Client, hears: asyncio.Future[None]) -> bool:
        line = asyncio.ensure_future(client.lines.get())
        try:
            await asyncio.wait((line, hears), return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                return False
            async with asyncio.timeout(STALL_S):
                await connection.send(line.result())
        finally:
            line.cancel()
        return True

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        origins = request.headers.get_all("Origin")
        if not self._where.allows(origins):
            if not self._refused:
                self._refused = True
                shown = "".join(letter if letter.isprintable() else "?" for letter in origins[0])[:100]
                self._stream.say(
                    f"note: a web page of {shown!r} asked for the decisions and was refused; to allow it, add "
                    "?origin=ADDRESS to the sink"
                )
            return connection.respond(HTTPStatus.FORBIDDEN, "this page may not read the decisions\n")
        if len(self._clients) >= CLIENTS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients\n")
        return None


def parse(spec: str) -> Where:
    """What a spec says.

    Raises:
        ValueError: it is no port, or an option is not understood.
    """
    place, _, options = spec.removeprefix("ws:").partition("?")
    host, _, port = place.rpartition(":")
    given = parse_qs(options, keep_blank_values=True)
    origins = given.pop("origin", [])
    if given or "" in origins or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(
            f"--sink cannot be {spec!r}; give a port, and an address of this machine where others may read, like "
            "ws:8765 or ws:0.0.0.0:8765, with ?origin=https://example.org for the pages of another site"
        )
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return Where(host or HOST, int(port), tuple(origin.rstrip("/") for origin in origins))


def _bound(where: Where, spec: str) -> socket.socket:
    """A socket that listens there.

    Raises:
        ValueError: it cannot; says why.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)[0]
        bound = socket.create_server(address[:2], family=family, backlog=CLIENTS)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)  # for those that connect
        return bound
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"--sink {spec} cannot listen there: {one_sentence(error)}; choose another port, or an address of this "
            "machine"
        ) from None
