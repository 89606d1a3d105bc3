"""An OpenBCI Cyton behind its USB dongle, byte for byte.

Commands, replies and packets are those of firmware 3.1.1 as its maker describes them: "Cyton Board SDK" and "Cyton Data
Format", docs.openbci.com. The board streams 8 channels at 250 Hz; a packet of 33 bytes carries one sample of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from devices.emulators.feed import Feed

RATE_HZ = 250.0
CHANNELS = 8
GAINS = (1, 2, 4, 6, 8, 12, 24)
FULL_SCALE_COUNTS = 2**23 - 1
EOT = b"$$$"
TIMEOUT = b"Failure: Communications timeout - Device failed to poll host" + EOT
ACCELERATION = (240, -160, 7990)
"""What the board feels, lying on a table that is not quite level: 1 g, at 0.002 / 16 g for each count."""

_MULTI_CHARACTER_S = 1.0
_ACCELEROMETER_EVERY = 10  # the accelerometer is read at 25 Hz; in between its bytes are 0
_MODES = (b"default", b"debug", b"analog", b"digital", b"marker")
_RATES = (16000, 8000, 4000, 2000, 1000, 500, 250)
_SELECT = b"12345678QWERTYUI"
_NORMAL, _TEST_SIGNAL = 0, 5
_TEST_UV = 1875.0  # (VREFP - VREFN) / 2400
_TESTS = {b"0": (1, 0, 0), b"-": (5, 1, 1), b"=": (5, 1, 2), b"p": (5, 2, 0), b"[": (5, 2, 1), b"]": (5, 2, 2)}
"""Input, amplitude and how fast, of each test signal."""


def counts(microvolts: NDArray[np.float64], gains: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the converter makes of a voltage: 4.5 V / gain is the end of its range, of 24 bits with a sign."""
    scale_uv = 4.5e6 / gains / FULL_SCALE_COUNTS
    return np.clip(np.rint(microvolts / scale_uv), -FULL_SCALE_COUNTS - 1, FULL_SCALE_COUNTS).astype(np.int64)


class Cyton:
    """A Cyton; a ``devices.emulators.serve.Emulated``.

    Args:
        feed: 8 channels at 250 Hz.
        awake: the board is switched on; else only the dongle answers, and says so.
        daisy: its greeting tells of a second board; the samples of that one are not emulated.
    """

    packet_rate_hz = RATE_HZ
    samples_per_packet = 1

    def __init__(self, feed: Feed, *, awake: bool = True, daisy: bool = False) -> None:
        feed.must_have(RATE_HZ, CHANNELS, "a Cyton")
        self._feed, self._awake, self._daisy = feed, awake, daisy
        self.streaming = False
        self._radio = [8, 8]  # the channel of the dongle, and of the board
        self.reset()

    def reset(self) -> None:
        """As after plugging in."""
        self.streaming = False
        self._first: int | None = None
        self._open = b""
        self._since_s = 0.0
        self._mode = 0
        self._sps = 6
        self._stamped = self._stamp_is_new = False
        self._marker = 0
        self._test = (0, 0)
        self._default()

    def attend(self, present: bool) -> bytes:  # noqa: ARG002 - the board does not know
        """Nothing: neither dongle nor board notices."""
        return b""

    def listen(self, raw: bytes) -> bytes:
        """See ``Emulated``."""
        replies = b""
        if self._open and time.monotonic() - self._since_s > _MULTI_CHARACTER_S:
            asked, self._open = self._open, b""
            if asked[:1] != b"\xf0":
                replies = self._say(
                    b"Timeout processing multi byte message - please send all commands at once as of v2"
                )
        for byte in raw:
            replies += self._take(bytes([byte]))
        return replies

    def packet(self, number: int) -> bytes:
        """See ``Emulated``; the sample counter begins at 0 with each start."""
        sample = self._feed.block(number, 1)
        if not len(sample):
            return b""
        if self._first is None:
            self._first = number
        counter = number - self._first
        microvolts = np.where(self._inputs == _NORMAL, sample[0], np.float32(0)).astype(np.float64)
        microvolts[self._inputs == _TEST_SIGNAL] = self._test_signal(number)
        values = np.where(self._powered, counts(microvolts, self._gains), 0)
        aux, kind = self._aux(number, counter)
        body = values.astype(">i4").view(np.uint8).reshape(CHANNELS, 4)[:, 1:].tobytes()
        return bytes([0xA0, counter % 256]) + body + aux + bytes([0xC0 | kind])

    def _take(self, byte: bytes) -> bytes:
        if not self._open and byte in b"xz/~`\xf0":
            self._open, self._since_s = byte, time.monotonic()
            return b""
        if self._open:
            self._open += byte
            reply = self._radio_command() if self._open[:1] == b"\xf0" else self._long_command()
            if reply is None:
                return b""
            self._open = b""
            return reply
        return self._reach(lambda: self._short_command(byte))

    def _reach(self, command: Callable[[], bytes]) -> bytes:
        """The board's answer, or the dongle's where the board does not hear it."""
        return command() if self._awake and self._radio[0] == self._radio[1] else TIMEOUT

    def _say(self, text: bytes) -> bytes:
        """While it streams, the board confirms nothing."""
        return b"" if self.streaming else text + EOT

    def _short_command(self, byte: bytes) -> bytes:
        if byte in b"12345678":
            self._powered[b"12345678".index(byte)] = False
        elif byte in b"!@#$%^&*":
            self._powered[b"!@#$%^&*".index(byte)] = True
        elif byte == b"b":
            if not self.streaming:
                self._first = None
            self.streaming = True
        elif byte == b"s":
            self.streaming = False
        elif byte in _TESTS:
            chosen, amplitude, speed = _TESTS[byte]
            self._inputs[:], self._powered[:], self._test = chosen, True, (amplitude, speed)
            return self._say(b"Success: Configured internal test signal.")
        else:
            return self._setting(byte)
        return b""

    def _setting(self, byte: bytes) -> bytes:
        if byte == b"v":
            self.reset()
            daisy = b"On Daisy ADS1299 Device ID: 0x3E\n" if self._daisy else b""
            return (
                b"OpenBCI V3 8-16 channel\nADS1299 Device ID: 0x3E\n"
                + daisy
                + b"LIS3DH Device ID: 0x33\nFirmware: v3.1.1\n"
                + EOT
            )
        if byte == b"d":
            self._default()
            return self._say(b"updating channel settings to default")
        if byte in b"<>":
            self._stamped = self._stamp_is_new = byte == b"<"
            said = self._say(b"Time stamp ON" if self._stamped else b"Time stamp OFF")
            return b"," if self._stamped and self.streaming else said
        replies = {
            b"D": b"060110$$$",
            b"V": b"v3.1.1$$$",
            b"C": b"16$$$" if self._daisy else b"no daisy to attach!8$$$",
        }
        return replies.get(byte, b"")

    def _long_command(self) -> bytes | None:
        """The reply to ``x...X``, ``z...Z`` and their like, or None while it is not complete."""
        kind, last = self._open[:1], self._open[-1:]
        length = {b"x": 9, b"z": 5}.get(kind, 2)
        if kind in b"xz" and last == kind.upper() and len(self._open) < length:
            return self._reach(lambda: self._say(b"Failure: too few chars"))
        if len(self._open) < length:
            return None
        if kind in b"xz" and last != kind.upper():
            said = b"Failure: Err: %dth char not %s" % (length, kind.upper())
            return self._reach(lambda: self._say(said))
        return self._reach({b"x": self._set_channel, b"z": self._set_lead_off}.get(kind, self._set_board))

    def _set_channel(self) -> bytes:
        channel = max(_SELECT.find(self._open[1:2]), 0)
        off, gain, source = (_digit(value) for value in self._open[2:5])
        if channel < CHANNELS:
            self._powered[channel] = off == 0
            self._gains[channel] = GAINS[gain] if gain < len(GAINS) else GAINS[-1]
            self._inputs[channel] = source
        return self._say(b"Success: Channel set for %d" % (channel + 1))

    def _set_lead_off(self) -> bytes:
        return self._say(b"Success: Lead off set for %d" % (max(_SELECT.find(self._open[1:2]), 0) + 1))

    def _set_board(self) -> bytes:
        """Marker, board mode and sampling rate; over the radio the rate is 250 Hz whatever was chosen."""
        kind, value = self._open[:1], self._open[1:]
        if kind == b"`":
            self._marker = value[0]
            return b""
        number = value[0] - ord("0")
        if kind == b"/":
            if 0 <= number < len(_MODES):
                self._mode = number
            elif value != kind:
                return b"Failure: board mode value out of bounds." + EOT
            return b"Success: " + _MODES[self._mode] + EOT
        if 0 <= number < len(_RATES):
            self._sps = number
        elif value != kind:
            return self._say(b"Failure: sample value out of bounds")
        return self._say(b"Success: Sample rate is %dHz" % _RATES[self._sps])

    def _radio_command(self) -> bytes | None:
        """The dongle's own reply to ``0xF0 ...``, or None while it is not complete."""
        code, value = self._open[1], self._open[2:]
        if code in (1, 2, 4) and not value:
            return None
        up = self._awake and self._radio[0] == self._radio[1]
        if code in (1, 2):
            return self._tune(code, value, up)
        channel = b"Channel number: " + bytes(self._radio[:1])
        replies = {
            0: b"Success: Host and Device on " + channel if up else b"Failure: Host on " + channel,
            5: b"Success: Switch your baud rate to 115200",
            6: b"Success: Switch your baud rate to 230400",
            7: b"Success: System is Up" if up else b"Failure: System is Down",
        }
        if code in (3, 4) and up:
            return b"Success: Poll time: " + (value or b"\x50") + EOT
        return replies[code] + EOT if code in replies else TIMEOUT

    def _tune(self, code: int, value: bytes, up: bool) -> bytes:
        """Another channel for the dongle and the board, or for the dongle alone."""
        if not 1 <= value[0] <= 25:
            return b"Failure: Verify channel number is less than 25" + EOT
        if code == 2:
            self._radio[0] = value[0]
            return b"Success: Host override - Channel number: " + value + EOT
        if not up:
            return TIMEOUT
        self._radio = [value[0], value[0]]
        return b"Success: Host and Device on Channel number: " + value + EOT

    def _default(self) -> None:
        self._powered = np.ones(CHANNELS, np.bool_)
        self._gains = np.full(CHANNELS, GAINS[-1], np.int64)
        self._inputs = np.zeros(CHANNELS, np.int64)

    def _test_signal(self, number: int) -> float:
        """A square wave (0.98 or 1.95 Hz), or a constant."""
        amplitude, speed = self._test
        sign = 1 if not speed or int(number / RATE_HZ * speed * 0.9766 * 2) % 2 == 0 else -1
        return sign * amplitude * _TEST_UV

    def _aux(self, number: int, counter: int) -> tuple[bytes, int]:
        """The six bytes after the channels, and the number that says how they are to be read."""
        accelerometer = self._mode in (0, 1)
        values = np.zeros(3, ">i2")
        if not accelerometer:
            values[0], self._marker = self._marker, 0
        if not self._stamped:
            if accelerometer and counter % _ACCELEROMETER_EVERY == 0:
                values[:] = ACCELERATION
            return values.tobytes(), 0 if accelerometer else 1
        kind = (3 if accelerometer else 5) + (not self._stamp_is_new)
        self._stamp_is_new = False
        axis = counter % _ACCELEROMETER_EVERY - 7
        if accelerometer and axis >= 0:
            values[0] = ACCELERATION[axis]
        return values[:1].tobytes() + int(number * 1000 / RATE_HZ % 2**32).to_bytes(4, "big"), kind


def _digit(byte: int) -> int:
    """What a character stands for; what is no digit counts as 0, as the firmware has it."""
    return byte - ord("0") if ord("0") <= byte <= ord("9") else 0
