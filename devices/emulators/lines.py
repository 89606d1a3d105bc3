"""A sketch on an Arduino that prints its readings as text, a line for each sample."""

from __future__ import annotations

from devices.emulators.feed import Feed
from devices.formats.units import microvolts

_MICROS = 2**32  # where the microseconds of an Arduino begin again


class Lines:
    """Lines ``v1,...,vN`` or ``time_us,v1,...,vN``, each ended by CR LF; a ``devices.emulators.serve.Emulated``.

    It begins when a program opens the port, as opening resets such a board: with the second half of a line (what the
    port still held), then what the sketch says of itself, then the lines. It stops when the port is closed and takes
    no commands.

    Args:
        feed: any; its rate and its channels are the sketch's.
        separator: between the numbers.
        timed: each line begins with the time in microseconds since the reset, as ``micros()`` gives it.
        decimals: after the point.
        banner: what the sketch says before its first line, without the end of the line; nothing if empty.
        unit: of the numbers: ``"uV"``, ``"mV"`` or ``"V"``.
    """

    samples_per_packet = 1

    def __init__(
        self,
        feed: Feed,
        *,
        separator: str = ",",
        timed: bool = False,
        decimals: int = 2,
        banner: str = "",
        unit: str = "uV",
    ) -> None:
        self.packet_rate_hz = feed.rate_hz
        self.streaming = False
        self._feed, self._separator, self._timed, self._decimals = feed, separator, timed, decimals
        self._banner = banner
        self._scale = microvolts(unit, "an emulated text device")
        self.address = f"rate={feed.rate_hz:g}&channels={feed.channels}&unit={unit}"
        """What a program has to know of it, as the options of a device are written."""
        self._first: int | None = None

    def reset(self) -> None:
        """As after plugging in."""
        self.streaming = False
        self._first = None

    def attend(self, present: bool) -> bytes:
        """Opening the port resets the board: half a line, and the banner."""
        self.reset()
        self.streaming = present
        if not present:
            return b""
        cut = self._line(0, 0).encode()
        banner = f"{self._banner}\r\n" if self._banner else ""
        return cut[len(cut) // 2 :] + banner.encode()

    def listen(self, raw: bytes) -> bytes:  # noqa: ARG002 - the sketch does not read
        """Nothing: the sketch does not read."""
        return b""

    def packet(self, number: int) -> bytes:
        """See ``Emulated``: one line."""
        if self._first is None:
            self._first = number
        return self._line(number, number - self._first).encode()

    def _line(self, number: int, since_reset: int) -> str:
        sample = self._feed.block(number, 1)
        if not len(sample):
            return ""
        words = [f"{value / self._scale:.{self._decimals}f}" for value in sample[0].tolist()]
        if self._timed:
            words.insert(0, str(round(since_reset * 1e6 / self.packet_rate_hz) % _MICROS))
        return self._separator.join(words) + "\r\n"
