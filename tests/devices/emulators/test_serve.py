from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from serial import Serial, SerialException

from devices.emulators.faults import Faults, Injected, parse
from devices.emulators.serve import Served
from tests.devices.emulators.recordings import read_until, rest, wait_for

pytest.importorskip("termios", reason="there are no pseudo-terminals here")

RATE_HZ = 500.0


class Counting:
    """A device whose packets are their numbers, four bytes each."""

    samples_per_packet = 1

    def __init__(self, *, last: int | None = None, rate_hz: float = RATE_HZ, greeting: bytes = b"") -> None:
        self.packet_rate_hz = rate_hz
        self.streaming = False
        self.last = last
        self.greeting = greeting
        self.resets = 0

    def attend(self, present: bool) -> bytes:
        return self.greeting if present else b""

    def listen(self, raw: bytes) -> bytes:
        for byte in raw:
            self.streaming = {ord("b"): True, ord("s"): False}.get(byte, self.streaming)
        return b"!" * raw.count(b"?")

    def packet(self, number: int) -> bytes:
        return b"" if number == self.last else number.to_bytes(4, "big")

    def reset(self) -> None:
        self.streaming = False
        self.resets += 1


def numbers(raw: bytes) -> list[int]:
    return [int.from_bytes(raw[at : at + 4], "big") for at in range(0, len(raw), 4)]


def happened(served: Served) -> list[str]:
    return [event.event for event in served.notes.events]


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def start(device: Counting | None = None, faults: str = "", link: Path | None = None) -> Served:
        running.append(Served(device or Counting(), parse(faults), link=link).__enter__())
        return running[-1]

    yield start
    for served in running:
        served.__exit__()


def run_for(port: Serial, packets: int) -> bytes:
    return read_until(port, lambda got: len(got) >= 4 * packets)


def test_every_packet_arrives_in_order_and_at_the_devices_rate(serve: Callable[..., Served]) -> None:
    served = serve()
    with Serial(served.path, 115200, timeout=0.2) as port:
        port.write(b"b")
        started = time.perf_counter()
        got = run_for(port, 750)
        took = time.perf_counter() - started
        port.write(b"s")
        wait_for(lambda: "stop" in happened(served))
        got += rest(port)
        served.stop()
    assert numbers(got) == list(range(served.sent))
    assert served.notes.made == served.sent
    assert served.log == []
    assert took > 1.45  # 750 packets last 1.5 s; how late the last one is read depends on the machine


def test_it_says_what_happens(serve: Callable[..., Served]) -> None:
    served = serve(Counting(greeting=b"hello"))
    with Serial(served.path, 115200, timeout=5) as port:
        assert port.read(5) == b"hello"
        port.write(b"?")
        assert port.read(1) == b"!"
        port.write(b"b")
        run_for(port, 10)
        port.write(b"s")
        wait_for(lambda: "stop" in happened(served))
    wait_for(lambda: "left" in happened(served))
    assert happened(served) == ["connected", "start", "stop", "left"]
    assert served.notes.events[1].packet == 0
    assert served.notes.events[2].packet >= 10


def test_the_next_start_begins_with_the_recording(serve: Callable[..., Served]) -> None:
    served = serve()
    with Serial(served.path, 115200, timeout=0.2) as port:
        for _ in range(3):
            port.write(b"b")
            got = run_for(port, 20)
            port.write(b"s")
            wait_for(lambda: not served.emulated.streaming)
            got += rest(port)
            assert numbers(got) == list(range(len(got) // 4))
    served.stop()
    assert happened(served).count("start") == 3


def test_a_delay_of_the_device_is_made_up_for_and_nothing_is_lost(serve: Callable[..., Served]) -> None:
    class Slow(Counting):
        def packet(self, number: int) -> bytes:
            if number == 50:
                time.sleep(0.5)
            return super().packet(number)

    served = serve(Slow())
    with Serial(served.path, 115200, timeout=0.2) as port:
        started = time.perf_counter()
        port.write(b"b")
        got = run_for(port, 100)
        wait_for(lambda: served.notes.made > (time.perf_counter() - started) * RATE_HZ - 50)  # else behind by 250
        got += run_for(port, 100)
    assert numbers(got[:800]) == list(range(200))


def test_faults_reach_the_line_exactly_as_logged(serve: Callable[..., Served]) -> None:
    served = serve(None, "drop=0.05,duplicate=0.05,burst=0.1@0.6,stall=0.2@0.7,seed=2")
    with Serial(served.path, 115200, timeout=0.2) as port:
        port.write(b"b")
        got = run_for(port, 800)
        port.write(b"s")
        wait_for(lambda: "stop" in happened(served))
        got += rest(port)
        served.stop()
    lost = {n for e in served.log if e.fault in ("drop", "burst") for n in range(e.packet, e.packet + e.count)}
    doubled = {e.packet for e in served.log if e.fault == "duplicate"}
    expected = [n for n in range(served.notes.made) if n not in lost for _ in range(1 + (n in doubled))]
    assert numbers(got) == expected
    assert {entry.fault for entry in served.log} == {"drop", "duplicate", "burst", "stall"}
    assert served.sent == len(set(expected))


def test_the_clock_runs_on_while_the_device_is_unplugged(serve: Callable[..., Served]) -> None:
    served = serve(None, "disconnect=0.4@0.5")
    with Serial(served.path, 115200, timeout=0.5) as port:
        port.write(b"b")
        before = b""
        with pytest.raises(SerialException):  # noqa: PT012 - it is read until that happens
            while True:
                before += port.read(4)
                assert len(before) < 4000
    wait_for(lambda: Path(served.path).exists())
    with Serial(served.path, 115200, timeout=0.5) as port:
        assert port.read(4) == b""  # it waits to be started
        port.write(b"b")
        after = run_for(port, 100)
        port.write(b"s")
        wait_for(lambda: "stop" in happened(served))
        after += rest(port)
        served.stop()
    (absence,) = served.log
    assert (absence.fault, absence.packet) == ("disconnect", 250)
    assert absence.count >= (0.4 + 0.5) * RATE_HZ
    assert numbers(before) == list(range(250))
    assert numbers(after) == list(range(250 + absence.count, served.notes.made + absence.count))
    assert served.emulated.resets == 1  # type: ignore[attr-defined]
    assert [e for e in happened(served) if e not in ("connected", "left")] == [
        "start",
        "gone",
        "back",
        "resume",
        "stop",
    ]


def test_an_absence_without_return_is_noted_as_well(serve: Callable[..., Served]) -> None:
    served = serve(None, "disconnect=30@0.1")
    with Serial(served.path, 115200, timeout=0.2) as port:
        port.write(b"b")
        wait_for(lambda: "gone" in happened(served))
        port.close()
    assert not Path(served.path).exists()
    served.stop()
    (absence,) = served.log
    assert (absence.fault, absence.packet) == ("disconnect", 50)


def test_a_program_that_does_not_read_loses_bytes_and_the_device_goes_on(serve: Callable[..., Served]) -> None:
    served = serve(Counting(rate_hz=20_000.0))
    reader = os.open(served.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        os.write(reader, b"b")
        wait_for(lambda: len(served.log) > 100)
        os.write(reader, b"s")
        wait_for(lambda: "stop" in happened(served))
    finally:
        os.close(reader)
    served.stop()
    assert {entry.fault for entry in served.log} == {"overrun"}
    assert all(entry.byte in range(4) for entry in served.log)
    assert served.sent + len(served.log) == served.notes.made


def test_a_stream_that_nobody_stopped_runs_on_unheard(serve: Callable[..., Served]) -> None:
    served = serve()
    with Serial(served.path, 115200, timeout=0.2) as port:
        port.write(b"b")
        run_for(port, 10)
    wait_for(lambda: served.notes.unheard > 20)
    with Serial(served.path, 115200, timeout=0.2) as port:
        got = run_for(port, 10)
    served.stop()
    first = numbers(got[:4])[0]
    assert first > 30
    assert numbers(got[:40]) == list(range(first, first + 10))


def test_it_ends_with_its_recording(serve: Callable[..., Served]) -> None:
    served = serve(Counting(last=100))
    with Serial(served.path, 115200, timeout=0.5) as port:
        port.write(b"b")
        got = run_for(port, 100) + rest(port)
    wait_for(lambda: not served.alive)
    assert numbers(got) == list(range(100))
    assert served.notes.events[2].packet == 100
    assert happened(served)[:3] == ["connected", "start", "end"]


def test_what_ends_the_thread_is_said_to_whoever_stops_it() -> None:
    class Broken(Counting):
        def packet(self, number: int) -> bytes:
            raise ValueError(f"out of packets at {number}")

    served = Served(Broken(), Faults())
    served.__enter__()
    with Serial(served.path, 115200, timeout=0.2) as port:
        port.write(b"b")
        wait_for(lambda: not served.alive)
    with pytest.raises(ValueError, match="out of packets at 0"):
        served.__exit__()
    assert not Path(served.path).exists()


def test_it_leaves_no_thread_and_no_name(tmp_path: Path) -> None:
    before = threading.active_count()
    with Served(Counting(), link=tmp_path / "board") as served:
        assert served.path == str(tmp_path / "board")
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


def test_byte_faults_are_logged_with_their_place(serve: Callable[..., Served]) -> None:
    served = serve(None, "flip=0.02,lose=0.02")
    with Serial(served.path, 115200, timeout=0.2) as port:
        port.write(b"b")
        wait_for(lambda: served.notes.made >= 400)
        port.write(b"s")
        wait_for(lambda: "stop" in happened(served))
        got = rest(port)
        served.stop()
    whole: list[list[int | None]] = [list(number.to_bytes(4, "big")) for number in range(served.notes.made)]
    for entry in served.log:
        assert isinstance(entry, Injected)
        assert entry.byte is not None
        before = whole[entry.packet][entry.byte]
        assert before is not None
        whole[entry.packet][entry.byte] = None if entry.fault == "lose" else before ^ (entry.value or 0)
    assert got == bytes(byte for raw in whole for byte in raw if byte is not None)
