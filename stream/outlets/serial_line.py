"""``serial:PORT[?baud=115200&lines=all]``: a short line for each decision to a board on a serial port."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from urllib.parse import parse_qsl

import serial

from dsp.complaints import one_sentence
from models.decision import Decision
from stream.behind import Missed
from stream.outlets.outlet import Outlet, Stream

WRITE_S = 0.5
"""How long a line may take to be written until the board counts as gone."""

FIRST_S, MOST_S = 0.25, 4.0
"""Between two tries to open a port that went away: twice as long after each, up to the second."""

LET_GO = ",0\n"
"""An abstention, for whoever holds something: at a pause and at the end."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a spec says.

    Attributes:
        port: its path.
        baud: bits in a second.
        changes: a line only where the label differs from the one before.
    """

    port: str
    baud: int = 115200
    changes: bool = False


def check(spec: str) -> None:
    """Refuses what is no port.

    Raises:
        ValueError: there is no such port, or an option is not understood.
    """
    where = parse(spec)
    if sys.platform != "win32" and not os.path.exists(where.port):  # noqa: PTH110 - a path that may be none
        raise ValueError(
            f"--sink {spec}: there is no port {where.port!r}; plug the board in, or see 'python -m devices list'"
        )


def open_outlet(spec: str, stream: Stream) -> Outlet:  # noqa: ARG001 - labels say all that is sent
    """Opens the port.

    Raises:
        ValueError: it cannot be opened.
    """
    line = Line(parse(spec))
    try:
        line.open()
    except (OSError, ValueError) as error:
        raise ValueError(f"--sink {spec} cannot be opened: {_plain(error)}; close what uses it") from None
    return line


class Line:
    """Writes ``LABEL,PERCENT`` for each decision; opens the port again where it went away.

    Args:
        where: the port.
    """

    def __init__(self, where: Where) -> None:
        self._where = where
        self._port: serial.Serial | None = None
        self._due, self._delay_s = 0.0, FIRST_S
        self._last: str | None = None

    def open(self) -> serial.Serial:
        """Opens the port.

        Raises:
            OSError: it cannot be opened.
        """
        alone = None if sys.platform == "win32" else True  # there it is anyway
        self._port = serial.Serial(self._where.port, self._where.baud, write_timeout=WRITE_S, exclusive=alone)
        self._delay_s, self._last = FIRST_S, None
        return self._port

    def decide(self, decision: Decision) -> None:
        """See ``Outlet``."""
        label = plain(decision.label or "")
        if self._where.changes and label == self._last and self._port is not None:
            return
        self._write(f"{label},{round(100 * decision.confidence)}\n")
        self._last = label

    def mark(self, index: int, text: str) -> None:
        """Of no use here."""

    def pause(self, paused: bool) -> None:
        """Lets go at its beginning; see ``Outlet``."""
        self._last = None
        if paused:
            self._write(LET_GO)

    def close(self) -> None:
        """See ``Outlet``."""
        if self._port is not None:
            with suppress(Missed):
                self._write(LET_GO)
        self._shut()

    def _write(self, line: str) -> None:
        port = self._port or self._opened_again()
        try:
            port.write(line.encode())
        except (OSError, ValueError) as error:  # pyserial's own are OSErrors
            self._shut()
            self._due = monotonic() + self._delay_s
            raise Missed(f"it went away ({_plain(error)})") from None

    def _opened_again(self) -> serial.Serial:
        if monotonic() < self._due:
            raise Missed("it is not there")
        try:
            return self.open()
        except (OSError, ValueError):
            self._delay_s = min(2 * self._delay_s, MOST_S)
            self._due = monotonic() + self._delay_s
            raise Missed("it is not there") from None

    def _shut(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with suppress(OSError):  # it went away
                port.close()


def parse(spec: str) -> Where:
    """What a spec says.

    Raises:
        ValueError: an option is not understood.
    """
    port, _, options = spec.removeprefix("serial:").partition("?")
    given = dict(parse_qsl(options, keep_blank_values=True))
    baud, lines = given.pop("baud", "115200"), given.pop("lines", "all")
    if given or not port or not baud.isdecimal() or int(baud) == 0 or lines not in ("all", "changes"):
        raise ValueError(
            f"--sink cannot be {spec!r}; give a port and what differs from serial:PORT?baud=115200&lines=all "
            "(or lines=changes)"
        )
    return Where(port, int(baud), lines == "changes")


def plain(label: str) -> str:
    """A label without what would end it too early."""
    return "".join("_" if letter == "," or not letter.isprintable() else letter for letter in label)


def _plain(error: Exception) -> str:
    return one_sentence(error).partition(":")[0] if isinstance(error, serial.SerialException) else one_sentence(error)
