"""A serial port that waits no longer than it was told to and says in one sentence what is wrong with it."""

from __future__ import annotations

import errno
import math
import threading
import time
from contextlib import suppress

import serial

from devices.ports import listed

try:
    from termios import error as _TermiosError  # noqa: N812 - an exception that the system calls "error"
except ImportError:  # Windows
    _TermiosError = OSError  # type: ignore[misc,assignment]

WRITE_TIMEOUT_S = 0.5
_KEPT_BYTES = 1 << 16
_LAST_WORDS_S = 0.1
_CLOSE_S = 0.001

_TROUBLE = (OSError, _TermiosError, TypeError)
"""What pyserial raises when a device is pulled out; TypeError where it meets its own closed descriptor."""


class Gone(ValueError):  # noqa: N818 - said of a device, not of a program
    """The device went away while it was being used."""


class Port:
    """An open serial port, eight bits, no parity, one stop bit, for this program alone.

    It is used by one thread at a time; ``until`` and ``close`` may be called from any.

    Args:
        path: of the device, such as ``/dev/ttyUSB0`` or ``COM3``.
        baud: bits a second.
        what: is expected there, for people, such as ``the Cyton``.

    Raises:
        ValueError: it cannot be opened; the message says why and what to do.
    """

    def __init__(self, path: str, baud: int, *, what: str) -> None:
        self.path = path
        self.what = what
        self._using = threading.Lock()
        self._closed = False
        self._limit_s = math.inf
        self._rest = b""
        self._timeout_s = 0.05
        try:
            self._serial = serial.Serial(
                path, baud, timeout=self._timeout_s, write_timeout=WRITE_TIMEOUT_S, exclusive=True
            )
        except (*_TROUBLE, ValueError) as error:
            raise ValueError(_why_not(path, baud, what, error)) from None
        quicken = getattr(self._serial, "set_low_latency_mode", None)
        if quicken is not None:
            with suppress(*_TROUBLE, ValueError, NotImplementedError):  # a pseudo-terminal has no latency timer
                quicken(True)

    def read(self, timeout_s: float = 0.05) -> bytes:
        """Whatever is there.

        Args:
            timeout_s: how long to wait for the first byte.

        Returns:
            At least one byte, or none where none came in time or ``close`` ended the waiting.

        Raises:
            Gone: the device went away, the port was closed before, or the moment set by ``until`` has passed.
        """
        with self._using:
            self._left()
            if self._rest:
                raw, self._rest = self._rest, b""
                return raw
            deadline = time.perf_counter() + timeout_s
            while True:
                wait_s = max(0.0, min(deadline - time.perf_counter(), self._left()))
                raw = self._take(wait_s)
                if raw or self._closed or time.perf_counter() >= deadline:
                    return raw

    def _take(self, wait_s: float) -> bytes:
        try:
            if abs(self._timeout_s - wait_s) > _CLOSE_S:  # each change costs the system a call
                self._serial.timeout = self._timeout_s = wait_s
            raw: bytes = self._serial.read(1)
            return raw + self._serial.read(self._serial.in_waiting) if raw else b""
        except _TROUBLE as error:
            raise self._gone(error) from None

    def write(self, raw: bytes) -> None:
        """Send all of it.

        Raises:
            Gone: as ``read``; also where the device does not take the bytes within ``WRITE_TIMEOUT_S``.
        """
        with self._using:
            self._left()
            try:
                self._serial.write(raw)
            except serial.SerialTimeoutException:
                raise Gone(
                    f"{self.what} at {self.path!r} takes no commands (nothing could be sent for {WRITE_TIMEOUT_S:g} s);"
                    " unplug it, plug it in again, then start again"
                ) from None
            except _TROUBLE as error:
                raise self._gone(error) from None

    def read_until(self, end: bytes, timeout_s: float) -> bytes:
        """What comes up to and with ``end``; what comes after it is left for the next ``read``.

        Returns:
            All that came within ``timeout_s`` (the last 64 KiB of it) where ``end`` was not among it.

        Raises:
            Gone: as ``read``.
        """
        deadline = time.perf_counter() + timeout_s
        came = bytearray()
        while (left := deadline - time.perf_counter()) > 0:
            looked = max(0, len(came) - len(end) + 1)
            came += self.read(min(left, 0.05))
            found = came.find(end, looked)
            if found >= 0:
                self._rest = bytes(came[found + len(end) :])
                return bytes(came[: found + len(end)])
            del came[: max(0, len(came) - _KEPT_BYTES)]
        return bytes(came)

    def drain(self, quiet_s: float, most_s: float) -> bytes:
        """Read until nothing has come for ``quiet_s``, for at most ``most_s``.

        Returns:
            What came, the last 64 KiB of it.

        Raises:
            Gone: as ``read``.
        """
        deadline = time.perf_counter() + most_s
        came = bytearray()
        while (left := deadline - time.perf_counter()) > 0:
            raw = self.read(min(left, quiet_s))
            if not raw:
                break
            came += raw
            del came[: max(0, len(came) - _KEPT_BYTES)]
        return bytes(came)

    def set_baud(self, baud: int) -> None:
        """Go on at another speed, without opening the port anew (which resets many boards).

        Raises:
            Gone: as ``read``.
        """
        with self._using:
            try:
                self._serial.baudrate = baud
            except (*_TROUBLE, ValueError) as error:
                raise self._gone(error) from None

    def until(self, moment_s: float) -> None:
        """From this moment (``time.perf_counter``) on, reading and writing raise ``Gone``.

        A moment that has passed ends a waiting ``read`` as well; infinity lifts the limit.
        """
        self._limit_s = moment_s
        if moment_s <= time.perf_counter():
            self._wake()

    def close(self) -> None:
        """Give the port back; safe to call twice, and ends a ``read`` that waits in another thread."""
        self._closed = True
        self._wake()
        with self._using, suppress(*_TROUBLE):
            if self._serial.is_open:
                with suppress(*_TROUBLE):
                    self._let_out()
                self._serial.close()

    def _let_out(self) -> None:
        """Give the last command the time to leave; the system would wait half a minute for a device that is stuck."""
        deadline = time.perf_counter() + _LAST_WORDS_S
        while self._serial.out_waiting and time.perf_counter() < deadline:
            time.sleep(0.005)
        if self._serial.out_waiting:
            self._serial.reset_output_buffer()

    def _wake(self) -> None:
        with suppress(*_TROUBLE, AttributeError):  # the descriptor may be closing at this very moment
            self._serial.cancel_read()
            self._serial.cancel_write()

    def _left(self) -> float:
        """Seconds until the limit; raises where there are none."""
        if self._closed:
            raise Gone(f"{self.what} at {self.path!r} is closed; open it again")
        left = self._limit_s - time.perf_counter()
        if left <= 0:
            raise Gone(
                f"{self.what} at {self.path!r} was not ready in time; unplug it, plug it in again, then start again"
            )
        return left

    def _gone(self, error: Exception) -> Gone:
        return Gone(f"{self.what} at {self.path!r} went away ({_plain(error)}); plug it in, then start again")


def _plain(error: Exception) -> str:
    """What an error of pyserial or the system says, on one line and without its number."""
    said = getattr(error, "strerror", None) or str(error.args[-1] if error.args else "") or type(error).__name__
    return " ".join(str(said).split())


def _why_not(path: str, baud: int, what: str, error: Exception) -> str:
    """Why a port cannot be opened, and the way out, in one sentence."""
    code = error.errno if isinstance(error, OSError) else None
    text = str(error)
    if code in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "FileNotFoundError" in text:
        return f"{what} is expected at {path!r}, but there is no such port; plug it in or name another ({listed()})"
    if code in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in text:  # on Windows a port in use denies permission
        return (
            f"{path!r} is in use by another program, so {what} cannot be opened; close that program, then start again"
        )
    if code in (errno.EACCES, errno.EPERM):
        return (
            f"you may not open {path!r}, where {what} is expected; "
            "run 'sudo usermod -a -G dialout $USER', log out and in again, then start again"
        )
    if isinstance(error, ValueError) and "baud" in text.lower():
        return f"{path!r} cannot run at {baud} baud, which {what} was said to speak; give another baud"
    return (
        f"{path!r} cannot be opened as a serial port ({_plain(error)}), so {what} is not there; name another "
        f"({listed()})"
    )
