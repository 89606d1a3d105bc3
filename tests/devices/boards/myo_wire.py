"""A dongle without a port and without waiting, for tests of what is said and of what is made of damaged bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from devices.boards.myo import MyoLanguage
from devices.boards.port import Gone
from devices.boards.serial_source import Block
from devices.emulators.faults import Faults, Injected, Log, Saboteur
from devices.emulators.feed import Feed
from devices.emulators.myo import Myo
from devices.recording import Recording
from dsp.flow import Samples, StreamInfo

LENGTH = 25
"""Of a notification."""

HEAD = 9
"""Bytes of it before the samples; those are not protected by anything."""

PERIOD_S = 0.01
TAIL = 20  # packets at the end that nothing happens to, so that what was before them is settled


def recording(seconds: float = 20.0) -> Recording:
    """Whole numbers of microvolts; every two samples differ from every other two."""
    samples = np.clip(np.rint(np.random.default_rng(3).normal(0, 30, (round(200 * seconds), 8))), -128, 127)
    return Recording(StreamInfo("noise", 200.0, tuple(f"ch{n}" for n in range(1, 9))), samples.astype(np.float32))


class Wire:
    """Stands in for a ``Port``: what is written is answered at once.

    Args:
        answers: what the device says to what it is told.
    """

    path = "/dev/wire"

    def __init__(self, answers: Callable[[bytes], bytes]) -> None:
        self.answers = answers
        self.written: list[bytes] = []
        self.coming = b""
        self.limit_s = math.inf

    def write(self, raw: bytes) -> None:
        self.written.append(raw)
        self.coming += self.answers(raw)

    def read(self, _timeout_s: float = 0.05) -> bytes:
        if self.limit_s == -math.inf:
            raise Gone("it is gone")
        raw, self.coming = self.coming, b""
        return raw

    def until(self, moment_s: float) -> None:
        self.limit_s = moment_s


@dataclass
class Heard:
    """What was made of a stream.

    Attributes:
        samples: by their index, each ``(8,)``.
        given_s: when each index was given out.
    """

    language: MyoLanguage
    log: Log
    samples: dict[int, Samples] = field(default_factory=dict)
    given_s: dict[int, float] = field(default_factory=dict)

    def take(self, blocks: list[Block], now_s: float) -> None:
        for block in blocks:
            for row, sample in enumerate(block.samples):
                index = block.first + row
                assert index not in self.samples, "an index was given twice"
                assert index > max(self.samples, default=-1), "an index went back"
                self.samples[index] = sample
                self.given_s[index] = now_s


def started(feed: Feed | None = None) -> tuple[MyoLanguage, Myo]:
    """A language that has just been greeted by an emulated armband."""
    device = Myo(feed or Feed(recording(), 200.0, 8))
    language = MyoLanguage()
    language.start(Wire(device.listen))  # type: ignore[arg-type]
    return language, device


def sent(device: Myo, faults: Faults, log: Log, count: int) -> Iterator[tuple[int, bytes]]:
    """The first ``count`` packets and what became of them, each with the number of the packet that was due then."""
    saboteur = Saboteur(faults, device.packet_rate_hz, log)
    for number in range(count):
        packet = device.packet(number)
        out = saboteur(number, packet) if number < count - TAIL else [*saboteur.finish(), (number, packet)]
        for _, raw in out:
            yield number, raw


def listen(
    faults: Faults, *, count: int = 700, drift: float = 0.0, late_s: float = 0.015, pauses: float = 0.0
) -> Heard:
    """Plays a stream on a simulated clock.

    Args:
        faults: what happens to it.
        count: packets.
        drift: by how much the device is slower than it should be.
        late_s: packets come up to so much later than they are due, in their order.
        pauses: share of the reads after which the host looks away for up to 0.3 s.
    """
    chance = np.random.default_rng([faults.seed, 99])
    language, device = started()
    log = Log()
    heard = Heard(language, log)
    came_s, looked_s, coming = 0.0, 50.0, []
    for number, raw in sent(device, faults, log, count):
        came_s = max(came_s, 50.0 + number * PERIOD_S * (1 + drift) + chance.uniform(0, late_s))
        if raw:
            coming.append((came_s, raw))
    while coming:
        while coming[0][0] - looked_s > 0.05:
            looked_s += 0.05
            heard.take(language.parse(b"", looked_s), looked_s)
        looked_s = max(looked_s, coming[0][0])
        if len(coming) > TAIL and chance.random() < pauses:
            looked_s += chance.uniform(0, 0.3)
        there = [raw for at_s, raw in coming if at_s <= looked_s]
        coming = coming[len(there) :]
        heard.take(language.parse(b"".join(there), looked_s), looked_s)
    for wait_s in (0.05, 0.1, 0.5):
        heard.take(language.parse(b"", looked_s + wait_s), looked_s + wait_s)
    return heard


@dataclass
class Truth:
    """What a log of faults says must have come of a stream.

    Attributes:
        lost: packets of which no copy came whole, as far as that can be seen.
        altered: packets whose samples were changed on the way, at least in one copy, which nothing shows.
        damaged: copies that could be seen to be damaged.
        duplicates: second copies that were equal to the first.
    """

    lost: set[int] = field(default_factory=set)
    altered: set[int] = field(default_factory=set)
    damaged: int = 0
    duplicates: int = 0


def truth(injected: list[Injected]) -> Truth:
    """By the rules of the format: a byte less, or another byte in the head, shows; another byte in the samples not."""
    told = Truth()
    doubled = {fault.packet for fault in injected if fault.fault == "duplicate"}
    hits: dict[int, list[Injected]] = {}
    for fault in injected:
        if fault.fault in ("drop", "burst", "disconnect"):
            told.lost |= set(range(fault.packet, fault.packet + fault.count))
        elif fault.fault in ("flip", "lose"):
            hits.setdefault(fault.packet, []).append(fault)
    for packet in doubled | set(hits):
        copies: list[list[Injected]] = [[], []] if packet in doubled else [[]]
        for fault in hits.get(packet, []):
            copies[(fault.byte or 0) // LENGTH].append(fault)
        whole = [copy for copy in copies if not any(_shows(fault) for fault in copy)]
        told.damaged += len(copies) - len(whole)
        if not whole:
            told.lost.add(packet)
        elif any(whole):
            told.altered.add(packet)
        if len(whole) == 2:
            told.duplicates += not any(whole)
            told.damaged += any(whole)
    return told


def _shows(fault: Injected) -> bool:
    return fault.fault == "lose" or (fault.byte or 0) % LENGTH < HEAD
