from __future__ import annotations

import struct
import time
from collections.abc import Iterator

import numpy as np
import pytest
from serial import Serial

from devices.emulators.feed import Feed
from devices.emulators.myo import Myo
from devices.emulators.serve import Served
from devices.recording import Recording
from dsp.flow import StreamInfo

COUNTS = np.clip(np.rint(np.random.default_rng(8).normal(0, 60, (2000, 8))), -128, 127).astype(np.float32)

CONNECT = "00 0F 06 03 5D 29 37 F5 52 C2 00 06 00 06 00 40 00 00 00"
CONNECTED = "00 03 06 03 00 00 00 80 10 03 00 00 05 5D 29 37 F5 52 C2 00 06 00 40 00 00 00 FF"
WRITTEN = "00 03 04 05 00 00 00 80 05 04 01 00 00 00 "
SUBSCRIBE = [f"00 06 04 05 00 {handle} 00 02 01 00" for handle in ("2C", "2F", "32", "35")]
START = "00 09 04 05 00 19 00 05 01 03 03 00 00"
STOP = "00 09 04 05 00 19 00 05 01 03 00 00 00"
STRANGER = "80 14 06 00 B0 00 01 02 03 04 05 C6 00 FF 09 02 01 06 05 09 4C 61 6D 70"


def recording(samples: np.ndarray = COUNTS) -> Recording:
    return Recording(StreamInfo("counts", 200.0, tuple(f"ch{n}" for n in range(1, 9))), samples)


def armband(**settings: object) -> Myo:
    return Myo(Feed(recording(), 200.0, 8), **settings)  # type: ignore[arg-type]


def said(device: Myo, hexadecimal: str) -> str:
    return device.listen(bytes.fromhex(hexadecimal)).hex(" ").upper()


def streaming(**settings: object) -> Myo:
    device = armband(**settings)
    for words in (CONNECT, *SUBSCRIBE, START):
        said(device, words)
    return device


def test_answers_byte_for_byte() -> None:
    device = armband()
    assert said(device, "00 00 06 04") == "00 02 06 04 00 00"
    for connection in ("00", "01", "02"):
        assert said(device, f"00 01 03 00 {connection}") == f"00 03 03 00 {connection} 86 01"
    assert said(device, "00 01 06 02 01") == (
        f"00 02 06 02 00 00 {STRANGER} 80 20 06 00 CE 00 5D 29 37 F5 52 C2 00 FF 15 "
        "02 01 06 11 06 42 48 12 4A 7F 2C 48 47 B9 DE 04 A9 01 00 06 D5"
    )
    assert said(device, CONNECT) == CONNECTED
    assert device.connected
    assert said(device, "00 03 04 04 00 03 00") == ("00 03 04 04 00 00 00 80 0B 04 05 00 03 00 00 06 4D 79 20 4D 79 6F")
    assert said(device, "00 03 04 04 00 11 00") == "00 03 04 04 00 00 00 80 06 04 05 00 11 00 00 01 5A"
    assert said(device, "00 03 04 04 00 17 00") == (
        "00 03 04 04 00 00 00 80 0D 04 05 00 17 00 00 08 01 00 05 00 B2 07 02 00"
    )
    assert said(device, "00 03 04 04 00 77 00") == "00 03 04 04 00 00 00 80 05 04 01 00 01 04 77 00"
    for words, handle in zip(SUBSCRIBE, ("2C", "2F", "32", "35"), strict=True):
        assert not device.streaming
        assert said(device, words) == f"{WRITTEN}{handle} 00"
    assert said(device, START) == f"{WRITTEN}19 00"
    assert device.streaming
    assert said(device, STOP) == f"{WRITTEN}19 00"
    assert not device.streaming
    assert said(device, "00 01 03 00 00") == "00 03 03 00 00 00 00 80 03 03 04 00 16 02"
    assert not device.connected
    assert said(device, START) == "00 03 04 05 00 86 01"
    assert said(device, "00 03 04 04 00 03 00") == "00 03 04 04 00 86 01"


def test_notifications_take_turns_and_carry_two_samples_each() -> None:
    device = streaming()
    for number in range(9):
        packet = device.packet(number)
        assert packet[:5] == b"\x80\x15\x04\x05\x00"
        assert packet[5] == (0x2B, 0x2E, 0x31, 0x34)[number % 4]
        assert packet[6:9] == b"\x00\x01\x10"
        assert np.frombuffer(packet[9:], np.int8).tolist() == COUNTS[2 * number : 2 * number + 2].reshape(-1).tolist()
        assert len(packet) == 25


def test_the_turns_begin_anew_with_each_start_and_the_samples_where_they_are() -> None:
    device = streaming()
    device.packet(0)
    said(device, STOP)
    said(device, START)
    packet = device.packet(102)
    assert packet[5] == 0x2B
    assert np.frombuffer(packet[9:17], np.int8).tolist() == COUNTS[204].tolist()
    assert device.packet(103)[5] == 0x2E


def test_samples_beyond_int8_are_limited() -> None:
    samples = np.zeros((10, 8), np.float32)
    samples[0] = [500, -500, 127.4, -128.4, 0.5, 1.5, -0.4, 126.6]
    device = Myo(Feed(recording(samples), 200.0, 8))
    for words in (CONNECT, *SUBSCRIBE, START):
        said(device, words)
    assert np.frombuffer(device.packet(0)[9:17], np.int8).tolist() == [127, -128, 127, -128, 0, 2, 0, 127]


@pytest.mark.parametrize("left", range(4))
def test_nothing_is_sent_until_all_four_are_subscribed(left: int) -> None:
    device = armband()
    said(device, CONNECT)
    for words in [*SUBSCRIBE[:left], *SUBSCRIBE[left + 1 :], START]:
        said(device, words)
    assert not device.streaming
    said(device, SUBSCRIBE[left])
    assert device.streaming
    said(device, SUBSCRIBE[left][:-5] + "00 00")
    assert not device.streaming


def test_commands_to_the_armband() -> None:
    device = armband()
    said(device, CONNECT)
    for length in ("01", "03"):
        assert said(device, f"00 07 04 05 00 19 00 03 03 01 {length}") == f"{WRITTEN}19 00"
    assert device.vibrations == [1, 3]
    said(device, "00 07 04 05 00 19 00 03 09 01 01")
    assert device.wakeful
    said(device, "00 0C 04 05 00 19 00 08 06 06 80 80 FF 80 80 FF")
    assert device.lights == [b"\x80\x80\xff\x80\x80\xff"]
    assert said(device, "00 06 04 05 00 19 00 02 04 00") == f"{WRITTEN}19 00 80 03 03 04 00 13 02"
    assert device.asleep
    assert said(device, "00 01 06 02 01") == f"00 02 06 02 00 00 {STRANGER}"
    assert said(device, CONNECT) == "00 03 06 03 00 00 00"


def test_words_cut_anywhere_are_understood() -> None:
    words = bytes.fromhex("".join([CONNECT, *SUBSCRIBE, START]))
    device = armband()
    replies = b"".join(device.listen(words[at : at + 1]) for at in range(len(words)))
    assert replies == armband().listen(words)
    assert device.streaming


def test_an_armband_that_is_not_there() -> None:
    device = armband(present=False)
    assert said(device, "00 01 06 02 01") == f"00 02 06 02 00 00 {STRANGER}"
    assert said(device, CONNECT) == "00 03 06 03 00 00 00"


def test_a_lost_connection_and_one_that_is_pulled_out() -> None:
    device = streaming(leaves_at=3)
    assert [device.packet(number)[:4] for number in range(3)] == [b"\x80\x15\x04\x05"] * 3
    assert device.packet(3) == bytes.fromhex("80 03 03 04 00 08 02")
    assert not device.streaming
    device = streaming()
    device.reset()
    assert not device.connected
    assert not device.streaming


def test_the_wrong_feed_is_refused() -> None:
    with pytest.raises(ValueError, match="a Myo"):
        Myo(Feed(recording(), 250.0, 8))


class Client:
    """A program of somebody else: reads packets one byte after the other and believes every length."""

    def __init__(self, path: str) -> None:
        self.port = Serial(path, 9600, timeout=5)
        self.samples: list[tuple[int, ...]] = []
        self.handles: list[int] = []

    def packet(self) -> tuple[int, int, int, bytes]:
        first, length, group, command = self.port.read(4)
        assert first in (0x00, 0x80)
        payload = self.port.read(((first & 7) << 8) + length)
        if (first, group, command) == (0x80, 4, 5) and payload[1] in (0x2B, 0x2E, 0x31, 0x34):
            data = payload[5:]
            assert payload[4] == len(data) == 16
            self.handles.append(payload[1])
            self.samples += [struct.unpack("<8b", data[:8]), struct.unpack("<8b", data[8:])]
        return first, group, command, payload

    def until(self, first: int, group: int, command: int) -> bytes:
        for _ in range(1000):
            *kind, payload = self.packet()
            if kind == [first, group, command]:
                return payload
        raise AssertionError(f"{group}/{command} never came")

    def command(self, group: int, command: int, payload: bytes = b"") -> bytes:
        self.port.write(struct.pack("<4B", 0, len(payload), group, command) + payload)
        return self.until(0x00, group, command)

    def write(self, connection: int, handle: int, data: bytes) -> None:
        self.command(4, 5, struct.pack("<BHB", connection, handle, len(data)) + data)
        self.until(0x80, 4, 1)


@pytest.fixture
def client() -> Iterator[tuple[Client, Myo]]:
    pytest.importorskip("termios", reason="there are no pseudo-terminals here")
    device = armband()
    with Served(device) as served:
        program = Client(served.path)
        try:
            yield program, device
        finally:
            program.port.close()


def test_an_independent_client_reads_every_sample(client: tuple[Client, Myo]) -> None:
    program, device = client
    program.command(6, 4)
    for connection in range(3):
        program.command(3, 0, bytes((connection,)))
    program.command(6, 2, b"\x01")
    while not (heard := program.until(0x80, 6, 0)).endswith(
        bytes.fromhex("06 42 48 12 4A 7F 2C 48 47 B9 DE 04 A9 01 00 06 D5")
    ):
        assert heard
    program.command(6, 4)
    connection = program.command(6, 3, struct.pack("<6sBHHHH", heard[2:8], 0, 6, 6, 64, 0))[-1]
    program.until(0x80, 3, 0)
    program.command(4, 4, struct.pack("<BH", connection, 0x17))
    *_, major, minor, patch, revision = struct.unpack("<BHBBHHHH", program.until(0x80, 4, 5))
    assert (major, minor, patch, revision) == (1, 5, 1970, 2)
    for handle in (0x2F, 0x2C, 0x32, 0x35):
        program.write(connection, handle, b"\x01\x00")
    program.write(connection, 0x19, b"\x01\x03\x03\x01\x00")
    program.write(connection, 0x19, b"\x03\x01\x02")
    deadline = time.perf_counter() + 10
    while len(program.samples) < 200:
        assert time.perf_counter() < deadline
        program.packet()
    program.write(connection, 0x19, b"\x01\x03\x00\x00\x00")
    program.command(3, 0, bytes((connection,)))
    assert program.samples == [tuple(row) for row in COUNTS[: len(program.samples)].astype(int).tolist()]
    assert program.handles == [(0x2B, 0x2E, 0x31, 0x34)[n % 4] for n in range(len(program.handles))]
    assert device.vibrations == [2]
    assert not device.connected
