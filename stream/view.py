"""The display's own process: ``python -m stream.view BOARD`` draws what the board says until its standard input ends.

It is a process of its own because a display in the same one ruins the tail of the latency through the interpreter's
lock. Its standard input is a pipe that nobody writes to: the pipe ends when the stream is over, and also when the
parent is killed, on every system alike.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

from rich.align import Align
from rich.console import Console
from rich.live import Live
from rich.text import Text

from devices.keys import Keys
from stream.board import Reader
from stream.drawing import render
from stream.page import Page
from stream.sitting import Sitting

FRAMES_PER_SECOND = 15


class Clock:
    """Where the right edge of the strips is at a moment, so that they scroll between two pages instead of jumping."""

    def __init__(self) -> None:
        self._decisions = -1
        self._since = 0.0

    def now(self, page: Page, seconds: float) -> float:
        """The stream index to show: one hop behind the newest page at first, and level with it a hop later.

        Args:
            page: the newest one.
            seconds: on any steady clock.
        """
        if page.decisions != self._decisions:
            self._decisions, self._since = page.decisions, seconds
        about = page.about
        if about.speed == 0:
            return page.end
        return page.end - about.hop + min(about.hop, (seconds - self._since) * about.rate_hz * about.speed)


def main(path: Path) -> int:
    """Draw until the parent is done or gone, and leave the terminal as it was.

    Returns:
        The exit status: 0, or 1 where there is no such board.
    """
    ended = await_end()
    try:
        reader = Reader(path)
    except (OSError, ValueError):
        return 0 if ended.is_set() else 1
    with contextlib.suppress(OSError):  # the terminal is gone: nothing is left to draw on
        _draw(reader, ended)
    reader.close()
    with contextlib.suppress(OSError):  # the parent removes it, unless it was killed
        path.unlink()
    return 0


def _draw(reader: Reader, ended: threading.Event) -> None:
    clock, sitting, margin = Clock(), Sitting(reader), reader.margin
    page: Page | None = None
    waiting = Align.center(Text("waiting for the first window"), vertical="middle")
    with Keys() as keys, Live(waiting, console=Console(), screen=True, auto_refresh=False) as live:
        while not ended.wait(1 / FRAMES_PER_SECOND):
            while key := keys.take():
                margin.press(key)
            page = reader.read() or page
            if page is not None:
                now = time.monotonic()
                screen = render(page, clock.now(page, now), sitting.states(now), margin.events(), margin.address)
                live.update(screen, refresh=True)


def await_end() -> threading.Event:
    """An event that is set when standard input ends. Ctrl-C is the parent's business; so is a request to end."""
    ended = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def listen() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(0, 64):
                pass
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    return ended


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
