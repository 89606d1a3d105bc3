"""OpenBCI Cyton, 8 channels at 250 Hz, through its USB dongle.

Packets and commands: "Cyton Data Format" and "Cyton Board SDK", docs.openbci.com.
"""

from __future__ import annotations

import re
import time

import numpy as np
from numpy.typing import NDArray

from devices.boards.packets import Form, Packets
from devices.boards.port import Port
from devices.boards.serial_source import Block, SerialSource
from devices.integrity import Integrity
from dsp.flow import Samples, StreamInfo

BAUD = 115200
RATE_HZ = 250.0
CHANNELS = tuple(f"ch{number}" for number in range(1, 9))
REFERENCE_V, GAIN = 4.5, 24
UV_PER_COUNT = REFERENCE_V / GAIN / (2**23 - 1) * 1e6
FORM = Form(length=33, head=b"\xa0", counter_at=1, tails=(0xC0, 0xC6))
WHAT = "the Cyton"

_END = b"$$$"
_ANSWER_S = 0.7
_TRIES = 3
_DAISY = re.compile(rb"daisy[^\n]*0x([0-9a-f]{2})", re.IGNORECASE)


def open_cyton(path: str, *, patience_s: float = 4.0) -> SerialSource:
    """Opens a Cyton and lets it stream.

    Args:
        path: serial port of its dongle.
        patience_s: how long it may be away before that is an error.

    Raises:
        ValueError: it does not answer as a Cyton with 8 channels does.
    """
    return SerialSource(path, BAUD, CytonLanguage(), what=WHAT, patience_s=patience_s)


def decode(rows: NDArray[np.uint8]) -> Samples:
    """Microvolts from packets.

    Args:
        rows: ``(n, 33)`` uint8; the channels are 24-bit integers, most significant byte first, from byte 2 on.

    Returns:
        ``(n, 8)`` float32.
    """
    wide = np.zeros((len(rows), len(CHANNELS), 4), np.uint8)
    wide[:, :, :3] = rows[:, 2:26].reshape(len(rows), len(CHANNELS), 3)
    counts = wide.view(">i4")[:, :, 0] >> 8
    return (counts * UV_PER_COUNT).astype(np.float32)


class CytonLanguage:
    """What is spoken with a Cyton; a ``devices.boards.serial_source.Language``."""

    def __init__(self) -> None:
        self.integrity = Integrity(len(CHANNELS))
        self._packets = Packets(FORM, RATE_HZ, self.integrity)

    def start(self, port: Port) -> StreamInfo:
        """See ``Language``: stop, reset, defaults, begin."""
        port.write(b"s")
        port.drain(0.06, 0.3)
        self._greet(port)
        port.write(b"d")
        said = port.read_until(_END, _ANSWER_S)
        if not said.endswith(_END):
            raise ValueError(
                f"the Cyton at {port.path!r} answered its reset but not the command for its default settings (it sent "
                f"{_shown(said)}); bring it closer to its dongle, check its battery, then start again"
            )
        port.write(b"b")
        self._packets.restart(0, 0)
        full_scale_uv = REFERENCE_V / GAIN * 1e6
        return StreamInfo("cyton", RATE_HZ, CHANNELS, full_scale_uv=full_scale_uv)

    def parse(self, raw: bytes, arrived_s: float) -> list[Block]:
        """See ``Language``."""
        return [Block(decode(run.rows), run.first) for run in self._packets.feed(raw, arrived_s)]

    def stop(self, port: Port) -> None:
        """See ``Language``."""
        port.write(b"s")
        port.drain(0.05, 0.2)

    def resume(self, index: int) -> None:
        """See ``Language``."""
        self._packets.restart(index, 0)

    def _greet(self, port: Port) -> None:
        """Reset the board until it says what it is."""
        said = b""
        for _ in range(_TRIES):
            port.write(b"v")
            until_s = time.perf_counter() + _ANSWER_S
            said = b""
            while (left_s := until_s - time.perf_counter()) > 0:
                said += port.read_until(_END, left_s)
                if said.endswith(_END) and b"ADS1299" in said:
                    _refuse_daisy(port.path, said)
                    return
                if said.endswith(_END) and b"Failure" in said:
                    break
        raise ValueError(_why_none(port.path, said))


def _refuse_daisy(path: str, banner: bytes) -> None:
    found = _DAISY.search(banner)
    if found and int(found[1], 16) not in (0x00, 0xFF):
        raise ValueError(
            f"the Cyton at {path!r} carries a Daisy module and so would send 16 channels at 125 Hz, where 8 at "
            f"{RATE_HZ:g} Hz are expected; unplug the Daisy, switch the board off and on, then start again"
        )


def _why_none(path: str, said: bytes) -> str:
    if b"Communications timeout" in said or b"Failure" in said:
        return (
            f"the Cyton's dongle is at {path!r}, but the board does not answer it; switch the board to PC (not BLE), "
            "check its battery and that both are on the same radio channel, then start again"
        )
    if not said:
        return (
            f"a Cyton is expected at {path!r}, but nothing answers there; check that this is the port of its dongle "
            "and that the dongle's switch is at GPIO 6, unplug it and plug it in, then start again"
        )
    return (
        f"a Cyton is expected at {path!r}, but what is there does not speak as one (it sent {_shown(said)}); "
        "give the port of the Cyton's dongle, or name the device that is there"
    )


def _shown(said: bytes) -> str:
    """The beginning of what was sent, for people."""
    if not said:
        return "nothing"
    return repr(said[:24])[1:] + (" ..." if len(said) > 24 else "")
