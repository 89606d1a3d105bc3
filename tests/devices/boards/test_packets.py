"""Packets in a damaged stream of bytes, held to a slow oracle that knows what was done to it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.boards.chords import BOARDS
from devices.boards.cyton import FORM as CYTON
from devices.boards.numbering import HELD_S
from devices.boards.packets import Form, Packets
from devices.integrity import Integrity

CHORDS = BOARDS["STM32F4-BLACK-PILL"].form()
FORMS = ((CYTON, 250.0), (CHORDS, 500.0))
PAYLOADS = ("random", "flat", "like heads and tails")


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - chance for a test, not a secret


def packet(form: Form, number: int, chance: random.Random, payload: str) -> bytes:
    special = form.head + bytes(form.tails[:1])
    raw = {
        "random": lambda: bytearray(chance.randbytes(form.length)),
        "flat": lambda: bytearray(form.length),
        "like heads and tails": lambda: bytearray((special * form.length)[: form.length]),
    }[payload]()
    raw[: len(form.head)] = form.head
    raw[form.counter_at] = number % 256
    raw[-1] = form.tails[0]
    return bytes(raw)


def stream(form: Form, count: int, payload: str = "random", seed: int = 1) -> list[bytes]:
    chance = dice(seed)
    return [packet(form, number, chance, payload) for number in range(count)]


class Heard(NamedTuple):
    packets: dict[int, bytes]
    integrity: Integrity


def hear(form: Form, rate_hz: float, pieces: Iterable[tuple[bytes, float]], *, end_s: float | None = None) -> Heard:
    """What a reader makes of bytes and their arrivals."""
    integrity = Integrity(8)
    packets = Packets(form, rate_hz, integrity)
    packets.restart(0, 0)
    heard: dict[int, bytes] = {}
    arrived_s = 0.0

    def take(raw: bytes, at_s: float) -> None:
        for run in packets.feed(raw, at_s):
            for offset, row in enumerate(run.rows):
                assert not heard or run.first + offset > max(heard), "indices ascend"
                heard[run.first + offset] = row.tobytes()

    for raw, arrived_s in pieces:
        take(raw, arrived_s)
    take(b"", arrived_s + 1 if end_s is None else end_s)
    return Heard(heard, integrity)


def timed(rows: Iterable[bytes], rate_hz: float, first: int = 0) -> list[tuple[bytes, float]]:
    return [(row, number / rate_hz) for number, row in enumerate(rows, first)]


@pytest.mark.parametrize(("form", "rate_hz"), FORMS)
def test_a_healthy_packet_comes_out_with_its_last_byte(form: Form, rate_hz: float) -> None:
    packets = Packets(form, rate_hz, Integrity(8))
    packets.restart(0, 0)
    for number, row in enumerate(stream(form, 600)):
        assert packets.feed(row[:-1], number / rate_hz) == []
        (run,) = packets.feed(row[-1:], number / rate_hz)
        assert (run.first, run.rows.tobytes()) == (number, row)


def test_what_comes_at_once_is_one_run() -> None:
    rows = stream(CYTON, 700)
    packets = Packets(CYTON, 250, Integrity(8))
    packets.restart(0, 0)
    (run,) = packets.feed(b"".join(rows), 3.0)
    assert (run.first, run.rows.tobytes()) == (0, b"".join(rows))


class Damaged(NamedTuple):
    sent: list[tuple[bytes, float]]
    expected: dict[int, bytes]
    damaged: int
    duplicates: int
    lost: set[int]


def damage(form: Form, rate_hz: float, payload: str, seed: int, *, count: int = 400, every: int = 6) -> Damaged:
    """Each fault on its own, some packets apart: dropped, doubled, a byte lost, a byte outside the data changed."""
    chance = dice(seed)
    sent, expected, damaged, duplicates = [], {}, 0, 0
    outside = (*range(len(form.head)), form.counter_at, form.length - 1)
    hit_next = every
    for number, row in enumerate(stream(form, count, payload, seed)):
        expected[number] = raw = row
        if number == hit_next and number < count - every:
            hit_next += every + chance.randrange(every)
            kind = chance.choice(("drop", "double", "lose", "change", "burst"))
            if kind == "double":
                duplicates, raw = duplicates + 1, row + row
            else:
                del expected[number]
            if kind in ("drop", "burst"):
                raw = b""
            if kind == "lose":
                at = chance.randrange(form.length)
                damaged, raw = damaged + 1, row[:at] + row[at + 1 :]
            if kind == "change":
                at = chance.choice(outside)
                wrong = chance.choice([value for value in range(256) if value != row[at] and _is_seen(form, at, value)])
                if payload != "random" and at == form.counter_at and (wrong - number) % 256 in (1, 255):
                    wrong = (number + 7) % 256  # where the data stand still, it would be its neighbour, twice
                damaged, raw = damaged + 1, row[:at] + bytes([wrong]) + row[at + 1 :]
        sent.append((raw, number / rate_hz + chance.random() * 0.01))
    times = np.maximum.accumulate([arrived_s for _, arrived_s in sent]).tolist()
    sent = [(raw, time_s) for (raw, _), time_s in zip(sent, times, strict=True)]
    return Damaged(sent, expected, damaged, duplicates, set(range(count)) - set(expected))


def _is_seen(form: Form, at: int, value: int) -> bool:
    return at != form.length - 1 or not form.tails[0] <= value <= form.tails[1]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(("form", "rate_hz"), FORMS)
@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_a_fault_costs_the_packet_it_hit_and_no_other(form: Form, rate_hz: float, payload: str, seed: int) -> None:
    made = damage(form, rate_hz, payload, seed)
    heard = hear(form, rate_hz, made.sent)
    assert heard.packets == made.expected
    assert (heard.integrity.damaged, heard.integrity.duplicates) == (made.damaged, made.duplicates)


@pytest.mark.parametrize(("form", "rate_hz"), FORMS)
@given(seed=st.integers(0, 10**6), data=st.data())
@settings(deadline=None, max_examples=40)
def test_however_the_stream_is_cut(form: Form, rate_hz: float, seed: int, data: st.DataObject) -> None:
    made = damage(form, rate_hz, "random", seed, count=60)
    raw = b"".join(piece for piece, _ in made.sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=40)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    whole = hear(form, rate_hz, [(raw, 1.0)])
    cut = hear(form, rate_hz, [(piece, 1.0) for piece in pieces])
    assert cut.packets == whole.packets
    assert cut.integrity.to_json() == whole.integrity.to_json()
    assert whole.packets == made.expected


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(("form", "rate_hz"), FORMS)
def test_faults_at_random_and_on_top_of_one_another(form: Form, rate_hz: float, payload: str) -> None:
    chance = dice(5)
    expected, damaged, sent = {}, 0, []
    for number, row in enumerate(stream(form, 4000, payload)):
        raw = b"".join(row[at : at + 1] for at in range(form.length) if chance.random() >= 1e-4)
        raw = raw if chance.random() >= 0.01 or number == 0 else b""
        if raw == row:
            expected[number] = row
        damaged += 0 < len(raw) < form.length
        sent.append((raw, number / rate_hz))
    heard = hear(form, rate_hz, sent)
    assert heard.packets == expected
    assert heard.integrity.damaged == damaged > 2


@given(seed=st.integers(0, 10**6), at=st.integers(0, 33))
@settings(deadline=None, max_examples=60)
def test_a_byte_too_many_costs_no_other_packet(seed: int, at: int) -> None:
    rows = stream(CYTON, 30, seed=seed)
    row = rows[10]
    sent = [*rows[:10], row[:at] + bytes([dice(seed).randrange(256)]) + row[at:], *rows[11:]]
    heard = hear(CYTON, 250, timed(sent, 250))
    others = {number: raw for number, raw in enumerate(rows) if number != 10}
    assert {number: raw for number, raw in heard.packets.items() if number != 10} == others


@pytest.mark.parametrize("count", [2, 3, 5, 9, 20])
@pytest.mark.parametrize(("form", "rate_hz"), FORMS)
def test_many_damaged_packets_in_a_row_cost_no_more_than_themselves(form: Form, rate_hz: float, count: int) -> None:
    rows = stream(form, 100)
    hit = range(40, 40 + count)
    sent = [row[:9] + row[10:] if number in hit else row for number, row in enumerate(rows)]
    heard = hear(form, rate_hz, timed(sent, rate_hz))
    assert heard.packets == {number: row for number, row in enumerate(rows) if number not in hit}
    assert heard.integrity.damaged == count


def test_a_byte_between_two_packets_costs_none() -> None:
    rows = stream(CYTON, 30)
    heard = hear(CYTON, 250, timed([*rows[:10], b"\x55" + rows[10], *rows[11:]], 250))
    assert heard.packets == dict(enumerate(rows))
    assert (heard.integrity.damaged, heard.integrity.resyncs, heard.integrity.skipped) == (0, 1, 1)


@pytest.mark.parametrize("wrong", [0, 9, 10, 12, 13, 200, 255])
def test_a_lone_counter_that_does_not_fit_is_one_damaged_packet(wrong: int) -> None:
    rows = stream(CYTON, 30)
    bad = rows[11][:1] + bytes([wrong]) + rows[11][2:]
    heard = hear(CYTON, 250, timed([*rows[:11], bad, *rows[12:]], 250))
    assert heard.packets == {number: row for number, row in enumerate(rows) if number != 11}
    assert heard.integrity.damaged == 1
    assert heard.integrity.resyncs == 0


def test_a_change_within_the_data_passes_unnoticed() -> None:
    rows = stream(CYTON, 30)
    rows[7] = rows[7][:12] + bytes([rows[7][12] ^ 0x10]) + rows[7][13:]
    heard = hear(CYTON, 250, timed(rows, 250))
    assert heard.packets == dict(enumerate(rows))
    assert heard.integrity.clean


@pytest.mark.parametrize("missing", [1, 2, 50, 254, 255, 256, 257, 511, 512, 750, 2560, 5000])
@pytest.mark.parametrize("late_s", [0.0, 0.05])
@pytest.mark.parametrize(("form", "rate_hz"), FORMS)
def test_a_gap_is_exact_however_long(form: Form, rate_hz: float, missing: int, late_s: float) -> None:
    rows = stream(form, 200 + missing + 200)
    chance = dice(missing)
    before = [(raw, time_s + chance.random() * 0.02) for raw, time_s in timed(rows[:200], rate_hz)]
    after = timed(rows[200 + missing :], rate_hz, 200 + missing)
    heard = hear(form, rate_hz, [*before, *((raw, time_s + late_s) for raw, time_s in after)])
    assert sorted(heard.packets) == [*range(200), *range(200 + missing, len(rows))]
    assert all(heard.packets[number] == rows[number] for number in heard.packets)


@pytest.mark.parametrize("late_s", [0.3, 0.6, 1.2, 3.0])
@pytest.mark.parametrize(("form", "rate_hz"), FORMS)
def test_late_is_not_lost(form: Form, rate_hz: float, late_s: float) -> None:
    rows = stream(form, 3000)
    held = range(400, 400 + round(late_s * rate_hz))
    sent = [
        (raw, held.stop / rate_hz if number in held else time_s)
        for number, (raw, time_s) in enumerate(timed(rows, rate_hz))
    ]
    assert hear(form, rate_hz, sent).packets == dict(enumerate(rows))


def test_a_gap_in_what_came_late() -> None:
    rows = stream(CYTON, 1000)
    sent = timed(rows, 250)
    late = [(raw, 2.0) for raw, _ in [*sent[300:320], *sent[380:500]]]
    heard = hear(CYTON, 250, [*sent[:300], *late, *sent[500:]])
    assert heard.packets == {number: row for number, row in enumerate(rows) if not 320 <= number < 380}


@pytest.mark.parametrize("kept", [10, 124, 300, 496])
def test_a_reader_that_was_held_up_until_there_was_no_room_left(kept: int) -> None:
    rows = stream(CYTON, 2000)
    sent = timed(rows, 250)
    late = [(raw, 5.0) for raw, _ in sent[500 : 500 + kept]]
    heard = hear(CYTON, 250, [*sent[:500], *late, *sent[1250:]])
    assert heard.packets == {number: row for number, row in enumerate(rows) if not 500 + kept <= number < 1250}


def test_a_packet_in_doubt_waits_for_those_after_it_and_not_forever() -> None:
    rows = stream(CYTON, 12)
    packets = Packets(CYTON, 250, Integrity(8))
    packets.restart(0, 0)
    packets.feed(b"".join(rows[:10]), 0.04)
    assert packets.feed(rows[11], 0.05) == []
    assert packets.feed(b"", 0.05 + HELD_S / 2) == []
    (run,) = packets.feed(b"", 0.051 + HELD_S)
    assert (run.first, run.rows.tobytes()) == (11, rows[11])


def test_rubbish_is_no_packet_and_what_follows_is_found() -> None:
    rows = stream(CYTON, 300)
    rubbish = dice(3).randbytes(20_000)
    integrity = Integrity(8)
    packets = Packets(CYTON, 250, integrity)
    packets.restart(0, 0)
    assert sum(len(run.rows) for run in packets.feed(b"".join(rows[:50]), 0.2)) == 50
    assert packets.feed(rubbish, 0.21) == []
    after = packets.feed(b"".join(rows[100:]), 1.2) + packets.feed(b"", 2.0)
    assert (after[0].first, sum(len(run.rows) for run in after)) == (100, 200)
    assert integrity.skipped == len(rubbish)


def test_begins_where_it_is_told_to() -> None:
    rows = stream(CHORDS, 300)
    packets = Packets(CHORDS, 500, Integrity(8))
    packets.restart(1000, None)
    got = packets.feed(b"".join(rows[77:90]), 0.1)
    assert [(run.first, len(run.rows)) for run in got] == [(1000, 13)]
    packets.restart(5000, 0)
    assert [(run.first, len(run.rows)) for run in packets.feed(b"".join(rows[:3]), 0.2)] == [(5000, 3)]
