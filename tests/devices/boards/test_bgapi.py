from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.boards import bgapi
from devices.boards.bgapi_parser import Packet, Parser
from devices.integrity import Integrity

ADDRESS = bytes.fromhex("5D2937F552C2")
HANDLES = (0x2B, 0x2E, 0x31, 0x34)


def notification(handle: int, data: bytes) -> bytes:
    return b"\x80\x15\x04\x05\x00" + bytes((handle,)) + b"\x00\x01\x10" + data


def stream(count: int, seed: int = 1) -> list[bytes]:
    data = np.random.default_rng(seed).normal(0, 30, (count, 16)).round().clip(-127, 127).astype(np.int8)
    return [notification(HANDLES[number % 4], row.tobytes()) for number, row in enumerate(data)]


def parsed(raw: bytes) -> tuple[list[Packet], Integrity]:
    integrity = Integrity(8)
    parser = Parser(bgapi.ANSWERS, integrity)
    return [*parser.feed(raw), *parser.settle()], integrity


def whole(packets: list[Packet]) -> list[bytes]:
    return [bgapi.packet(packet.kind, packet.payload) for packet in packets]


@pytest.mark.parametrize(
    ("built", "literal"),
    [
        (bgapi.end_scan(), "00 00 06 04"),
        (bgapi.disconnect(2), "00 01 03 00 02"),
        (bgapi.discover(), "00 01 06 02 01"),
        (bgapi.connect(ADDRESS), "00 0F 06 03 5D 29 37 F5 52 C2 00 06 00 06 00 40 00 00 00"),
        (bgapi.read(0, 0x17), "00 03 04 04 00 17 00"),
        (bgapi.write(0, 0x19, b"\x01\x03\x03\x00\x00"), "00 09 04 05 00 19 00 05 01 03 03 00 00"),
        (bgapi.answer(bgapi.END_SCAN), "00 02 06 04 00 00"),
        (bgapi.answer(bgapi.DISCOVER), "00 02 06 02 00 00"),
        (bgapi.answer_about(bgapi.DISCONNECT, 1, bgapi.NOT_CONNECTED), "00 03 03 00 01 86 01"),
        (bgapi.answer_connect(0), "00 03 06 03 00 00 00"),
        (bgapi.status(0, ADDRESS), "80 10 03 00 00 05 5D 29 37 F5 52 C2 00 06 00 40 00 00 00 FF"),
        (bgapi.answer_about(bgapi.READ, 0), "00 03 04 04 00 00 00"),
        (bgapi.answer_about(bgapi.WRITE, 0), "00 03 04 05 00 00 00"),
        (bgapi.done(0, 0x19), "80 05 04 01 00 00 00 19 00"),
        (bgapi.value(0, 0x11, b"\x5a", notified=False), "80 06 04 05 00 11 00 00 01 5A"),
        (bgapi.disconnected(0, bgapi.GONE_SILENT), "80 03 03 04 00 08 02"),
        (bgapi.advertisement(ADDRESS, b"\x02\x01\x06"), "80 0E 06 00 CE 00 5D 29 37 F5 52 C2 00 FF 03 02 01 06"),
    ],
)
def test_messages_byte_for_byte(built: bytes, literal: str) -> None:
    assert built == bytes.fromhex(literal)
    parsers = [Parser(known, Integrity(1)) for known in (bgapi.COMMANDS, bgapi.ANSWERS)]
    assert [built] in [whole(parser.feed(built)) for parser in parsers]


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 600), max_size=40),
    hits=st.lists(st.tuples(st.integers(0, 590), st.integers(0, 255)), max_size=4),
)
def test_however_the_bytes_are_cut_the_packets_are_the_same(cuts: list[int], hits: list[tuple[int, int]]) -> None:
    raw = bytearray(b"".join(stream(24)))
    for at, mask in hits:  # mask 0 loses the byte
        raw[at : at + 1] = bytes((raw[at] ^ mask,)) if mask else b""
    expected, counted = parsed(bytes(raw))
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    parser = Parser(bgapi.ANSWERS, integrity := Integrity(8))
    packets = [packet for a, b in pairwise(edges) for packet in parser.feed(bytes(raw[a:b]))]
    packets += parser.settle()
    assert whole(packets) == whole(expected)
    assert integrity.to_json() == counted.to_json()


@pytest.mark.parametrize("at", range(25))
def test_a_lost_byte_costs_its_packet_and_no_other(at: int) -> None:
    for seed in range(20):
        packets = stream(5, seed)
        raw = packets[0] + packets[1] + packets[2][:at] + packets[2][at + 1 :] + packets[3] + packets[4]
        got, integrity = parsed(raw)
        assert whole(got) == [packets[0], packets[1], packets[3], packets[4]]
        assert (integrity.damaged, integrity.resyncs, integrity.skipped) == (1, 1, 24)


@pytest.mark.parametrize("at", range(9))
def test_a_flipped_byte_of_the_head_costs_its_packet_and_no_other(at: int) -> None:
    packets = stream(5)
    for mask in range(1, 256):
        hit = bytearray(packets[2])
        hit[at] ^= mask
        got, integrity = parsed(packets[0] + packets[1] + bytes(hit) + packets[3] + packets[4])
        others = [packet for packet in whole(got) if packet != bytes(hit)]
        assert others == [packets[0], packets[1], packets[3], packets[4]]
        if at in (4, 5, 7) and len(got) == 5:  # a connection, a handle or a type that there could be: for the driver
            continue
        assert (len(got), integrity.damaged, integrity.resyncs, integrity.skipped) == (4, 1, 1, 25)


def test_losing_from_two_packets_in_a_row_is_counted_as_two() -> None:
    packets = stream(6)
    got, integrity = parsed(b"".join((packets[0], packets[1][:-1], packets[2][:8], packets[2][9:], *packets[3:])))
    assert whole(got) == [packets[0], *packets[3:]]
    assert integrity.damaged == 2


@pytest.mark.parametrize("end", ["80", "8015", "8015040500", "80150405002b0001"])
def test_a_packet_that_ends_like_a_beginning_waits_for_the_next_and_keeps_its_time(end: str) -> None:
    tail = bytes.fromhex(end)
    first, second = notification(0x2B, bytes(16 - len(tail)) + tail), stream(2)[1]
    parser = Parser(bgapi.ANSWERS, integrity := Integrity(8))
    assert parser.feed(first, 1.0) == []
    got = parser.feed(second, 2.0)
    assert whole(got) == [first, second]
    assert [packet.arrived_s for packet in got] == [1.0, 2.0]
    assert integrity.clean


def test_a_packet_that_ends_like_a_beginning_does_not_wait_for_ever() -> None:
    first = notification(0x2B, bytes(15) + b"\x80")
    parser = Parser(bgapi.ANSWERS, Integrity(8))
    assert parser.feed(first) == []
    assert whole(parser.settle()) == [first]


def test_quiet_samples_that_look_like_a_response_are_no_packet() -> None:
    quiet = notification(0x2B, bytes.fromhex("00030405 00000000 03030000 00020604"))
    after = stream(3)
    got, integrity = parsed(quiet[1:] + b"".join(after))
    assert whole(got) == after
    assert (integrity.damaged, integrity.skipped) == (1, 24)


def test_a_response_after_rubbish_is_believed_when_nothing_follows() -> None:
    response = bytes.fromhex("00 02 06 04 00 00")
    parser = Parser(bgapi.ANSWERS, Integrity(8))
    assert parser.feed(b"\x2b\x00" + response) == []
    assert whole(parser.settle()) == [response]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_rubbish_never_hangs_and_never_hides_what_follows_for_long(rubbish: bytes) -> None:
    after = stream(15)
    got, _ = parsed(rubbish + b"".join(after))
    assert whole(got)[-3:] == after[-3:]
