"""The server: the page, what it is made of, and a WebSocket for each viewer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from stream.web.address import Place, hosts
from stream.web.door import Door
from stream.web.following import Follower
from stream.web.limits import settings
from stream.web.refusals import Overheard, Refusals
from stream.web.viewing import Viewers

PARTS = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/hand.js": ("hand.js", "text/javascript"),
    "/pictures.js": ("pictures.js", "text/javascript"),
    "/tables.js": ("tables.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""What there is to have, and from which file of this folder."""

LAST_S = 1.0
"""How long viewers are given at the end of the run for what they have not seen."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are the parent's business."""
        yield


async def serve(follower: Follower, place: Place, plug: socket.socket, refused: Refusals, ended: asyncio.Event) -> None:
    """Serve until the run has ended, and its viewers have been told.

    Args:
        follower: of the board.
        place: as asked for.
        plug: a socket that listens.
        refused: is told of what is turned away.
        ended: is set when the run is over.
    """
    _overhear(refused)
    run = secrets.token_hex(8)
    routes = [
        *(Route(path, _part(*part), methods=["GET"]) for path, part in PARTS.items()),
        WebSocketRoute("/frames", Viewers(follower, run, refused).watch),
    ]
    door = Door(Starlette(routes=routes), hosts(place, plug.getsockname()[1]), place.token, refused)
    server = _Server(uvicorn.Config(door, **settings()))
    following = asyncio.create_task(follower.follow(ended))
    serving = asyncio.create_task(server.serve([plug]))
    await following
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_alone(follower), LAST_S)
    server.should_exit = True
    await serving


async def _alone(follower: Follower) -> None:
    while follower.viewers:
        await asyncio.sleep(0.02)


def _overhear(refused: Refusals) -> None:
    for name in ("uvicorn.error", "uvicorn.access", "asyncio", "websockets"):
        logger = logging.getLogger(name)
        logger.handlers = [Overheard(refused) if name == "uvicorn.error" else logging.NullHandler()]
        logger.propagate = False  # what is printed might be printed over the terminal's view


def _part(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = (files("stream.web") / name).read_bytes()

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return answer
