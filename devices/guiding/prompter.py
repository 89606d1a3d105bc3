"""The process that shows prompts: ``python -m devices.guiding.prompter`` draws those that come in on its stdin.

A process of its own, so that neither drawing nor a terminal that is held up can hold up whoever reads the device. It
ends with its standard input, also when its parent is killed.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from io import TextIOWrapper
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from devices.guiding.prompt import Prompt
from devices.guiding.prompting import Asked

FRAMES_PER_SECOND = 15

APART = 3
"""Frames between two rings of the bell, which terminals would make one of."""


class Bell:
    """Rings what a prompt asks for.

    Args:
        ring: makes one sound.
    """

    def __init__(self, ring: Callable[[], object]) -> None:
        self._ring, self._heard, self._left, self._pause = ring, 0, 0, 0

    def look(self, prompt: Prompt | None) -> None:
        """Rings if it is time; called once a frame. Of sounds that were asked for meanwhile, the last one is made."""
        if prompt is not None and prompt.bell > self._heard:
            self._heard, self._left, self._pause = prompt.bell, prompt.rings, 0
        if self._left and not self._pause:
            self._left, self._pause = self._left - 1, APART
            self._ring()
        self._pause = max(0, self._pause - 1)


class Newest:
    """The newest prompt of a file that is read in a thread, and whether it has ended."""

    def __init__(self, lines: IO[bytes]) -> None:
        self.prompt: Prompt | None = None
        self.ended = threading.Event()
        self._lines = lines
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._lines:
                self.prompt = Prompt.from_line(line) or self.prompt
        self.ended.set()


def main() -> int:
    """Draw until the parent is done or gone, and leave the terminal as it was."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Ctrl-C is the parent's business; so is a request to end
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if isinstance(sys.stdout, TextIOWrapper):  # a question mark for what the terminal's encoding cannot express
        sys.stdout.reconfigure(errors="replace")
    newest = Newest(sys.stdin.buffer)
    with (
        contextlib.suppress(OSError),  # the terminal is gone: nothing is left to draw on
        Live(Text("waiting for the device"), console=Console(), screen=True, auto_refresh=False) as live,
    ):
        bell = Bell(live.console.bell)
        shown: Prompt | None = None
        while not newest.ended.wait(1 / FRAMES_PER_SECOND):
            bell.look(newest.prompt)
            if newest.prompt is not None and newest.prompt is not shown:
                shown = newest.prompt
                live.update(Asked(shown), refresh=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
