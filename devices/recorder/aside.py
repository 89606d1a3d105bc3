"""Saying something without ever waiting until it has been taken."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TextIO

MOST = 100
"""Texts that may wait; of more, the oldest are left out."""

PATIENCE_S = 0.5
"""How long ``close`` waits for what has not been taken yet."""


class Aside:
    """Writes text to a stream from a thread of its own.

    A terminal may stand still (Ctrl-S, a selection in a Windows console, a slow connection), and then whoever writes
    to it waits; a loop that reads samples must not. Nothing more is written to a stream that is gone.

    Args:
        stream: written by nobody else meanwhile.
    """

    def __init__(self, stream: TextIO) -> None:
        self._write = _writing(stream)
        self._waiting: deque[str] = deque(maxlen=MOST)
        self._news = threading.Event()
        self._leaving = False
        self._thread = threading.Thread(target=self._work, name="aside", daemon=True)
        self._thread.start()

    def __call__(self, text: str) -> None:
        """Takes text; returns at once."""
        self._waiting.append(text)
        self._news.set()

    def close(self) -> None:
        """Writes what is left, if it is taken within ``PATIENCE_S``; safe to call twice."""
        self._leaving = True
        self._news.set()
        self._thread.join(PATIENCE_S)

    def _work(self) -> None:
        try:
            while not self._leaving or self._waiting:
                self._news.wait()
                self._news.clear()
                while self._waiting:
                    self._write(self._waiting.popleft())
        except (OSError, ValueError):  # a full disk, a reader that has left, a terminal that was closed
            return


def _writing(stream: TextIO) -> Callable[[str], None]:
    """Writes past the stream's own buffer, whose lock would hold up the end of the program with a standing terminal."""

    def through(text: str) -> None:
        stream.write(text)
        stream.flush()

    try:
        number = stream.fileno()
    except (OSError, ValueError):  # the stream of a test
        return through
    if sys.platform == "win32":  # whose consoles take text and no bytes
        return through

    def past(text: str) -> None:
        raw = text.encode(stream.encoding, "backslashreplace")
        while raw:
            raw = raw[os.write(number, raw) :]

    return past
