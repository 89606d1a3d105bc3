from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.boards.myo import CHANNELS, MyoLanguage, open_myo
from devices.boards.myo_rotation import Rotation
from devices.boards.serial_source import Block
from devices.emulators.feed import Feed
from devices.emulators.myo import Myo
from devices.emulators.serve import Served
from devices.integrity import Integrity
from tests.devices.boards.myo_wire import PERIOD_S, Wire, recording, started

ADVERTISED = "02 01 06 11 06 42 48 12 4A 7F 2C 48 47 B9 DE 04 A9 01 00 06 D5"
HANDLES = (0x2B, 0x2E, 0x31, 0x34)

SCRIPT = {
    "00 00 06 04": "00 02 06 04 00 00",
    "00 01 03 00 00": "00 03 03 00 00 86 01",
    "00 01 03 00 01": "00 03 03 00 01 86 01",
    "00 01 03 00 02": "00 03 03 00 02 86 01",
    "00 01 06 02 01": "00 02 06 02 00 00"
    "80 0E 06 00 B0 00 01 02 03 04 05 C6 00 FF 03 02 01 06"
    "80 20 06 00 CE 00 5D 29 37 F5 52 C2 00 FF 15" + ADVERTISED,
    "00 0F 06 03 5D 29 37 F5 52 C2 00 06 00 06 00 40 00 00 00": "00 03 06 03 00 00 01"
    "80 10 03 00 01 05 5D 29 37 F5 52 C2 00 06 00 40 00 00 00 FF",
    "00 03 04 04 01 03 00": "00 03 04 04 01 00 00 80 0A 04 05 01 03 00 00 05 4D 79 20 4D 79",
    "00 03 04 04 01 17 00": "00 03 04 04 01 00 00 80 0D 04 05 01 17 00 00 08 01 00 05 00 B2 07 02 00",
    "00 06 04 05 01 2C 00 02 01 00": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 2C 00",
    "00 06 04 05 01 2F 00 02 01 00": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 2F 00",
    "00 06 04 05 01 32 00 02 01 00": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 32 00",
    "00 06 04 05 01 35 00 02 01 00": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 35 00",
    "00 07 04 05 01 19 00 03 09 01 01": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 19 00",
    "00 07 04 05 01 19 00 03 03 01 01": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 19 00",
    "00 09 04 05 01 19 00 05 01 03 03 00 00": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 19 00",
    "00 09 04 05 01 19 00 05 01 03 00 00 00": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 19 00",
    "00 07 04 05 01 19 00 03 09 01 00": "00 03 04 05 01 00 00 80 05 04 01 01 00 00 19 00",
    "00 01 03 00 01 ": "00 03 03 00 01 00 00 80 03 03 04 01 16 02",
}
"""A conversation with a dongle, byte for byte; the armband gets connection 1."""


def scripted() -> tuple[MyoLanguage, Wire]:
    replies = {bytes.fromhex(said): bytes.fromhex(answer) for said, answer in SCRIPT.items()}
    wire = Wire(lambda raw: replies[raw])
    return MyoLanguage(), wire


def notification(place: int, data: bytes, connection: int = 1) -> bytes:
    return b"\x80\x15\x04\x05" + bytes((connection, HANDLES[place % 4])) + b"\x00\x01\x10" + data


def test_greeting_byte_for_byte() -> None:
    language, wire = scripted()
    info = language.start(wire)  # type: ignore[arg-type]
    assert (info.name, info.rate_hz, info.channels, info.unit) == ("My My", 200.0, CHANNELS, "uV")
    assert info.full_scale_uv == 127.0
    said = [raw.hex(" ").upper() for raw in wire.written]
    assert said == [line.strip() for line in list(SCRIPT)[:4]] + [
        "00 01 06 02 01",
        "00 00 06 04",
        *list(SCRIPT)[5:15],
    ]
    wire.written.clear()
    language.stop(wire)  # type: ignore[arg-type]
    assert [raw.hex(" ").upper() for raw in wire.written] == [line.strip() for line in list(SCRIPT)[15:]]


def test_samples_are_int8_counts_as_microvolts_two_in_a_notification() -> None:
    language, wire = scripted()
    language.start(wire)  # type: ignore[arg-type]
    data = bytes((0, 1, 127, 128, 255, 254, 10, 246, 8, 7, 6, 5, 4, 3, 2, 1))
    (block,) = language.parse(notification(0, data) + notification(1, data[::-1]), 10.0)
    assert block.first == 0
    assert block.samples.dtype == np.float32
    assert block.samples.tolist() == [
        [0, 1, 127, -128, -1, -2, 10, -10],
        [8, 7, 6, 5, 4, 3, 2, 1],
        [1, 2, 3, 4, 5, 6, 7, 8],
        [-10, 10, -2, -1, -128, 127, 1, 0],
    ]
    assert language.integrity.clean


def test_samples_that_come_with_the_last_answer_are_not_lost() -> None:
    language, wire = scripted()
    answers, last = wire.answers, bytes.fromhex("00 09 04 05 01 19 00 05 01 03 03 00 00")
    data = bytes(range(16))
    wire.answers = lambda raw: answers(raw) + (notification(2, data) if raw == last else b"")
    language.start(wire)  # type: ignore[arg-type]
    blocks = language.parse(b"", time.perf_counter())
    assert [block.first for block in blocks] == [0]
    assert blocks[0].samples.reshape(-1).tolist() == list(range(16))


def test_what_is_not_of_this_stream_is_damaged_and_what_is_of_no_interest_is_not() -> None:
    language, wire = scripted()
    language.start(wire)  # type: ignore[arg-type]
    raw = notification(0, bytes(16), connection=2)  # another connection
    raw += b"\x80\x15\x04\x05\x01\x2b\x00\x02\x10" + bytes(16)  # an indication
    raw += b"\x80\x15\x04\x05\x01\x2c\x00\x01\x10" + bytes(16)  # a handle that is none of those
    assert language.parse(raw, 1.0) == []
    assert language.integrity.damaged == 3
    raw = b"\x80\x06\x04\x05\x01\x11\x00\x01\x01\x5a"  # battery
    raw += b"\x80\x19\x04\x05\x01\x1c\x00\x01\x14" + bytes(20)  # movement
    assert language.parse(raw, 1.0) == []
    assert language.integrity.damaged == 3


def test_a_lost_connection_ends_the_reading_of_the_port() -> None:
    language, wire = scripted()
    language.start(wire)  # type: ignore[arg-type]
    blocks = language.parse(notification(0, bytes(16)) + bytes.fromhex("80 03 03 04 01 08 02"), 1.0)
    assert sum(len(block.samples) for block in blocks) == 2
    assert wire.limit_s == -np.inf


def test_after_a_return_the_index_goes_on_and_never_back() -> None:
    language, wire = scripted()
    language.start(wire)  # type: ignore[arg-type]
    language.parse(b"".join(notification(n, bytes(16)) for n in range(3)), 1.0)
    for index, first in ((107, 107), (5, 109)):
        language.start(wire)  # type: ignore[arg-type]
        language.resume(index)
        (block,) = language.parse(notification(1, bytes(16)), 2.0)
        assert block.first == first


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 1500), max_size=60),
    hits=st.lists(st.tuples(st.integers(0, 1490), st.integers(0, 255)), max_size=5),
    dropped=st.sets(st.integers(1, 59), max_size=8),
)
def test_however_the_bytes_are_cut_the_samples_are_the_same(
    cuts: list[int], hits: list[tuple[int, int]], dropped: set[int]
) -> None:
    _, device = started()
    raw, due = bytearray(), []
    for number in range(60):
        if number not in dropped:
            raw += device.packet(number)
            due += [100.0 + number * PERIOD_S] * 25
    for at, mask in hits:  # mask 0 loses the byte
        if at < len(raw):
            raw[at : at + 1] = bytes((raw[at] ^ mask,)) if mask else b""
            del due[at : at + (mask == 0)]
    by_packet = [at for at in range(1, len(raw)) if due[at] != due[at - 1]]
    assert given_out(bytes(raw), due, [*by_packet, *cuts]) == given_out(bytes(raw), due, by_packet)


def given_out(raw: bytes, due: list[float], cuts: list[int]) -> tuple[dict[int, list[float]], dict[str, object]]:
    """What comes of bytes, each of which comes when it is due."""
    language, _ = started()
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(raw)}), len(raw)]
    blocks: list[Block] = []
    looked_s = due[0]
    for a, b in pairwise(edges):
        while due[b - 1] - looked_s > 0.05:  # a source looks so often, also where nothing comes
            looked_s += 0.05
            blocks += language.parse(b"", looked_s)
        looked_s = due[b - 1]
        blocks += language.parse(raw[a:b], looked_s)
    for wait_s in (0.2, 0.5, 1.0):
        blocks += language.parse(b"", due[-1] + wait_s)
    samples = {block.first + row: one.tolist() for block in blocks for row, one in enumerate(block.samples)}
    return samples, language.integrity.to_json()


class Turns:
    """Notifications by their number, as they come to a ``Rotation``."""

    def __init__(self) -> None:
        self.integrity = Integrity(8)
        self.rotation = Rotation(PERIOD_S, self.integrity)
        self.given: dict[int, float] = {}
        for number in range(150):
            self.come(number)

    def come(self, number: int, late_s: float = 0.0, place: int | None = None, data: bytes | None = None) -> None:
        at_s = 5.0 + number * PERIOD_S + late_s
        told = number % 4 if place is None else place
        self.rotation.add(told, struct.pack("<I", number) if data is None else data, at_s)
        self.look(at_s)

    def look(self, now_s: float) -> None:
        for one in self.rotation.take(now_s):
            (number,) = struct.unpack("<I", one.data)
            assert one.number == number
            self.given[number] = now_s

    @property
    def missing(self) -> set[int]:
        return set(range(max(self.given))) - set(self.given)

    def delay_s(self, number: int) -> float:
        return self.given[number] - (5.0 + number * PERIOD_S)


@pytest.mark.parametrize("count", range(1, 30))
def test_so_many_are_lost_as_are_missing(count: int) -> None:
    turns = Turns()
    for number in range(150 + count, 175 + count):
        turns.come(number)
    assert turns.missing == set(range(150, 150 + count))
    assert turns.integrity.damaged == turns.integrity.duplicates == 0
    waits_s = 0.02 if count < 4 else 0.105  # whole turns are proved by those that follow
    assert turns.delay_s(150 + count) < waits_s
    assert turns.delay_s(174 + count) < 1e-9


@pytest.mark.parametrize("count", [1, 4, 5, 20, 60])
def test_a_delay_is_no_loss(count: int) -> None:
    turns = Turns()
    for number in range(150, 150 + count):
        turns.come(number, late_s=(150 + count - number) * PERIOD_S)
    turns.come(150 + count)
    assert turns.missing == set()
    assert turns.integrity.clean


def test_a_healthy_stream_is_never_held_back() -> None:
    turns = Turns()
    chance = np.random.default_rng(1)
    at_s = 0.0
    for number in range(150, 2000):
        at_s = max(at_s, number * PERIOD_S + chance.uniform(0, 0.02))
        turns.come(number, late_s=at_s - number * PERIOD_S)
        assert turns.given[number] == pytest.approx(5.0 + at_s)
    assert turns.integrity.clean


@pytest.mark.parametrize(("number", "duplicates"), [(149, 1), (153, 0), (157, 0)])
def test_the_same_samples_again_are_a_duplicate_only_if_no_turn_lies_between(number: int, duplicates: int) -> None:
    turns = Turns()
    late_s = 0.001 if number == 149 else 0.0
    turns.rotation.add(149 % 4, struct.pack("<I", 149), 5.0 + number * PERIOD_S + late_s)
    got = []
    for following in range(number + 1, 180):
        at_s = 5.0 + following * PERIOD_S
        turns.rotation.add(following % 4, struct.pack("<I", following), at_s)
        got += turns.rotation.take(at_s)
    assert turns.integrity.duplicates == duplicates
    assert [one.number for one in got] == list(range(150 if duplicates else number, 180))


def test_a_second_copy_with_other_samples_is_damaged() -> None:
    turns = Turns()
    turns.come(149, late_s=0.002, data=struct.pack("<I", 77))
    turns.come(150)
    assert (turns.integrity.duplicates, turns.integrity.damaged) == (0, 1)
    assert turns.missing == set()


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_damaged_place_costs_its_notification_and_no_other(place: int) -> None:
    turns = Turns()
    assert 150 % 4 == 2
    turns.come(150, place=place)
    for number in range(151, 160):
        turns.come(number)
    assert turns.missing == {150}
    assert turns.integrity.damaged == 1


@pytest.mark.parametrize("drift", [-0.01, -0.004, 0.004, 0.01])
def test_the_rate_of_the_device_is_learnt_so_that_a_long_silence_is_measured_right(drift: float) -> None:
    turns = Turns()
    late_s = 0.0
    for number in range(150, 1200):
        late_s = (number - 150) * PERIOD_S * drift
        turns.come(number, late_s=late_s)
    for number in range(1400, 1425):  # two seconds
        turns.come(number, late_s=(number - 150) * PERIOD_S * drift)
    assert turns.missing == set(range(1200, 1400))


def test_what_may_have_been_on_either_side_of_a_loss_is_left_out() -> None:
    turns = Turns()
    for number in range(150, 160):  # held up, together with a loss of 20 behind them
        turns.come(number, late_s=(185 - number) * PERIOD_S)
    for number in range(180, 186):
        turns.come(number, late_s=(185 - number) * PERIOD_S)
    for number in range(186, 220):
        turns.come(number)
    assert turns.missing >= set(range(160, 180))
    assert set(range(187, 200)) <= set(turns.given)
    assert turns.integrity.damaged == len(turns.missing) - 20


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    pytest.importorskip("termios", reason="there are no pseudo-terminals here")
    running: list[Served] = []

    def start(device: object) -> Served:
        served = Served(device)  # type: ignore[arg-type]
        running.append(served)
        return served.__enter__()

    yield start
    for served in running:
        served.__exit__(None, None, None)


def refusal(path: str) -> tuple[str, float]:
    began_s = time.perf_counter()
    with pytest.raises(ValueError, match=r"start again|update it") as caught:
        open_myo(path)
    return str(caught.value), time.perf_counter() - began_s


class Silent:
    packet_rate_hz, samples_per_packet, streaming = 100.0, 2, False

    def __init__(self, says: bytes = b"") -> None:
        self.says = says

    def attend(self, _present: bool) -> bytes:
        return b""

    def listen(self, _raw: bytes) -> bytes:
        return self.says

    def packet(self, _number: int) -> bytes:
        return b""

    def reset(self) -> None:
        pass


@pytest.mark.parametrize("says", [b"", b"\x00\xff$$$Cyton\r\n" * 20])
def test_what_is_no_dongle_is_refused_in_one_sentence(serve: Callable[..., Served], says: bytes) -> None:
    served = serve(Silent(says))
    said, took_s = refusal(served.path)
    assert repr(served.path) in said
    assert "does not answer as the Myo's dongle" in said
    assert "\n" not in said
    assert took_s < 5.0


def test_no_armband_is_said_with_the_cure(serve: Callable[..., Served]) -> None:
    said, took_s = refusal(serve(Myo(Feed(recording(1.0), 200.0, 8), present=False)).path)
    assert "hears no Myo; charge it, put it on" in said
    assert took_s < 5.0


def test_an_armband_that_does_not_connect(serve: Callable[..., Served]) -> None:
    device = Myo(Feed(recording(1.0), 200.0, 8))
    listen = device.listen

    def deaf(raw: bytes) -> bytes:
        if raw[2:4] == b"\x06\x03":
            device.present = False
        return listen(raw)

    device.listen = deaf  # type: ignore[method-assign]
    said, took_s = refusal(serve(device).path)
    assert "c2:52:f5:37:29:5d was heard but does not let itself be connected" in said
    assert took_s < 5.0


def test_an_old_firmware_is_refused_and_the_armband_left_alone(serve: Callable[..., Served]) -> None:
    device = Myo(Feed(recording(1.0), 200.0, 8), firmware=(0, 8, 18, 1))
    said, _ = refusal(serve(device).path)
    assert said == "'My Myo' has firmware 0.8.18, but only 1.x is understood; update it with Myo Connect"
    assert not device.connected


def test_open_read_close(serve: Callable[..., Served]) -> None:
    feed = Feed(recording(), 200.0, 8)
    device = Myo(feed, name="Left arm")
    source = open_myo(serve(device).path)
    try:
        assert source.info.name == "Left arm"
        assert device.vibrations == [1]
        assert device.wakeful
        samples: list[np.ndarray] = []
        deadline = time.perf_counter() + 10
        while sum(map(len, samples)) < 100:
            assert time.perf_counter() < deadline
            chunk = source.read()
            assert chunk is not None
            if len(chunk.samples):
                assert chunk.first == sum(map(len, samples))
                samples.append(chunk.samples)
    finally:
        source.close()
    got = np.concatenate(samples)
    assert np.array_equal(got, feed.block(0, len(got)))
    assert source.integrity.clean
    assert not device.connected
    assert not device.streaming
    assert not device.wakeful
