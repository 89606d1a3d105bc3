"""Keys as they are pressed, without Enter, for whoever has a loop that must not wait.

with Keys() as keys:
    while running:
        if keys.take() == "q":
            ...
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import sys
from collections import deque
from collections.abc import Callable
from types import TracebackType

_AT_ONCE = 1024
_ESCAPE = "\x1b"


class Keys:
    """Takes over the terminal's keys while the block lasts: they are not shown, and come without Enter.

    Ctrl-C stays a signal. The keys come from the standard input, or where that is no terminal (a pipe), from the
    terminal that the program was started from. Where there is none, or it belongs to another program at the moment,
    there are no keys and nothing is changed.

    Attributes:
        there: there are keys to be had.
    """

    def __init__(self) -> None:
        self.there = False
        self._board: _Board | None = None

    def __enter__(self) -> Keys:
        self._board = _board()
        self.there = self._board is not None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def take(self) -> str:
        """The next key that was pressed, "" where there is none; never waits.

        A key is one character: Enter is a newline, Escape the control character. Arrows and the like are left out.
        """
        return "" if self._board is None else self._board.take()

    def close(self) -> None:
        """Gives the keys back, and the terminal the way it was before; safe to call twice."""
        board, self._board, self.there = self._board, None, False
        if board is not None:
            board.close()


def restorer() -> Callable[[], None]:
    """Brings the terminal of the standard input back to how it is now, for another program that may die over it."""
    if sys.platform == "win32" or sys.stdin is None:
        return lambda: None
    try:
        before = termios.tcgetattr(0)
    except (OSError, termios.error):  # no terminal
        return lambda: None

    def restore() -> None:
        with contextlib.suppress(OSError, termios.error):  # it is gone
            if _ours(0):
                termios.tcsetattr(0, termios.TCSANOW, before)

    return restore


if sys.platform == "win32":
    import msvcrt

    class _Board:
        """The console of Windows."""

        def take(self) -> str:
            while msvcrt.kbhit():
                key = msvcrt.getwch()
                if key not in "\x00\xe0":
                    return key.replace("\r", "\n")
                msvcrt.getwch()  # an arrow or the like comes as two
            return ""

        def close(self) -> None:
            while msvcrt.kbhit():
                msvcrt.getwch()

    def _board() -> _Board | None:
        return _Board() if sys.stdin is not None and sys.stdin.isatty() else None

else:
    import termios

    class _Board:
        """A terminal in which keys come at once.

        Args:
            descriptor: of the terminal.
            owned: it is closed in the end.
        """

        def __init__(self, descriptor: int, *, owned: bool) -> None:
            self._descriptor, self._owned = descriptor, owned
            self._before = termios.tcgetattr(descriptor)
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
            self._waiting: deque[str] = deque()
            self._gone = False
            attributes = termios.tcgetattr(descriptor)
            attributes[3] &= ~(termios.ECHO | termios.ICANON)
            attributes[6] = [*attributes[6]]
            attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)

        def take(self) -> str:
            if not self._waiting and not self._gone:
                self._waiting += keys_in(self._decoder.decode(self._read()))
            return self._waiting.popleft() if self._waiting else ""

        def close(self) -> None:
            try:
                if _ours(self._descriptor):  # else it is no longer ours to change
                    termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)
                    termios.tcflush(self._descriptor, termios.TCIFLUSH)  # a key too many is not the shell's
            except (OSError, termios.error):  # the terminal is gone
                pass
            finally:
                if self._owned:
                    os.close(self._descriptor)

        def _read(self) -> bytes:
            try:
                if not _ours(self._descriptor) or not select.select([self._descriptor], [], [], 0)[0]:
                    return b""
                raw = os.read(self._descriptor, _AT_ONCE)
            except (OSError, ValueError):
                raw = b""
            self._gone = not raw
            return raw

    def _board() -> _Board | None:
        try:
            if os.isatty(0):
                return _Board(0, owned=False) if _ours(0) else None
            descriptor = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
        except (OSError, termios.error):  # none, or none of ours
            return None
        try:
            if _ours(descriptor):
                return _Board(descriptor, owned=True)
        except (OSError, termios.error):
            pass
        os.close(descriptor)
        return None

    def _ours(descriptor: int) -> bool:
        """Whether we may touch the terminal: a program in the background would be stopped for it."""
        try:
            return os.tcgetpgrp(descriptor) == os.getpgrp()
        except OSError:  # a terminal, but not the one that controls us: nobody would be stopped
            return os.isatty(descriptor)


def keys_in(text: str) -> list[str]:
    """The single keys in what a terminal sent, without the sequences that stand for arrows and the like."""
    keys, at = [], 0
    while at < len(text):
        end = _sequence_end(text, at)
        if end == at + 1:
            keys.append(text[at])
        at = end
    return keys


def _sequence_end(text: str, at: int) -> int:
    """Where what begins here ends: one character, or a control sequence (ECMA-48: CSI, SS3)."""
    if text[at] != _ESCAPE or at + 1 >= len(text) or text[at + 1] not in "[O":
        return at + 1
    end = at + 2
    while end < len(text) and not "@" <= text[end] <= "~":
        end += 1
    return min(end + 1, len(text))
