"""Keys as they are pressed, on real terminals: the program under test has a pty of its own as the one it started in."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

import termios

from devices.keys import Keys, keys_in
from tests.devices.terminals import WAIT_S, terminal

ROOT = Path(__file__).parents[2]

ECHOES = """
import sys, time
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


@pytest.mark.parametrize("piped", [False, True])
def test_keys_come_at_once_and_are_not_shown(piped: bool) -> None:
    with terminal(ECHOES, piped=piped) as screen:
        screen.until("ready True")
        local = screen.modes[3]
        assert isinstance(local, int)
        assert not local & (termios.ECHO | termios.ICANON)
        assert local & termios.ISIG
        screen.press(b"d")
        screen.until("<'d'>")
        screen.press("\x1b[A\u00e4 \n".encode())
        screen.until("<'\\n'>")
        screen.press(b"q")
        assert screen.end() == 0
        assert screen.seen.decode().replace("\r\n", "") == "ready True<'d'><'ä'><' '><'\\n'><'q'>"
        assert screen.modes == screen.before


@pytest.mark.parametrize("ends", [b"x", b"\x03"])
def test_the_terminal_is_as_before_however_it_ends(ends: bytes) -> None:
    with terminal(ECHOES) as screen:
        screen.until("ready True")
        screen.press(ends)
        assert screen.end() in (1, -signal.SIGINT)
        assert screen.modes == screen.before


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
