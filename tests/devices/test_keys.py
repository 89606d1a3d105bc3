"""Keys as they are pressed, on real terminals: the program under test has a pty of its own as the one it started in."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices.keys import Keys, keys_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX terminals")
if sys.platform != "win32":
    import pty
    import termios

ROOT = Path(__file__).parents[2]
WAIT_S = 30.0

ECHOES = """
import os, sys, time
os.close(os.open(sys.argv[1], os.O_RDWR))  # becomes the terminal that controls this program
from devices.keys import Keys
with Keys() as keys:
    print("ready", keys.there, flush=True)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        key = keys.take()
        if key:
            print(f"<{key!r}>", flush=True)
        if key == "q":
            break
        if key == "x":
            raise RuntimeError("as if something had gone wrong")
        time.sleep(0.01)
"""


class Terminal:
    """A program with a terminal that it was started from."""

    def __init__(self, *, piped: bool) -> None:
        self.main, far = pty.openpty()
        self.before = termios.tcgetattr(self.main)
        self.seen = ""

        self.process = subprocess.Popen(
            [sys.executable, "-c", ECHOES, os.ttyname(far)],
            stdin=subprocess.PIPE if piped else far,
            stdout=far,
            stderr=far,
            cwd=ROOT,
            start_new_session=True,
        )
        self._far = far  # kept open, so that its state can be looked at when the program has ended

    def until(self, words: str) -> None:
        """Reads what is shown until it holds these words."""
        by = time.monotonic() + WAIT_S
        while words not in self.seen and time.monotonic() < by:
            if select.select([self.main], [], [], 0.1)[0]:
                self.seen += os.read(self.main, 4096).decode()
        assert words in self.seen

    def press(self, keys: bytes) -> None:
        """As if typed."""
        os.write(self.main, keys)

    @property
    def local(self) -> int:
        """The terminal's local modes."""
        return int(termios.tcgetattr(self.main)[3])

    def close(self) -> None:
        """Ends everything."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        os.close(self._far)
        os.close(self.main)


@contextmanager
def terminal(*, piped: bool = False) -> Iterator[Terminal]:
    opened = Terminal(piped=piped)
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("piped", [False, True])
def test_keys_come_at_once_and_are_not_shown(piped: bool) -> None:
    with terminal(piped=piped) as screen:
        screen.until("ready True")
        assert not screen.local & (termios.ECHO | termios.ICANON)
        assert screen.local & termios.ISIG
        screen.press(b"d")
        screen.until("<'d'>")
        screen.press("\x1b[A\u00e4 \n".encode())
        screen.until("<'\\n'>")
        screen.press(b"q")
        assert screen.process.wait(WAIT_S) == 0
        assert screen.seen.replace("\r\n", "") == "ready True<'d'><'ä'><' '><'\\n'>"
        assert termios.tcgetattr(screen.main) == screen.before


@pytest.mark.parametrize("ends", [b"x", b"\x03"])
def test_the_terminal_is_as_before_however_it_ends(ends: bytes) -> None:
    with terminal() as screen:
        screen.until("ready True")
        screen.press(ends)
        assert screen.process.wait(WAIT_S) in (1, -signal.SIGINT)
        assert termios.tcgetattr(screen.main) == screen.before


def test_without_a_terminal_there_are_no_keys() -> None:
    program = "from devices.keys import Keys\nwith Keys() as keys:\n print(keys.there, repr(keys.take()))"
    given = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=True,
        timeout=WAIT_S,
    )
    assert given.stdout.split() == ["False", "''"]


def test_what_is_not_entered_gives_no_keys() -> None:
    keys = Keys()
    assert keys.take() == ""
    keys.close()
    keys.close()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("dq", ["d", "q"]),
        ("\x1b", ["\x1b"]),
        ("\x1b[A", []),
        ("\x1bOPx", ["x"]),
        ("\x1b[1;5Dd\x1b[3~", ["d"]),
        ("\x1b[", []),
        ("", []),
    ],
)
def test_arrows_and_the_like_are_left_out(text: str, keys: list[str]) -> None:
    assert keys_in(text) == keys
