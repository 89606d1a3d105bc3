"""Plain text: numbers in lines, as any sketch prints them."""

from __future__ import annotations

import time

import numpy as np

from devices.boards.line_learning import Expected, Learnt, learn
from devices.boards.line_numbering import Counted, Line, Numbered, Timed
from devices.boards.line_text import fields, is_word, numbers, split
from devices.boards.port import Port
from devices.boards.serial_source import Block, SerialSource
from devices.formats.units import microvolts
from devices.integrity import Integrity
from dsp.flow import StreamInfo

BAUD = 115200
WHAT = "the board that prints lines"
UNSEEN = "lost lines cannot be seen, since they carry no time: print micros() first in each line"

_SILENT_S = 1.9
_LISTEN_S = 1.1
_RETURN_S = 2.5
_LONGEST_LINE = 4096
_MOST_BYTES = 1 << 18


def open_lines(
    path: str, *, rate_hz: float, channels: int, unit: str, baud: int = BAUD, patience_s: float = 4.0
) -> SerialSource:
    """Opens a port on which lines ``v1,...,vN`` or ``time_us,v1,...,vN`` come, and listens for about a second.

    Args:
        path: of the port.
        rate_hz: lines a second; what comes may differ by 10 %.
        channels: numbers in a line, without the time.
        unit: of the numbers: ``"uV"``, ``"mV"`` or ``"V"``.
        baud: bits a second.
        patience_s: how long the board may be away before that is an error.

    Raises:
        ValueError: nothing comes, or not what was said.
    """
    language = LinesLanguage(Expected(rate_hz, channels, baud), microvolts(unit, path))
    return SerialSource(path, baud, language, what=WHAT, patience_s=patience_s)


class LinesLanguage:
    """What a sketch prints; a ``devices.boards.serial_source.Language``.

    The numbers may be separated by commas, semicolons, tabs or blanks; a line ends with CR, LF or both. What comes
    before the first whole line of numbers is passed over and not counted. Later on a line that is something else is
    counted as damaged. With a time in microseconds at the beginning of each line the index follows from the time, and
    a gap is exact. Without one, a line that comes and cannot be read still counts as a sample that is lost, but a line
    that does not come at all cannot be noticed, except in a silence of more than 0.25 s, whose length in samples is
    taken from the host's clock. A digit that is lost or changed cannot be noticed either way.

    Args:
        expected: what the user said of the lines.
        uv_per_unit: microvolts in one unit of the numbers.
    """

    def __init__(self, expected: Expected, uv_per_unit: float) -> None:
        self.integrity = Integrity(expected.channels)
        self._expected = expected
        self._scale = uv_per_unit
        self._timed = False
        self._numbers: Counted | Timed | None = None
        self._rest = b""
        self._begun = False
        self._fragment = 0

    def start(self, port: Port) -> StreamInfo:
        """See ``Language``: the first time, learn what comes; later on, wait for the first line."""
        channels = self._expected.channels
        if self._numbers is None:
            self.adopt(learn(port.path, _listen(port), self._expected))
        else:
            self._await(port)
        names = tuple(f"ch{number}" for number in range(1, channels + 1))
        return StreamInfo("text", self._expected.rate_hz, names)

    def adopt(self, learnt: Learnt) -> None:
        """What comes is this; the next line is the first."""
        self._timed, self._rest, self._begun = learnt.timed, learnt.rest, True
        self.integrity.unseen = "" if learnt.timed else UNSEEN
        self._numbers = Timed(1e6 / learnt.rate_hz, self.integrity) if learnt.timed else Counted(learnt.rate_hz)

    def parse(self, raw: bytes, arrived_s: float) -> list[Block]:
        """See ``Language``."""
        if self._numbers is None:
            return []
        lines, self._rest = split(self._rest + raw)
        if len(self._rest) > _LONGEST_LINE:
            self.integrity.skipped += len(self._rest)
            self._rest = b""
        out: list[Numbered] = []
        for text in lines:
            line = self._read(text, arrived_s)
            if line is not None:
                out += self._numbers.take(line)
        return self._blocks(out + self._numbers.let_out(arrived_s))

    def stop(self, port: Port) -> None:
        """Nothing: a sketch that prints cannot be told to stop."""

    def resume(self, index: int) -> None:
        """See ``Language``."""
        if self._numbers is not None:
            self._numbers.restart(index)

    def _await(self, port: Port) -> None:
        """Until the first line of numbers; what it is part of is lost."""
        until_s = time.perf_counter() + _RETURN_S
        self._rest, self._begun = b"", False
        while time.perf_counter() < until_s:
            lines, self._rest = split(self._rest + port.read())
            self._rest = self._rest[-_LONGEST_LINE:]
            if any(self._fits(numbers(text)) for text in lines):
                return
        raise ValueError(f"no lines of {self._expected.channels} numbers come from {port.path!r}; press its reset")

    def _fits(self, values: list[float] | None) -> bool:
        return values is not None and len(values) == self._expected.channels + self._timed

    def _read(self, text: bytes, arrived_s: float) -> Line | None:
        values = numbers(text)
        if values is None or not self._fits(values):
            self._count_damage(text)
            return None
        self._begun, self._fragment = True, 0
        return Line(values[self._timed :], values[0] if self._timed else 0.0, arrived_s)

    def _count_damage(self, text: bytes) -> None:
        """A line that is none: one sample, two that ran together, the second part of one, or something said."""
        if not self._begun or self._numbers is None:
            return
        width = self._expected.channels + self._timed
        found = fields(text)
        if sum(map(is_word, found)) > 1:
            self.integrity.damaged += 1
        elif self._fragment and self._fragment + len(found) in (width, width + 1):
            self._fragment = 0
        else:
            self._fragment = len(found) if len(found) < width else 0
            lost = max(1, (len(found) + width // 2) // width)
            self.integrity.damaged += lost
            self._numbers.miss(lost)

    def _blocks(self, numbered: list[Numbered]) -> list[Block]:
        """Lines next to each other as one block."""
        blocks: list[Block] = []
        start = 0
        for end in range(1, len(numbered) + 1):
            if end == len(numbered) or numbered[end][0] != numbered[end - 1][0] + 1:
                values = np.array([values for _, values in numbered[start:end]], np.float64)
                blocks.append(Block((values * self._scale).astype(np.float32), numbered[start][0]))
                start = end
        return blocks


def _listen(port: Port) -> list[tuple[bytes, float]]:
    """What comes in a second, once anything comes; many boards first have to start, as opening the port resets them."""
    heard: list[tuple[bytes, float]] = []
    until_s = time.perf_counter() + _SILENT_S
    left = _MOST_BYTES
    while left > 0 and (now_s := time.perf_counter()) < until_s:
        raw = port.read(min(0.05, until_s - now_s))
        left -= len(raw)
        if raw and not heard:
            until_s = time.perf_counter() + _LISTEN_S
        if raw:
            heard.append((raw, time.perf_counter()))
    return heard
