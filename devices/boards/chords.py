"""Boards that run the Chords firmware of Upside Down Labs: Arduino, STM32, RP2040 and ESP32.

Commands, packets and the table of boards: the "Chords Arduino Firmware" of Upside Down Labs, its README and sketches.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.boards.packets import Form, Packets
from devices.boards.port import Port
from devices.boards.serial_source import Block, SerialSource
from devices.integrity import Integrity
from dsp.flow import Samples, StreamInfo

BAUDS = (230400, 115200)
WHAT = "the Chords board"

_ANSWER_S = 0.35
_GREETING_S = 2.8
_NAME = re.compile(rb"(?:^|[\r\n])([A-Z0-9]+(?:-[A-Z0-9]+)+)\r?\n")


@dataclass(frozen=True, slots=True)
class Board:
    """What a board sends.

    Attributes:
        channels: how many.
        rate_hz: samples a second, all channels at once.
        bits: of its converter.
        reference_v: what the converter's range ends at, from 0.
    """

    channels: int
    rate_hz: float
    bits: int
    reference_v: float

    @property
    def uv_per_count(self) -> float:
        """Microvolts at the pin, not at the skin: which amplifier is in between, the board does not know."""
        return float(self.reference_v * 1e6 / 2**self.bits)

    @property
    def full_scale_uv(self) -> float:
        """The largest magnitude that both ends of the range reach, once its middle is 0."""
        return float((2 ** (self.bits - 1) - 1) * self.uv_per_count)

    def form(self) -> Form:
        """Of its packets: head, counter, a 16-bit number for each channel, tail."""
        return Form(length=2 * self.channels + 4, head=b"\xc7\x7c", counter_at=2, tails=(0x01, 0x01))

    def decode(self, rows: NDArray[np.uint8]) -> Samples:
        """Microvolts from packets; the middle of the converter's range is 0.

        Args:
            rows: ``(n, 2 C + 4)`` uint8; most significant byte first, from byte 3 on.

        Returns:
            ``(n, C)`` float32.
        """
        counts = np.ascontiguousarray(rows[:, 3:-1]).view(">u2").astype(np.int32) - 2 ** (self.bits - 1)
        samples: Samples = (counts * self.uv_per_count).astype(np.float32)
        return samples


BOARDS: Mapping[str, Board] = {
    "NANO-CLASSIC": Board(8, 250.0, 10, 5.0),
    "NANO-CLONE": Board(8, 250.0, 10, 5.0),
    "UNO-R3": Board(6, 250.0, 10, 5.0),
    "UNO-CLONE": Board(6, 250.0, 10, 5.0),
    "GENUINO-UNO": Board(6, 250.0, 10, 5.0),
    "UNO-R4": Board(6, 500.0, 14, 5.0),
    "MEGA-2560-R3": Board(16, 250.0, 10, 5.0),
    "MEGA-2560-CLONE": Board(16, 250.0, 10, 5.0),
    "RPI-PICO-RP2040": Board(3, 500.0, 12, 3.3),
    "STM32F4-BLACK-PILL": Board(8, 500.0, 12, 3.3),
    "STM32G4-CORE-BOARD": Board(16, 500.0, 12, 3.3),
    "GIGA-R1": Board(6, 500.0, 16, 3.3),
    "ESP32-S3": Board(16, 500.0, 12, 3.3),
    "NPG-LITE": Board(3, 500.0, 12, 2.5),
}
"""By the names that they give themselves."""


def open_chords(path: str, *, baud: int | None = None, patience_s: float = 4.0) -> SerialSource:
    """Opens a board and lets it stream.

    Args:
        path: of its serial port.
        baud: bits a second; None tries ``BAUDS``.
        patience_s: how long it may be away before that is an error.

    Raises:
        ValueError: it does not answer as a known board.
    """
    bauds = BAUDS if baud is None else (baud,)
    return SerialSource(path, bauds[0], ChordsLanguage(bauds), what=WHAT, patience_s=patience_s)


class ChordsLanguage:
    """What is spoken with a board; a ``devices.boards.serial_source.Language``.

    The counter of these boards goes on from where it was, so the first packet that comes has index 0, whatever its
    counter.

    Args:
        bauds: to be tried in turn.
    """

    def __init__(self, bauds: tuple[int, ...] = BAUDS) -> None:
        self.integrity = Integrity(1)
        self._bauds = bauds
        self._board: Board | None = None
        self._packets: Packets | None = None

    def start(self, port: Port) -> StreamInfo:
        """See ``Language``: stop, ask for the name, begin."""
        name = self._ask(port)
        board = BOARDS[name]
        if self._board is None:
            self.integrity = Integrity(board.channels)
        self._board, self._packets = board, Packets(board.form(), board.rate_hz, self.integrity)
        port.write(b"START\n")
        channels = tuple(f"ch{number}" for number in range(1, board.channels + 1))
        return StreamInfo(name.lower(), board.rate_hz, channels, full_scale_uv=board.full_scale_uv)

    def parse(self, raw: bytes, arrived_s: float) -> list[Block]:
        """See ``Language``."""
        if self._packets is None or self._board is None:
            return []
        decode = self._board.decode
        return [Block(decode(run.rows), run.first) for run in self._packets.feed(raw, arrived_s)]

    def stop(self, port: Port) -> None:
        """See ``Language``."""
        port.write(b"STOP\n")
        port.drain(0.05, 0.2)

    def resume(self, index: int) -> None:
        """See ``Language``."""
        if self._packets is not None:
            self._packets.restart(index, None)

    def _ask(self, port: Port) -> str:
        """The board's name; asked for again and again, as opening the port restarts many boards."""
        until_s = time.perf_counter() + _GREETING_S
        heard, attempt = b"", 0
        while time.perf_counter() < until_s:
            if len(self._bauds) > 1 or attempt == 0:
                port.set_baud(self._bauds[attempt % len(self._bauds)])
            attempt += 1
            port.write(b"STOP\n")
            port.drain(0.03, 0.15)
            port.write(b"WHORU\n")
            said, name = _listen(port)
            if name is not None:
                return name
            if _NAME.search(said) and _NAME.search(heard):
                break  # it says so again
            heard = said or heard
        raise ValueError(self._why_none(port.path, heard))

    def _why_none(self, path: str, heard: bytes) -> str:
        tried = " and ".join(str(baud) for baud in self._bauds)
        strange = _NAME.search(heard)
        if strange:
            return (
                f"the board at {path!r} calls itself {strange[1].decode()!r}, which is not among the boards of the "
                f"Chords firmware that are known here: {', '.join(BOARDS)}; use one of these, or let it print plain "
                "lines and open it as text:"
            )
        if not heard:
            return (
                f"a board with the Chords firmware is expected at {path!r}, but nothing answers there at {tried} baud; "
                "flash the firmware, press the board's reset, or give its baud with ?baud="
            )
        return (
            f"a board with the Chords firmware is expected at {path!r}, but what is there does not say its name at "
            f"{tried} baud (it sent {repr(heard[:24])[1:]}); give its baud with ?baud=, or name the device "
            "that is there"
        )


def _listen(port: Port) -> tuple[bytes, str | None]:
    """What came in answer, and the known name in it."""
    until_s = time.perf_counter() + _ANSWER_S
    said = b""
    while (left_s := until_s - time.perf_counter()) > 0:
        said += port.read_until(b"\n", left_s)
        for name in sorted(BOARDS, key=len, reverse=True):
            if said.rstrip().endswith(name.encode()):
                return said, name
        if _NAME.search(said):
            break
    return said, None
