"""``python -m stream.web BOARD ADDRESS HOW``: serves what the board says until its standard input ends.

Its token is in the environment, since everybody can see a command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
from pathlib import Path

from stream.asked import WEB_TOKEN
from stream.board import Reader
from stream.view import await_end
from stream.web.address import Place, link, listening, split
from stream.web.following import Follower
from stream.web.refusals import Refusals, on_stderr
from stream.web.serving import serve
from stream.web.starting import ASKED, QUIET


def main(board: Path, address: str, how: str) -> int:
    """Serve until the parent is done or gone.

    Returns:
        The exit status: 0, or 1 where there is no such board, or no place to be served at.
    """
    ended = await_end()
    if hasattr(os, "nice"):
        os.nice(10)  # the loop and the terminal come first
    words = how.split(",")
    place = Place(*split(address), asked=ASKED in words, token=os.environ.pop(WEB_TOKEN, ""))
    try:
        reader = Reader(board)
        plug = listening(place)
    except (OSError, ValueError) as error:
        if not ended.is_set() and isinstance(error, ValueError):
            on_stderr(str(error))
        return 0 if ended.is_set() else 1
    reader.margin.address = link(place, plug.getsockname()[1])
    asyncio.run(_run(reader, place, plug, ended, quiet=QUIET in words))
    reader.close()
    with contextlib.suppress(OSError):  # the parent removes it, unless it was killed
        board.unlink()
    return 0


async def _run(reader: Reader, place: Place, plug: socket.socket, ended: threading.Event, *, quiet: bool) -> None:
    follower = Follower(reader)

    def say(sentence: str) -> None:
        follower.say(sentence)
        if not quiet:
            on_stderr(sentence)

    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        ended.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(over.set)

    threading.Thread(target=wait, daemon=True).start()
    await serve(follower, place, plug, Refusals(say), over)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
