"""Limits that uvicorn leaves to its users: connections, slow requests, and answers that nobody reads."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CONNECTIONS = 64
REQUESTS_S = 15.0
"""How long a connection may be used for requests; then a browser makes a new one. Who never finishes one is gone."""

CLOSING_S = 1.0
"""How long a viewer who is closed may take to agree."""

UNREAD = 1 << 18
"""Bytes that may wait to be sent to one viewer; a frame is smaller."""

HEADERS = 1 << 13
"""Bytes of a request's line and headers."""

MESSAGE = 64
"""Bytes of a viewer's message."""


class Requests(H11Protocol):
    """One connection, as long as it speaks HTTP."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        if len(self.connections) >= CONNECTIONS:
            self.logger.warning("too many connections")
            self.connections.add(self)  # it is taken out when the connection is lost
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self.loop.call_later(REQUESTS_S, self._no_longer)

    def _no_longer(self) -> None:
        if self.transport.get_protocol() is self and not self.transport.is_closing():
            self.transport.abort()


class Viewing(WebSocketsSansIOProtocol):
    """One connection, once it is a WebSocket."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody wants to watch."""
        super().connection_made(transport)
        self.close_timeout = CLOSING_S

    def handle_ping(self) -> None:
        """Answers, unless the answers are not read: they would pile up."""
        if self.transport.get_write_buffer_size() > UNREAD:
            self.transport.abort()
        else:
            super().handle_ping()

    def keepalive_timeout(self) -> None:
        """Nobody is there: an end in good order would wait for them to read what is left."""
        self.transport.abort()

    def handle_parser_exception(self) -> None:
        """What came was no frame, or too large a one."""
        self.logger.warning("no proper frame")
        super().handle_parser_exception()


def settings() -> dict[str, Any]:
    """How uvicorn is to be configured."""
    return {
        "http": Requests,
        "ws": Viewing,
        "ws_max_size": MESSAGE,
        "ws_ping_interval": 10.0,
        "ws_ping_timeout": 20.0,
        "ws_per_message_deflate": False,
        "h11_max_incomplete_event_size": HEADERS,
        "limit_concurrency": CONNECTIONS,
        "timeout_keep_alive": 5,
        "timeout_graceful_shutdown": 1,
        "lifespan": "off",
        "interface": "asgi3",
        "loop": "asyncio",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
    }
