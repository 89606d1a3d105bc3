"""The library for WebSockets, an extra, and a thread for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.asyncio.server import Server, ServerConnection, serve
    from websockets.exceptions import WebSocketException
    from websockets.http11 import Request, Response
    from websockets.uri import parse_uri
except ModuleNotFoundError:
    raise ValueError("ws: needs websockets; install it with: python -m pip install -e '.[web]'") from None

__all__ = [
    "QUIET",
    "SEND_BYTES",
    "ClientConnection",
    "Request",
    "Response",
    "Server",
    "ServerConnection",
    "Turning",
    "WebSocketException",
    "connect",
    "parse_uri",
    "serve",
]

LEAVE_S = 1.5

SEND_BYTES = 2**16
"""That the system keeps for a peer that is slow; without a limit it would be megabytes of old decisions."""

T = TypeVar("T")

QUIET = logging.Logger("quiet")
"""For the library, which would log each hostile request with a traceback; what matters is said by us."""
QUIET.disabled = True


class Turning:
    """An event loop that turns in a thread of its own.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Begins something and does not wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Does something and waits for what comes of it; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Ends whatever still goes on, at most ``LEAVE_S``, and the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(LEAVE_S)
        if not self._thread.is_alive():
            self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=LEAVE_S / 2) if others else None
        await self._loop.shutdown_asyncgens()
        self._loop.call_soon(self._loop.stop)
