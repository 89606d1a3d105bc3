"""The process that presses keys: ``python -m stream.outlets.fingers MAP.toml`` takes gestures from its stdin.

A process of its own, so that keys are released whatever happens to the one that recognises: it may be stopped, killed
or held up. Silence for ``dead_man_ms`` releases everything, and so does the end of stdin.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from stream.outlets.keymap import Keymap, Stroke, load

READY = "ready"
EXTRA = "keyboard: needs pynput; install it with: python -m pip install -e '.[keyboard]'"
NO_DISPLAY = "keyboard: needs a screen, and there is none to be reached: start it where DISPLAY is set, under X11"


class Fingers:
    """Holds and taps keys.

    Args:
        strokes: by gesture.
        press: presses a key, by name.
        release: releases it.
    """

    def __init__(
        self, strokes: dict[str, Stroke], press: Callable[[str], object], release: Callable[[str], object]
    ) -> None:
        self._strokes, self._press, self._release = strokes, press, release
        self._gesture = ""
        self._held: list[str] = []
        self._lock = threading.Lock()

    def make(self, gesture: str) -> None:
        """Does what belongs to a gesture, if it is another one than before; "" releases everything."""
        with self._lock:
            if gesture == self._gesture:
                return
            self._let_go()
            self._gesture = gesture
            stroke = self._strokes.get(gesture)
            if stroke is None:
                return
            for key in stroke.keys:
                self._held.append(key)
                self._press(key)
            if stroke.tap:
                self._raise_all()

    def let_go(self) -> None:
        """Releases everything; what comes next is a new gesture."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        self._gesture = ""
        self._raise_all()

    def _raise_all(self) -> None:
        while self._held:
            self._release(self._held.pop())


class Guard:
    """Knows whether somebody holds down the key without which nothing is pressed.

    Args:
        key: as pynput has it; None where nothing has to be held.
        lost: is called when it is released.
    """

    def __init__(self, key: Any, lost: Callable[[], object]) -> None:
        self._key, self._lost = key, lost
        self.holds = key is None

    def pressed(self, key: Any) -> None:
        """Takes note of a key that went down."""
        if key == self._key:
            self.holds = True

    def released(self, key: Any) -> None:
        """Takes note of a key that went up."""
        if key == self._key:
            self.holds = False
            self._lost()


def main(arguments: list[str]) -> int:
    """Presses until stdin ends; says ``ready`` first, or in one sentence what is wrong."""
    for name in ("SIGINT", "SIGHUP"):  # Ctrl-C is the parent's business
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        keymap = load(Path(arguments[0]))
        keyboard = _keyboard()
    except ValueError as error:
        print(error, flush=True)
        return 2
    _type(keymap, keyboard)
    return 0


def _keyboard() -> Any:
    """The module ``pynput.keyboard``.

    Raises:
        ValueError: it is missing, or there is no screen.
    """
    try:
        from pynput import keyboard  # noqa: PLC0415 - an extra, which looks for a screen when it is loaded
    except ModuleNotFoundError:
        raise ValueError(EXTRA) from None
    except Exception:  # what it raises without a screen depends on the system
        raise ValueError(NO_DISPLAY) from None
    return keyboard


def _type(keymap: Keymap, keyboard: Any) -> None:
    def named(key: str) -> Any:
        return keyboard.KeyCode.from_char(key) if len(key) == 1 else keyboard.Key[key]

    hands = keyboard.Controller()
    fingers = Fingers(keymap.strokes, lambda key: hands.press(named(key)), lambda key: hands.release(named(key)))
    guard = Guard(named(keymap.while_held) if keymap.while_held else None, fingers.let_go)
    if keymap.while_held:
        listener = keyboard.Listener(on_press=guard.pressed, on_release=guard.released)
        listener.daemon = True
        listener.start()
        listener.wait()
    print(READY, flush=True)
    try:
        _follow(_lines(sys.stdin.buffer), fingers, guard, keymap.dead_man_ms / 1e3)
    finally:
        fingers.let_go()


def _lines(file: IO[bytes]) -> queue.SimpleQueue[str | None]:
    """The lines of a file as they come, None at its end."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for line in file:
                lines.put(line.decode(errors="replace").rstrip("\n"))
        finally:
            lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _follow(lines: queue.SimpleQueue[str | None], fingers: Fingers, guard: Guard, dead_man_s: float) -> None:
    while True:
        try:
            gesture = lines.get(timeout=dead_man_s)
            while not lines.empty():  # after a delay, what is past is past
                gesture = lines.get()
        except queue.Empty:
            fingers.let_go()
            continue
        if gesture is None:
            return
        fingers.make(gesture if guard.holds else "")


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # a thread may still read
