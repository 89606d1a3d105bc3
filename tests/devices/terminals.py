"""Programs in a real terminal: a pty of their own that controls them, as if started from a shell."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0
_TAKES_OVER = "import os, sys; os.close(os.open(sys.argv.pop(1), os.O_RDWR));"


class Terminal:
    """A terminal of 80 x 24 with a program in it.

    Attributes:
        seen: all that was written.
        before: the terminal's modes when the program began.
        process: the program.
    """

    def __init__(self, program: str, arguments: Sequence[object] = (), *, piped: bool = False) -> None:
        self._main, self._far = pty.openpty()
        fcntl.ioctl(self._far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        self.seen = b""
        self.before = termios.tcgetattr(self._main)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKES_OVER + program, os.ttyname(self._far), *map(str, arguments)],
            stdin=subprocess.PIPE if piped else self._far,
            stdout=self._far,
            stderr=self._far,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )

    def until(self, words: str, after: int = 0) -> int:
        """Reads what is shown until these words come after a place in it; the place behind them."""
        by = time.monotonic() + WAIT_S
        while (found := self.seen.find(words.encode(), after)) < 0:
            assert time.monotonic() < by, f"no {words!r} in {self.seen[after:][-2000:]!r}"
            if select.select([self._main], [], [], 0.1)[0]:
                self.seen += os.read(self._main, 65536)
        return found + len(words.encode())

    def press(self, keys: bytes) -> None:
        """As if typed."""
        os.write(self._main, keys)

    def end(self) -> int:
        """Waits for the program's end and reads what is left; its exit status."""
        by = time.monotonic() + WAIT_S
        while self.process.poll() is None:
            assert time.monotonic() < by, f"it does not end: {self.seen[-2000:]!r}"
            self._read()
        while self._read():
            pass
        return self.process.wait()

    @property
    def modes(self) -> list[object]:
        """The terminal's modes now."""
        return termios.tcgetattr(self._main)

    def close(self) -> None:
        """Ends everything."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        os.close(self._far)
        os.close(self._main)

    def _read(self) -> bool:
        if not select.select([self._main], [], [], 0.1)[0]:
            return False
        self.seen += os.read(self._main, 65536)
        return True


@contextmanager
def terminal(program: str, arguments: Sequence[object] = (), *, piped: bool = False) -> Iterator[Terminal]:
    """A terminal while the block lasts."""
    opened = Terminal(program, arguments, piped=piped)
    try:
        yield opened
    finally:
        opened.close()
