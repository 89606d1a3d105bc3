"""``keyboard:MAP.toml``: a key held or tapped for each gesture, by a process of its own (``fingers``)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from devices.guiding.painter import no_interrupt
from models.decision import Decision
from stream.behind import Missed
from stream.outlets.fingers import EXTRA, NO_DISPLAY, READY
from stream.outlets.keymap import load
from stream.outlets.outlet import Outlet, Stream

READY_S = 10.0
"""How long the process may take to begin."""

LEAVE_S = 1.5
"""How long the process may take to end before it is killed."""


def check(spec: str) -> None:
    """Refuses a file of keys that cannot be, and a machine without a keyboard to press.

    Raises:
        ValueError: says which.
    """
    load(_path(spec))
    if find_spec("pynput") is None:
        raise ValueError(f"--sink {EXTRA}")
    if sys.platform not in ("win32", "darwin") and not os.environ.get("DISPLAY"):
        raise ValueError(f"--sink {NO_DISPLAY}")


def check_fit(spec: str, labels: tuple[str, ...]) -> None:
    """Refuses a file of keys with gestures that the checkpoint does not know.

    Raises:
        ValueError: lists those it knows.
    """
    load(_path(spec)).check_fit(_path(spec), labels)


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Starts the process, and waits for it only where nothing may be lost."""
    keys = Keys(_path(spec))
    if stream.patient:
        keys.wait()
    return keys


class Keys:
    """Tells the process each gesture.

    Args:
        path: of the file of keys.
    """

    def __init__(self, path: Path) -> None:
        self._said = ""
        self._heard = threading.Event()
        with no_interrupt():
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                [sys.executable, "-m", "stream.outlets.fingers", str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self) -> None:
        """Waits until the process is ready or has ended, at most ``READY_S``."""
        self._heard.wait(READY_S)

    def decide(self, decision: Decision) -> None:
        """See ``Outlet``."""
        self._tell(decision.label or "")

    def mark(self, index: int, text: str) -> None:
        """Of no use here."""

    def pause(self, paused: bool) -> None:
        """Releases everything; see ``Outlet``."""
        if paused:
            with suppress(Missed):
                self._tell("")

    def close(self) -> None:
        """Releases everything and ends the process."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, gesture: str) -> None:
        if self._said != READY:
            raise Missed(self._said or "it is not ready yet")
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(gesture.encode() + b"\n")
        except OSError:
            raise Missed("what presses the keys has ended") from None

    def _listen(self) -> None:
        out = self._process.stdout
        if out is not None:
            with out:
                self._said = out.readline().decode(errors="replace").strip() or "what presses the keys has ended"
                self._heard.set()
                out.read()


def _path(spec: str) -> Path:
    return Path(spec.removeprefix("keyboard:"))
