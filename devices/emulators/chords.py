"""A board with the Chords firmware of Upside Down Labs, byte for byte as its sketches have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.boards.chords import BOARDS, Board
from devices.emulators.feed import Feed

USUAL = "NANO-CLASSIC"
GAIN = 1000.0
"""Of the amplifier before the board: the converter's steps are millivolts, and surface EMG has less than one."""


def known(name: str) -> Board:
    """The board of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    if name.upper() not in BOARDS:
        raise ValueError(f"there is no board {name!r} with the Chords firmware; there are {', '.join(BOARDS)}")
    return BOARDS[name.upper()]


class Chords:
    """A board with the Chords firmware; a ``devices.emulators.serve.Emulated``.

    Args:
        feed: with the rate and the channels of the board.
        name: one of ``devices.boards.chords.BOARDS``, in upper or lower case.
        gain: of the amplifier; a driver, which cannot know it, reports the recording's microvolts times this.
    """

    samples_per_packet = 1

    def __init__(self, feed: Feed, name: str = USUAL, *, gain: float = GAIN) -> None:
        self.board = known(name)
        feed.must_have(self.board.rate_hz, self.board.channels, f"the board {name}")
        self.packet_rate_hz = self.board.rate_hz
        self.streaming = False
        self._feed, self._name, self._gain = feed, name.upper(), gain
        self.reset()

    def reset(self) -> None:
        """As after plugging in."""
        self.streaming = False
        self._counter = 0
        self._heard = b""

    def attend(self, present: bool) -> bytes:  # noqa: ARG002 - the sketch does not know
        """Nothing: boards that restart when the port is opened say nothing either."""
        return b""

    def listen(self, raw: bytes) -> bytes:
        """See ``Emulated``; whatever comes stops the stream, even half a command."""
        if not raw:
            return b""
        self.streaming = False
        *lines, self._heard = (self._heard + raw).split(b"\n")
        return b"".join(self._obey(line.strip().upper()) for line in lines)

    def counts(self, first: int, count: int) -> NDArray[np.int64]:
        """``(count, C)``: what the converter reads; the middle of its range is 0 V of EMG."""
        steps = self._feed.block(first, count).astype(np.float64) * self._gain / self.board.uv_per_count
        top = 2**self.board.bits
        counts: NDArray[np.int64] = np.clip(np.rint(steps) + top // 2, 0, top - 1).astype(np.int64)
        return counts

    def packet(self, number: int) -> bytes:
        """See ``Emulated``; the counter begins with 1 when the board is plugged in, and never again."""
        counts = self.counts(number, 1)
        if not len(counts):
            return b""
        self._counter = (self._counter + 1) % 256
        return b"\xc7\x7c" + bytes([self._counter]) + counts.astype(">u2").tobytes() + b"\x01"

    def _obey(self, command: bytes) -> bytes:
        replies = {b"WHORU": self._name.encode(), b"STATUS": b"RUNNING" if self.streaming else b"STOPPED"}
        self.streaming = command == b"START"
        if command in (b"START", b"STOP"):
            return b""
        return replies.get(command, b"UNKNOWN COMMAND") + b"\r\n"
