"""Drivers against emulated devices with faults, in real time: what was injected is what is counted, and no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field

import numpy as np
import pytest

pytest.importorskip("termios")

from devices.boards import chords, cyton
from devices.boards.cyton import open_cyton
from devices.boards.lines import open_lines
from devices.boards.packets import Form
from devices.boards.serial_source import SerialSource
from devices.emulators.chords import Chords
from devices.emulators.cyton import Cyton
from devices.emulators.faults import Event, Injected, parse
from devices.emulators.feed import Feed
from devices.emulators.lines import Lines
from devices.emulators.serve import Emulated, Served
from devices.watched import Watched
from dsp.flow import Chunk, Samples
from tests.devices.emulators.recordings import noise

LASTS_S = 4.0
BOARD = chords.BOARDS["STM32F4-BLACK-PILL"]


@dataclass(frozen=True)
class Device:
    """An emulated device, its driver, and what its samples should be."""

    rate_hz: float
    make: Callable[[Feed], Emulated]
    open: Callable[[str], SerialSource]
    form: Form | None
    decode: Callable[[bytes], Samples]


def _row(raw: bytes) -> np.ndarray:
    return np.frombuffer(raw, np.uint8)[None]


def _text(raw: bytes) -> Samples:
    return np.array([[float(word) for word in raw.split(b",")[1:]]], np.float32)


DEVICES = {
    "cyton": Device(250.0, Cyton, open_cyton, cyton.FORM, lambda raw: cyton.decode(_row(raw))),
    "chords": Device(
        BOARD.rate_hz,
        lambda feed: Chords(feed, "STM32F4-BLACK-PILL"),
        chords.open_chords,
        BOARD.form(),
        lambda raw: BOARD.decode(_row(raw)),
    ),
    "lines": Device(
        250.0,
        lambda feed: Lines(feed, timed=True, decimals=3, banner="a sketch"),
        lambda path: open_lines(path, rate_hz=250.0, channels=8, unit="uV"),
        None,
        _text,
    ),
}
FAULTS = {
    "packets": "drop=0.01,duplicate=0.01,seed=3",
    "bytes": "lose=3e-4,flip=3e-4,seed=4",
    "bursts": "burst=0.2@1.5,stall=0.4@2,seed=5",
    "absence": "disconnect=1@1.2,seed=6",
}


@dataclass
class Heard:
    """What a driver made of a device with faults."""

    device: Device
    expected: Samples
    chunks: list[Chunk] = field(default_factory=list)
    log: list[Injected] = field(default_factory=list)
    events: list[tuple[str, float]] = field(default_factory=list)
    counted: dict[str, float] = field(default_factory=dict)
    failed: BaseException | None = None

    @property
    def indices(self) -> np.ndarray:
        return np.concatenate([np.arange(chunk.first, chunk.end) for chunk in self.chunks])

    @property
    def samples(self) -> Samples:
        return np.concatenate([chunk.samples for chunk in self.chunks])

    def numbers(self) -> np.ndarray:
        """``(T,)`` which packet each sample is of, -1 where of none: each differs from every other."""
        known = {row.tobytes(): number for number, row in enumerate(self.expected)}
        return np.array([known.get(row.tobytes(), -1) for row in self.samples])

    def touched(self, *faults: str) -> set[int]:
        """Packets that these faults hit."""
        return {
            number
            for entry in self.log
            if entry.fault in faults
            for number in range(entry.packet, entry.packet + entry.count)
        }

    def seen_damage(self) -> set[int]:
        """Packets whose form was hit, not only their data."""
        form = self.device.form
        assert form is not None
        outside = (*range(len(form.head)), form.counter_at)
        return {
            entry.packet
            for entry in self.log
            if entry.fault == "lose"
            or (entry.fault == "flip" and (entry.byte in outside or self._is_no_tail(form, entry)))
        }

    def _is_no_tail(self, form: Form, entry: Injected) -> bool:
        tail = 0xC0 if self.device.form is cyton.FORM else form.tails[0]
        return entry.byte == form.length - 1 and not form.tails[0] <= tail ^ (entry.value or 0) <= form.tails[1]


def hear(device: Device, faults: str) -> Heard:
    """Opens the driver on the emulator, listens, lets the device fall silent, and listens to the end."""
    feed = Feed(noise(LASTS_S * 3, device.rate_hz), device.rate_hz, 8)
    plain = device.make(feed)
    expected = np.concatenate([device.decode(plain.packet(number)) for number in range(len(feed.samples))])
    heard = Heard(device, expected)
    with Served(device.make(feed), parse(faults)) as served:
        served.notes.heed = lambda event: heard.events.append((_named(event), time.perf_counter()))
        source = Watched(device.open(served.path))
        try:
            until_s = time.perf_counter() + LASTS_S
            while time.perf_counter() < until_s:
                _keep(source.read(), heard)
            served.stop()
            for _ in range(3):
                _keep(source.read(), heard)
        finally:
            source.close()
        heard.log = served.log
    heard.counted = source.integrity.to_json()
    return heard


def _named(event: Event) -> str:
    return event.event


def _keep(chunk: Chunk | None, heard: Heard) -> None:
    assert chunk is not None
    if len(chunk.samples):
        heard.chunks.append(chunk)


@pytest.fixture(scope="module")
def heard() -> dict[tuple[str, str], Heard]:
    """Every device with every kind of fault: the kinds at the same time, the devices one after another.

    All at once would starve each other in one interpreter, and a reader that stays late by a turn of the counter cannot
    know that nothing was lost.
    """
    results: dict[tuple[str, str], Heard] = {}

    def run(device: str, faults: str) -> None:
        try:
            results[device, faults] = hear(DEVICES[device], FAULTS[faults])
        except BaseException as error:
            results[device, faults] = Heard(DEVICES[device], np.empty((0, 8), np.float32), failed=error)

    for device in DEVICES:
        threads = [threading.Thread(target=run, args=(device, faults)) for faults in FAULTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    for (device, faults), result in results.items():
        if result.failed is not None:
            raise AssertionError(f"{device} with {faults}") from result.failed
        assert not result.touched("overrun"), "this machine is too slow to read what comes"
    return results


def none_is_wrong(result: Heard, *, maybe: Set[int] = frozenset()) -> None:
    """Every sample is the one of its index; all arrive but those in ``maybe`` and those that never left the device."""
    numbers, indices = result.numbers(), result.indices
    certain = numbers >= 0
    shift = int(indices[certain][0] - numbers[certain][0])
    if result.device.form is cyton.FORM:
        assert shift == 0, "the Cyton counts from 0"
    assert (indices[certain] - numbers[certain] == shift).all(), "no sample is attributed to a wrong index"
    arrived = set((indices - shift).tolist())
    never_left = result.touched("drop", "burst")
    there = set(range(min(arrived), max(arrived) + 1))
    assert there - arrived <= never_left | maybe, "undamaged packets all arrive"
    assert not arrived & never_left
    assert set((indices[~certain] - shift).tolist()) <= maybe
    assert result.counted["lost"] == len(there) - len(arrived)
    assert result.counted["samples"] == len(indices) > 0.6 * (LASTS_S - 2) * result.device.rate_hz


@pytest.mark.parametrize("device", DEVICES)
def test_packets_that_are_lost_or_come_twice(heard: dict[tuple[str, str], Heard], device: str) -> None:
    result = heard[device, "packets"]
    none_is_wrong(result)
    indices = result.indices
    shift = int(indices[0] - result.numbers()[0])
    doubled = [number for number in result.touched("duplicate") if indices[0] <= number + shift <= indices[-1]]
    assert result.counted["duplicates"] == len(doubled) > 3
    assert result.counted["lost"] > 3
    assert result.counted["damaged"] == 0


@pytest.mark.parametrize("device", ["cyton", "chords"])
def test_bytes_that_are_lost_or_changed(heard: dict[tuple[str, str], Heard], device: str) -> None:
    result = heard[device, "bytes"]
    touched = result.touched("lose", "flip")
    none_is_wrong(result, maybe=touched)
    indices = result.indices
    shift = int(indices[0] - result.numbers()[0])
    damaged = {number for number in result.seen_damage() if indices[0] < number + shift < indices[-1]}
    assert result.counted["damaged"] == result.counted["lost"] == len(damaged) > 0
    assert set(range(indices[0], indices[-1])) - set(indices.tolist()) == {number + shift for number in damaged}


def test_bytes_of_lines_that_are_lost_or_changed(heard: dict[tuple[str, str], Heard]) -> None:
    result = heard["lines", "bytes"]
    touched = result.touched("lose", "flip")
    none_is_wrong(result, maybe=touched | {number + 1 for number in touched})  # a line's end belongs to both
    assert result.counted["damaged"] <= len(touched) + sum(entry.fault == "flip" for entry in result.log)


@pytest.mark.parametrize("device", DEVICES)
def test_bursts_and_stalls(heard: dict[tuple[str, str], Heard], device: str) -> None:
    result = heard[device, "bursts"]
    none_is_wrong(result)
    bursts = [entry for entry in result.log if entry.fault == "burst"]
    assert result.counted["gaps"] in (len(bursts), len(bursts) - 1)  # the last one may not have ended
    assert result.counted["gaps"] > 0
    assert result.counted["lost"] > 0.15 * result.device.rate_hz
    assert result.touched("stall")
    assert result.counted["damaged"] == 0


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_that_is_unplugged_and_plugged_in_again(heard: dict[tuple[str, str], Heard], device: str) -> None:
    result = heard[device, "absence"]
    numbers, indices = result.numbers(), result.indices
    assert (numbers >= 0).all()
    jumps = np.flatnonzero(np.diff(indices) != 1)
    assert len(jumps) == 1 == result.counted["returns"]
    (jump,) = jumps
    assert (np.diff(numbers[: jump + 1]) == 1).all()
    assert (np.diff(numbers[jump + 1 :]) == 1).all()
    times = dict(result.events)
    raw = np.concatenate([chunk.raw for chunk in result.chunks if chunk.raw is not None])
    assert raw[jump + 1] - times["back"] < 1, "it goes on within a second"
    away = int(indices[jump + 1] - indices[jump])
    assert away == pytest.approx((raw[jump + 1] - raw[jump]) * result.device.rate_hz, abs=0.1 * result.device.rate_hz)
    assert result.counted["damaged"] == 0
