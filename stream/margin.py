"""The margin of the board: what two processes share beside the page, each part with one writer.

* The last samples as the device gave them: the acquisition thread writes, and from them the display tells how the
  electrodes sit. *Claim, copy, publish*: the writer raises the claim before it copies and the cursor after, and a
  reader that has copied drops what the claim says may have been overwritten meanwhile, as in ``dsp.ring``.
* Events, such as markers and what went amiss: the loop writes.
* How often a decision took how long: the loop writes.
* Keys that were pressed, and where a page on the network is to be found: the display writes, the loop reads.
* Whether the run ends only for a calibration: the loop writes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Chunk, Samples
from stream.latency import BUCKETS, LOWEST_S, WIDTH, Histogram

RAW_S = 2.0
"""Of the latest samples that are kept."""

EVENTS = 64
"""Events that are kept; a display that does not look for so long misses some."""

KEYS = 64
WORDS = 120
"""Bytes of UTF-8 that an event may have; a longer one is cut."""

PER_BIN = 20
"""Of the buckets of a latency histogram: a bin's upper edge is half as much again as its lower one."""

BINS = math.ceil(BUCKETS / PER_BIN)


class Event(NamedTuple):
    """Something that happened while the stream ran.

    Attributes:
        number: of the event, from 0.
        at: stream index.
        text: for people.
    """

    number: int
    at: int
    text: str


def bin_edges_s() -> NDArray[np.float64]:
    """``(BINS + 1,)`` seconds, the edges of what ``Margin.latency`` counts."""
    edges: NDArray[np.float64] = LOWEST_S * np.power(WIDTH, np.arange(BINS + 1) * PER_BIN)
    return edges


def layout(rate_hz: float, channels: int) -> np.dtype[Any]:
    """Of the memory behind a margin."""
    return np.dtype(
        [
            ("claimed", np.int64),
            ("heard", np.int64),
            ("raw", np.float32, (max(2, round(RAW_S * rate_hz)), channels)),
            ("happened", np.int64),
            ("event", [("at", np.int64), ("text", f"S{WORDS}")], (EVENTS,)),
            ("latency", np.int64, (BINS,)),
            ("pressed", np.int64),
            ("keys", np.uint8, (KEYS,)),
            ("address", f"S{WORDS}"),
            ("calibrating", np.int64),
        ],
        align=True,
    )


class Margin:
    """One side of it; which methods a side may call is said above.

    Args:
        memory: one element of ``layout``, zeros at first.
    """

    def __init__(self, memory: NDArray[np.void]) -> None:
        self._memory = memory
        self._taken = int(memory["pressed"][0])

    def hear(self, chunk: Chunk) -> None:
        """Keep the samples of a chunk; what is missing before them is NaN."""
        if not len(chunk.samples):
            return
        memory, end = self._memory, chunk.end
        raw, heard = memory["raw"][0], int(memory["heard"][0])
        memory["claimed"][0] = end
        if heard and chunk.first > heard:
            lost = np.arange(max(heard, chunk.first - len(raw)), chunk.first)
            raw[lost % len(raw)] = np.nan
        samples = chunk.samples[-len(raw) :]
        at = (end - len(samples)) % len(raw)
        head = min(len(samples), len(raw) - at)
        raw[at : at + head] = samples[:head]
        raw[: len(samples) - head] = samples[head:]
        memory["heard"][0] = end

    def heard(self) -> tuple[int, Samples]:
        """The stream index after the newest sample, and ``(T, C)`` microvolts up to it, NaN where some are missing."""
        memory = self._memory
        end = int(memory["heard"][0])
        raw = memory["raw"][0]
        length = min(end, len(raw))
        copy = raw[np.arange(end - length, end) % len(raw)]
        torn = int(memory["claimed"][0]) - len(raw) - (end - length)
        return end, copy[max(torn, 0) :]

    def note(self, at: int, text: str) -> None:
        """Something happened at a stream index."""
        memory = self._memory
        number = int(memory["happened"][0])
        memory["event"][0][number % EVENTS] = (at, text.encode()[:WORDS])
        memory["happened"][0] = number + 1

    def events(self, since: int = 0) -> list[Event]:
        """Those that are kept, from the number ``since`` on, oldest first."""
        memory = self._memory
        stop = int(memory["happened"][0])
        events = memory["event"][0]
        found = []
        for number in range(max(since, stop - EVENTS), stop):
            at, text = events[number % EVENTS].item()
            found.append(Event(number, at, text.decode(errors="ignore")))
        first = int(memory["happened"][0]) - EVENTS  # older ones may have been overwritten meanwhile
        return [event for event in found if event.number >= first]

    def time(self, histogram: Histogram) -> None:
        """Show how often decisions took how long so far."""
        self._memory["latency"][0] = np.add.reduceat(histogram.counts, np.arange(0, BUCKETS, PER_BIN))

    def latency(self) -> NDArray[np.int64]:
        """``(BINS,)`` decisions between ``bin_edges_s``."""
        counts: NDArray[np.int64] = self._memory["latency"][0].copy()
        return counts

    def press(self, keys: str) -> None:
        """Hand over what was pressed on the display's keyboard; only letters of ASCII."""
        memory = self._memory
        for key in keys.encode("ascii", errors="ignore"):
            pressed = int(memory["pressed"][0])
            memory["keys"][0][pressed % KEYS] = key
            memory["pressed"][0] = pressed + 1

    def take_keys(self) -> str:
        """What was pressed since the last call; of more than ``KEYS``, the latest."""
        pressed = int(self._memory["pressed"][0])
        if pressed == self._taken:
            return ""
        keys = self._memory["keys"][0]
        found = bytes(int(keys[number % KEYS]) for number in range(max(self._taken, pressed - KEYS), pressed))
        self._taken = pressed
        return found.decode("ascii", errors="ignore")

    @property
    def address(self) -> str:
        """Of a page that shows the same, "" where there is none yet."""
        return bytes(self._memory["address"][0]).decode(errors="ignore")

    @address.setter
    def address(self, address: str) -> None:
        self._memory["address"][0] = address.encode()[:WORDS]

    @property
    def calibrating(self) -> bool:
        """Whether another run follows this one, once the wearer is calibrated."""
        return bool(self._memory["calibrating"][0])

    @calibrating.setter
    def calibrating(self, calibrating: bool) -> None:
        self._memory["calibrating"][0] = calibrating
