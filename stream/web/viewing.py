"""One viewer: a frame, then nothing before it is acknowledged. Who is slow gets fewer frames and costs nobody else."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from stream.web.following import Follower
from stream.web.frames import Shown, frame
from stream.web.refusals import Refusals

MOST = 16
"""Viewers at once."""

ACKNOWLEDGED = "ok"
"""All that a viewer may say, once for each frame."""

LEAST_S = 1 / 32
"""Between two frames: the page draws what is between them."""

LONGEST_S = 1.0
"""Between two frames where nothing is new: a sign of life."""


class Viewers:
    """Those who watch.

    Args:
        follower: what they are shown.
        run: tells this run from others.
        refused: is told of who does not keep to the rules.
    """

    def __init__(self, follower: Follower, run: str, refused: Refusals) -> None:
        self._follower, self._run, self._refused = follower, run, refused

    async def watch(self, socket: WebSocket) -> None:
        """Serves one, until either end has enough."""
        follower = self._follower
        if follower.viewers >= MOST:
            self._refused(f"a viewer beyond the {MOST} that may watch at once")
            await socket.send_denial_response(PlainTextResponse(f"{MOST} watch already\n", 429))
            return
        follower.viewers += 1
        try:
            await socket.accept()
            await self._serve(socket, _shown(socket, self._run))
        finally:
            follower.viewers -= 1

    async def _serve(self, socket: WebSocket, shown: Shown) -> None:
        ready = asyncio.Event()
        ready.set()
        sending = asyncio.create_task(self._send(socket, shown, ready))
        hearing = asyncio.create_task(self._hear(socket, ready))
        try:
            await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:  # also where the server is ending
            sending.cancel()
            hearing.cancel()
        for fault in await asyncio.gather(sending, hearing, return_exceptions=True):
            if isinstance(fault, Exception) and not isinstance(fault, WebSocketDisconnect | RuntimeError):
                raise fault
        with suppress(RuntimeError, WebSocketDisconnect):  # it is closed already
            await socket.close(1000 if shown.ended else 1008)

    async def _send(self, socket: WebSocket, shown: Shown, ready: asyncio.Event) -> None:
        """Frames, each after the one before was acknowledged; the last says that the run is over."""
        while not shown.ended:
            await ready.wait()
            ready.clear()
            await socket.send_bytes(frame(self._follower, shown, self._run))
            await asyncio.sleep(LEAST_S)
            if shown.decisions == self._follower.decisions.stop and not self._follower.ended:
                await self._follower.news(LONGEST_S)
        await ready.wait()

    async def _hear(self, socket: WebSocket, ready: asyncio.Event) -> None:
        """Acknowledgements; returns where anything else comes, or nothing more."""
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") != ACKNOWLEDGED or ready.is_set():
                self._refused("what is no acknowledgement, from a viewer")
                return
            ready.set()


def _shown(socket: WebSocket, run: str) -> Shown:
    """From where a viewer goes on who watched the same run before, and lost the connection."""
    since = socket.query_params.get("since", "")
    same = socket.query_params.get("run") == run and since.isdecimal() and len(since) < 10
    return Shown(decisions=int(since)) if same else Shown()
