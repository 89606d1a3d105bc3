"""A serial line without a device: a pseudo-terminal whose other end is ours."""

from __future__ import annotations

import array
import os
import select
import shutil
import tempfile
import time
from pathlib import Path

_LARGEST_READ = 4096
_STEP_S = 0.005


class Line:
    """A pseudo-terminal in raw mode, under a name that stays the same when it is unplugged and plugged in again.

    Any program opens ``path`` as it opens a serial port. As on a serial port, what is sent while nobody has it open is
    heard by nobody, what a reader does not fetch before some 16 kB have gathered is lost, and the speed that a program
    sets has no effect.

    Args:
        link: the name, a symbolic link that is made here and follows the terminal; in a private temporary folder if
            None.
        name: of the link in that folder.

    Raises:
        ValueError: this system has no pseudo-terminals, the link's folder does not exist, or something else has its
            name.
        OSError: the link cannot be made there.
    """

    def __init__(self, link: Path | None = None, name: str = "device") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="myostream-")) if link is None else None
        self.link = self._folder / name if self._folder else Path(os.path.abspath(link or name))  # noqa: PTH100 - keeps links
        self._master: int | None = None
        self._slave = ""
        try:
            self.come_back()
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> str:
        """What a program opens; nothing is there while the line is hung up."""
        return str(self.link)

    @property
    def connected(self) -> bool:
        """A program has it open, or had it open and left something that is not read yet."""
        flags = self._flags(0.0)
        return self._master is not None and (not flags & select.POLLHUP or bool(flags & select.POLLIN))

    def come_back(self) -> None:
        """Plug in: a new terminal under the old name; nothing happens where one is there."""
        if self._master is not None:
            return
        try:
            import termios  # noqa: F401, PLC0415 - not there on Windows, where tty could be imported
            import tty  # noqa: PLC0415
        except ModuleNotFoundError:
            raise ValueError(
                "an emulated serial device needs a pseudo-terminal, which Windows has not; "
                "run it on Linux, on macOS or in WSL, or emulate lsl"
            ) from None
        self._refuse_what_is_not_ours()
        master, slave = os.openpty()
        try:
            tty.setraw(slave)
            os.set_blocking(master, False)
            self._slave = os.ttyname(slave)
            self._make_link()
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)  # while nobody else has it open, the master says so
        self._master = master

    def hang_up(self, patience_s: float = 0.0) -> bool:
        """Unplug: the name is gone, and who has the line open finds it dead.

        Args:
            patience_s: how long the reader may take to fetch what was sent before; the rest is lost with the line.

        Returns:
            Whether everything was fetched.
        """
        if self._master is None:
            return True
        empty = self.drain(patience_s)
        if self.link.is_symlink() and os.readlink(self.link) == self._slave:  # noqa: PTH115 - as text
            self.link.unlink()
        os.close(self._master)
        self._master = None
        return empty

    def drain(self, patience_s: float) -> bool:
        """Waits until the reader has fetched everything, and says whether it has; nobody there is as good."""
        until = time.perf_counter() + patience_s
        quiet = 0
        while self.connected:
            quiet = 0 if self._unread() else quiet + 1
            if quiet > 1:  # what the kernel still moves from one buffer to the next would be counted by then
                return True
            if time.perf_counter() >= until:
                return False
            time.sleep(_STEP_S)
        return True

    def forget(self) -> None:
        """Throws away what nobody has fetched, so that the next program does not begin with it."""
        import termios  # noqa: PLC0415 - not there on Windows

        if self._master is not None:
            slave = os.open(self._slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                termios.tcflush(slave, termios.TCIFLUSH)
            finally:
                os.close(slave)

    def wait(self, timeout_s: float) -> None:
        """Until bytes come or the reader leaves, or the time is over."""
        if timeout_s > 0 and self._flags(timeout_s) == select.POLLHUP:  # nobody is there, which is said at once
            time.sleep(min(timeout_s, _STEP_S))

    def read(self) -> bytes:
        """What the other side has written; without waiting."""
        if self._master is None or not self._flags(0.0) & select.POLLIN:
            return b""
        try:
            return os.read(self._master, _LARGEST_READ)
        except OSError:  # it left in between
            return b""

    def write(self, raw: bytes) -> int:
        """Sends without waiting.

        Returns:
            How many bytes were taken; fewer than given where the reader does not read, 0 where nobody is there.
        """
        if self._master is None or not self.connected:
            return 0
        taken = 0
        while taken < len(raw):
            try:
                count = os.write(self._master, raw[taken:])
            except BlockingIOError:
                break
            except OSError:  # it left in between
                break
            taken += count
        return taken

    def close(self) -> None:
        """Takes the line and its name away; safe to call twice."""
        self.hang_up()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_link(self) -> None:
        fresh = self.link.with_name(f".{self.link.name}.{os.getpid()}")
        try:
            fresh.symlink_to(self._slave)
            fresh.replace(self.link)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(self.link)) from None

    def _refuse_what_is_not_ours(self) -> None:
        if not self.link.parent.is_dir():
            raise ValueError(f"there is no folder '{self.link.parent}' for the link; make it, or choose another")
        if not self.link.is_symlink():
            if self.link.exists():
                raise ValueError(f"'{self.link}' exists and is no link to a terminal; choose another name for the link")
        elif self.link.exists() and not os.readlink(self.link).startswith(("/dev/pts/", "/dev/tty")):  # noqa: PTH115
            raise ValueError(f"'{self.link}' is a link to something else; choose another name for the link")

    def _flags(self, timeout_s: float) -> int:
        if self._master is None:
            time.sleep(min(timeout_s, 0.01))
            return 0
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        found = poll.poll(timeout_s * 1e3)
        return found[0][1] if found else 0

    def _unread(self) -> int:
        import fcntl  # noqa: PLC0415 - not there on Windows
        import termios  # noqa: PLC0415

        count = array.array("i", [0])
        slave = os.open(self._slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            fcntl.ioctl(slave, termios.FIONREAD, count)
        finally:
            os.close(slave)
        return count[0]
