"""The other end of a serial line, played by a thread, for the drivers' tests."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class FarEnd:
    """A pseudo-terminal whose master answers what the port sends, and talks without being asked.

    ``answer`` gets the bytes as they come; ``talk`` is asked for more whenever there is room on the line.
    """

    def __init__(self, answer: Callable[[bytes], bytes] | None = None, talk: Callable[[], bytes] | None = None) -> None:
        import tty  # noqa: PLC0415 - not there on Windows

        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(slave)
        self._slave: int | None = slave  # keeps the line alive while no port is open
        self._answer, self._talk = answer, talk
        self._pending = b""
        self.heard = b""
        self._leaving, self._plug = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Pull the plug; safe to call twice, and from two threads."""
        self._leaving.set()
        self._thread.join(5)
        assert not self._thread.is_alive()
        with self._plug:
            open_ones = [one for one in (self._slave, self._master) if one is not None and self._master >= 0]
            self._slave, self._master = None, -1
        for descriptor in open_ones:
            os.close(descriptor)

    def send(self, raw: bytes) -> None:
        """Say something."""
        self._pending += raw

    def _play(self) -> None:
        while not self._leaving.is_set():
            readable, writable, _ = select.select([self._master], [self._master], [], 0.005)
            if readable:
                raw = os.read(self._master, 4096)
                self.heard += raw
                self._pending += self._answer(raw) if self._answer is not None else b""
            if self._talk is not None and not self._pending:
                self._pending = self._talk()
            if writable and self._pending:
                try:
                    sent = os.write(self._master, self._pending)
                except BlockingIOError:
                    sent = 0
                self._pending = self._pending[sent:]
            if not self._pending or not writable:
                self._leaving.wait(0.001)
