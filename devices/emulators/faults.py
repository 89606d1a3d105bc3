"""Faults on demand, the same ones for the same seed, and an exact log of each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TextIO

import numpy as np

_SHARES = ("drop", "duplicate", "flip", "lose")
_TIMES = ("burst", "stall", "disconnect")
_EXAMPLE = "drop=0.01,duplicate=0.01,flip=1e-4,lose=1e-4,burst=0.2@5,stall=0.5@7,disconnect=2@10,seed=1"


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong.

    Attributes:
        drop: share of the packets that never leave the device.
        duplicate: share of the packets that are sent twice.
        flip: share of the bytes that arrive with another value.
        lose: share of the bytes that do not arrive.
        burst: (seconds, every seconds): all packets of that time are lost, about that often.
        stall: (seconds, every seconds): all packets of that time are held up and then arrive at once.
        disconnect: (seconds, after seconds): the device is unplugged that long, once in a stream.
        seed: of the chances above.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    flip: float = 0.0
    lose: float = 0.0
    burst: tuple[float, float] | None = None
    stall: tuple[float, float] | None = None
    disconnect: tuple[float, float] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in _SHARES:
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"the fault {name}={share:g} is no share; give it between 0 and 1, as in {_EXAMPLE}")
        for name in _TIMES:
            times = getattr(self, name)
            if times is not None and not all(math.isfinite(time) and time > 0 for time in times):
                raise ValueError(f"the fault {name}={times[0]:g}@{times[1]:g} needs two times above zero, in seconds")
            if name != "disconnect" and times is not None and times[0] > times[1] / 2:
                raise ValueError(
                    f"the fault {name}={times[0]:g}@{times[1]:g} would last more than half of the time; "
                    f"give at least {name}={times[0]:g}@{2 * times[0]:g}"
                )
        if self.seed < 0:
            raise ValueError(f"the seed of the faults is {self.seed}; give one from 0")

    @property
    def none(self) -> bool:
        """Nothing goes wrong."""
        return self == Faults(seed=self.seed)


NO_FAULTS = Faults()
FAULTS = (*_SHARES, *_TIMES)
"""The names of the faults that can be asked for."""


def parse(text: str) -> Faults:
    """The faults that a person asked for, as in ``drop=0.01,burst=0.2@5,seed=1``; none of them if empty.

    Raises:
        ValueError: a fault that does not exist, one without a number, or one that makes no sense.
    """
    given: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in (*FAULTS, "seed"):
            raise ValueError(f"there is no fault {name!r}; there are {', '.join(FAULTS)} and seed, as in {_EXAMPLE}")
        if name in given:
            raise ValueError(f"the fault {name!r} is given twice; give it once")
        try:
            given[name] = _value(name, value)
        except ValueError:
            raise ValueError(f"the fault {part!r} is not understood; give it as in {_EXAMPLE}") from None
    return Faults(**given)


def _value(name: str, text: str) -> float | int | tuple[float, float]:
    if name == "seed":
        return int(text)
    if name in _SHARES:
        return float(text)
    lasts, _, every = text.partition("@")
    return float(lasts), float(every)


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault that happened.

    Attributes:
        fault: one of ``FAULTS``, or ``overrun``: the reader did not read and the bytes of a packet were lost.
        packet: number of the first packet it hit, counted from the start of the stream.
        count: how many packets in a row.
        byte: of ``flip`` and ``lose``: which byte of that packet; from its length on, of its duplicate. Of
            ``overrun``: how many bytes of it still went out.
        value: of ``flip``: what the byte was combined with by exclusive or.
    """

    fault: str
    packet: int
    count: int = 1
    byte: int | None = None
    value: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values, without what does not apply."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on the line and is no fault.

    Attributes:
        event: ``connected``, ``left`` (the program), ``start``, ``stop``, ``resume`` (a start after a disconnection,
            with the packet it goes on with), ``gone``, ``back`` (the device), ``unread`` (it went with bytes that the
            program had not fetched), ``end`` (of the recording).
        packet: number of the next packet.
    """

    event: str
    packet: int

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"event": self.event, "packet": self.packet}


@dataclass(slots=True)
class Log:
    """What was sent, what was injected and what happened, in the order of time.

    Attributes:
        file: where each entry is also written, as one line of JSON.
        heed: called with each event.
        injected: the faults.
        events: the rest.
        made: packets that were due, in all streams together.
        sent: packets that went out to somebody, whole or damaged.
        unheard: packets that went out while nobody had the line open.
    """

    file: TextIO | None = None
    heed: Callable[[Event], None] | None = None
    injected: list[Injected] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    made: int = 0
    sent: int = 0
    unheard: int = 0

    def fault(self, fault: str, packet: int, count: int = 1, byte: int | None = None, value: int | None = None) -> None:
        """Notes a fault; see ``Injected``."""
        entry = Injected(fault, packet, count, byte, value)
        self.injected.append(entry)
        self._write(entry)

    def event(self, event: str, packet: int) -> None:
        """Notes an event; see ``Event``."""
        entry = Event(event, packet)
        self.events.append(entry)
        self._write(entry)
        if self.heed is not None:
            self.heed(entry)

    def totals(self) -> dict[str, int]:
        """Packets hit by each fault that happened; of ``flip`` and ``lose``, bytes."""
        totals: dict[str, int] = {}
        for entry in self.injected:
            totals[entry.fault] = totals.get(entry.fault, 0) + entry.count
        return totals

    def _write(self, entry: Injected | Event) -> None:
        if self.file is None:
            return
        try:
            self.file.write(json.dumps(entry.to_json()) + "\n")
            self.file.flush()
        except OSError as error:
            raise ValueError(
                f"the log {self.file.name!r} cannot be written any more ({error.strerror}); make room, or write it "
                f"elsewhere"
            ) from None


class Saboteur:
    """Decides for each packet what becomes of it.

    The decision depends on the seed and the number of the packet and on nothing else. A packet meets at most one of
    drop, burst and duplicate; its bytes (with those of the duplicate) meet flip and lose independently.

    Args:
        faults: what may happen.
        packet_rate_hz: packets in a second of the stream.
        log: where everything that happens is noted.
    """

    def __init__(self, faults: Faults, packet_rate_hz: float, log: Log) -> None:
        self.faults = faults
        self._rate_hz = packet_rate_hz
        self._log = log
        self._burst: list[int] = []
        self._periods: dict[int, tuple[int, int]] = {}  # of burst and stall: which period, and where it begins in it
        self._held: list[tuple[int, bytes]] = []

    def __call__(self, number: int, raw: bytes) -> list[tuple[int, bytes]]:
        """What goes out on the line now that this packet is due: numbers, each with its bytes, which may be none.

        Packets are given in ascending order, each once.
        """
        faults = self.faults
        if faults.none:
            return [(number, raw)]
        out = number, self._packet(number, raw)
        if self._within(faults.stall, 2, number):
            self._held.append(out)
            return []
        return [*self._release(), out]

    def unplugs(self, number: int) -> bool:
        """Whether the device is unplugged when this packet is due."""
        if self.faults.disconnect is None:
            return False
        return number == round(self.faults.disconnect[1] * self._rate_hz)

    def finish(self) -> list[tuple[int, bytes]]:
        """The stream stops: what is held up goes out, and what was under way is noted."""
        self._end_burst()
        return self._release()

    def _packet(self, number: int, raw: bytes) -> bytes:
        chance = np.random.Generator(np.random.Philox(key=self.faults.seed, counter=[0, number, 0, 0]))
        dropped, doubled = chance.random(2)
        if self._within(self.faults.burst, 1, number):
            self._burst.append(number)
            return b""
        self._end_burst()
        if dropped < self.faults.drop:
            self._log.fault("drop", number)
            return b""
        if doubled < self.faults.duplicate:
            self._log.fault("duplicate", number)
            raw += raw
        return self._bytes(number, raw, chance)

    def _bytes(self, number: int, raw: bytes, chance: np.random.Generator) -> bytes:
        lost, flipped = chance.random((2, len(raw)))
        masks = chance.integers(1, 256, len(raw))
        out = bytearray()
        for at, byte in enumerate(raw):
            if lost[at] < self.faults.lose:
                self._log.fault("lose", number, byte=at)
                continue
            mask = int(masks[at]) if flipped[at] < self.faults.flip else 0
            if mask:
                self._log.fault("flip", number, byte=at, value=mask)
            out.append(byte ^ mask)
        return bytes(out)

    def _within(self, times: tuple[float, float] | None, kind: int, number: int) -> bool:
        """Whether the packet falls into a burst or stall; one begins in the second half of each period, anywhere."""
        if times is None:
            return False
        lasts_s, every_s = times
        period = int(number / (every_s * self._rate_hz))
        if self._periods.get(kind, (None, 0))[0] != period:
            where = np.random.Generator(np.random.Philox(key=self.faults.seed, counter=[0, period, kind, 0])).random()
            begins_s = period * every_s + every_s / 2 + where * (every_s / 2 - lasts_s)
            self._periods[kind] = period, math.ceil(begins_s * self._rate_hz)
        first = self._periods[kind][1]
        return first <= number < first + max(1, round(lasts_s * self._rate_hz))

    def _end_burst(self) -> None:
        if self._burst:
            self._log.fault("burst", self._burst[0], len(self._burst))
            self._burst = []

    def _release(self) -> list[tuple[int, bytes]]:
        if self._held:
            self._log.fault("stall", self._held[0][0], len(self._held))
        released, self._held = self._held, []
        return released
