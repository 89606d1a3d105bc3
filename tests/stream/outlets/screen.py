"""A real X server without a monitor, and a client of it that says which keys go down and up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from tests.stream.outlets.saying import PATIENCE_S, until

CLIENT = """
from Xlib import X, XK, display
screen = display.Display()
root = screen.screen().root
window = root.create_window(0, 0, 100, 100, 0, X.CopyFromParent, event_mask=X.KeyPressMask | X.KeyReleaseMask)
window.map()
screen.sync()
screen.set_input_focus(window, X.RevertToParent, X.CurrentTime)
screen.sync()
names = {value: name[3:] for name, value in vars(XK).items() if name.startswith("XK_")}
print("ready", flush=True)
while True:
    event = screen.next_event()
    if event.type in (X.KeyPress, X.KeyRelease):
        symbol = screen.keycode_to_keysym(event.detail, 0)
        print("+-"[event.type == X.KeyRelease] + names.get(symbol, str(symbol)), flush=True)
"""


class Keys:
    """What a client of the screen has seen of the keyboard, in order."""

    def __init__(self, display: str) -> None:
        self.seen: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLIENT], stdout=subprocess.PIPE, text=True, env=os.environ | {"DISPLAY": display}
        )
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        until(lambda: self.seen)
        assert self.seen.pop() == "ready"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.seen.append(line.strip())

    def close(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def screen() -> Iterator[str]:
    """The name of a display of its own; skips where Xvfb or pynput is missing."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("needs Xvfb, an X server without a monitor (apt-get install xvfb)")
    if find_spec("pynput") is None or find_spec("Xlib") is None:
        pytest.skip("needs pynput (pip install -e '.[keyboard]')")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(writing), "-nolisten", "tcp", "-noreset"],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as file:
            number = file.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


@contextmanager
def keys(display: str) -> Iterator[list[str]]:
    """What a client sees: ``+space`` for a key that goes down, ``-space`` for one that goes up."""
    watching = Keys(display)
    try:
        yield watching.seen
    finally:
        watching.close()
