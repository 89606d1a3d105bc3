"""A process that draws on the terminal while a stream runs; the terminal is restored if it dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping

from devices.keys import restorer

LEAVE_S = 3.0
"""How long the process may take to end before it is killed."""

RESTORE = "\x1b[?1049l\x1b[?25h\x1b[0m"
"""Leave the alternate screen, show the cursor, plain colours (xterm control sequences): what a killed one owes."""


class Painter:
    """One of our own modules, run as a process that ends with its standard input.

    Args:
        module: to be run.
        arguments: of it.
        environment: variables for it alone.
        draws: on the terminal, which is restored when it dies; of one that does not, the end is said at the end.
    """

    def __init__(
        self, module: str, *arguments: str, environment: Mapping[str, str] | None = None, draws: bool = True
    ) -> None:
        self._restored = False
        self._draws = draws
        self._give_back = restorer()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            with no_interrupt():
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                    [sys.executable, "-m", module, *arguments],
                    stdin=subprocess.PIPE,
                    bufsize=0,
                    env=None if environment is None else {**os.environ, **environment},
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
                if self._process.stdin is not None and hasattr(os, "set_blocking"):
                    os.set_blocking(self._process.stdin.fileno(), False)
        except BaseException:  # Ctrl-C that came meanwhile is raised here, with the process already there
            self.close()
            raise

    def send(self, line: bytes) -> None:
        """Writes to its standard input, if there is room: what a slow one cannot take is lost to it. Never waits."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone
                self._process.stdin.write(line)

    def look(self) -> None:
        """Restores the terminal if the process has died."""
        if self._draws and self._process is not None and self._process.poll() is not None:
            self._restore()

    def dismiss(self) -> None:
        """Asks the process to end and waits for nothing; safe to call twice."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone already
                self._process.stdin.close()

    def close(self) -> None:
        """Ends the process; safe to call twice."""
        process = self._process
        if process is None:
            return
        self.dismiss()
        try:
            process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._restore()

    def _restore(self) -> None:
        if self._process is not None and self._process.returncode and not self._restored:
            self._restored = True
            if self._draws:
                sys.stdout.write(RESTORE)
                sys.stdout.flush()
                self._give_back()
            print("the display ended early; nothing else is lost", file=sys.stderr)


@contextlib.contextmanager
def no_interrupt() -> Iterator[None]:
    """Start a process that Ctrl-C does not reach: on POSIX it inherits the blocked signal, on Windows its own group."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
