from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.emulators.faults import FAULTS, NO_FAULTS, Event, Faults, Injected, Log, Saboteur, parse

RATE_HZ = 250.0


def packet(number: int) -> bytes:
    return number.to_bytes(4, "big") + bytes(range(16))


def played(faults: Faults, count: int, *, first: int = 0) -> tuple[list[tuple[int, bytes]], Log]:
    log = Log()
    saboteur = Saboteur(faults, RATE_HZ, log)
    out = [sent for number in range(first, first + count) for sent in saboteur(number, packet(number))]
    return out + saboteur.finish(), log


def retold(log: Log, count: int) -> list[tuple[int, bytes]]:
    """What must have gone out, told from the log alone."""
    lost = {n for e in log.injected if e.fault in ("drop", "burst") for n in range(e.packet, e.packet + e.count)}
    doubled = {e.packet for e in log.injected if e.fault == "duplicate"}
    out = []
    for number in range(count):
        raw: list[int | None] = [] if number in lost else list(packet(number) * (1 + (number in doubled)))
        for entry in log.injected:
            if entry.packet != number or entry.byte is None:
                continue
            if entry.fault == "lose":
                raw[entry.byte] = None
            else:
                before = raw[entry.byte]
                assert before is not None
                assert entry.value is not None
                raw[entry.byte] = before ^ entry.value
        out.append((number, bytes(byte for byte in raw if byte is not None)))
    return out


def test_what_a_person_types_is_understood() -> None:
    text = "drop=0.01, duplicate=0.02,flip=1e-4,lose=2e-4,burst=0.2@5,stall=0.5@7,disconnect=2@10,seed=3"
    assert parse(text) == Faults(0.01, 0.02, 1e-4, 2e-4, (0.2, 5), (0.5, 7), (2, 10), 3)
    assert parse("") == NO_FAULTS
    assert parse("seed=4").none
    assert not parse("drop=0.1").none


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "drip=0.1",
            "there is no fault 'drip'; there are drop, duplicate, flip, lose, burst, stall, disconnect and seed",
        ),
        ("drop", "'drop' is not understood"),
        ("drop=often", "'drop=often' is not understood"),
        ("drop=2", "drop=2 is no share"),
        ("drop=nan", "drop=nan is no share"),
        ("flip=-1", "flip=-1 is no share"),
        ("burst=0.2", "'burst=0.2' is not understood"),
        ("burst=0.2@", "'burst=0.2@' is not understood"),
        ("burst=3@5", "more than half of the time; give at least burst=3@6"),
        ("burst=0@5", "needs two times above zero"),
        ("disconnect=inf@5", "needs two times above zero"),
        ("drop=0.1,drop=0.2", "given twice"),
        ("seed=-1", "seed of the faults is -1"),
        ("seed=x", "'seed=x' is not understood"),
    ],
)
def test_what_is_not_understood_is_said_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        parse(text)
    assert says in str(caught.value)


def test_without_faults_every_packet_goes_out_as_it_is() -> None:
    out, log = played(NO_FAULTS, 500)
    assert out == [(number, packet(number)) for number in range(500)]
    assert log.injected == []


@settings(deadline=None, max_examples=40)
@given(
    st.builds(
        Faults,
        drop=st.sampled_from([0.0, 0.05, 1.0]),
        duplicate=st.sampled_from([0.0, 0.05, 1.0]),
        flip=st.sampled_from([0.0, 0.01, 0.5]),
        lose=st.sampled_from([0.0, 0.01, 0.5]),
        burst=st.sampled_from([None, (0.1, 0.5), (0.002, 0.3)]),
        stall=st.sampled_from([None, (0.1, 0.4)]),
        seed=st.integers(0, 5),
    )
)
def test_the_log_tells_exactly_what_happened(faults: Faults) -> None:
    out, log = played(faults, 600)
    assert out == retold(log, 600)
    assert {entry.fault for entry in log.injected} <= set(FAULTS)


def test_the_same_seed_gives_the_same_faults_and_another_one_others() -> None:
    faults = parse("drop=0.05,flip=0.01,burst=0.1@0.5")
    assert played(faults, 500)[1].injected == played(faults, 500)[1].injected
    assert played(faults, 500)[1].injected != played(parse("drop=0.05,flip=0.01,burst=0.1@0.5,seed=1"), 500)[1].injected


def test_a_packets_fate_does_not_depend_on_those_before_it() -> None:
    faults = parse("drop=0.05,duplicate=0.05,flip=0.01,lose=0.01")
    whole = played(faults, 500)[1].injected
    assert played(faults, 200, first=300)[1].injected == [entry for entry in whole if entry.packet >= 300]


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_packets_are_hit_as_often_as_was_asked(share: float) -> None:
    log = played(Faults(drop=share, duplicate=share), 20_000)[1]
    for fault in ("drop", "duplicate"):
        assert log.totals()[fault] == pytest.approx(20_000 * share, rel=0.2)


@pytest.mark.parametrize("fault", ["flip", "lose"])
def test_bytes_are_hit_as_often_as_was_asked_and_everywhere(fault: str) -> None:
    log = played(parse(f"{fault}=1e-2"), 5000)[1]
    assert log.totals()[fault] == pytest.approx(5000 * 20 * 1e-2, rel=0.2)
    assert {entry.byte for entry in log.injected} == set(range(20))
    assert all(entry.value != 0 for entry in log.injected)


def test_bursts_come_about_as_often_as_was_asked_each_of_the_length_asked() -> None:
    log = played(parse("burst=0.2@2"), 20 * 500)[1]
    assert [entry.count for entry in log.injected] == [50] * 20
    starts = [entry.packet for entry in log.injected]
    assert all(n * 500 + 250 <= start <= n * 500 + 450 for n, start in enumerate(starts))
    assert len({start % 500 for start in starts}) > 10


def test_a_stall_holds_packets_up_and_lets_them_go_in_order() -> None:
    log = Log()
    saboteur = Saboteur(parse("stall=0.2@2"), RATE_HZ, log)
    at_once = [len(saboteur(number, packet(number))) for number in range(1000)]
    assert sum(at_once) == 1000
    assert sorted(set(at_once)) == [0, 1, 51]
    assert [(entry.fault, entry.count) for entry in log.injected] == [("stall", 50)] * 2
    assert all(at_once[entry.packet + entry.count] == 51 for entry in log.injected)


def test_a_stream_that_stops_in_a_burst_notes_what_was_lost_so_far() -> None:
    whole = played(parse("burst=0.2@2"), 500)[1].injected[0]
    cut = played(parse("burst=0.2@2"), whole.packet + 7)[1].injected
    assert cut == [Injected("burst", whole.packet, 7)]


def test_the_device_is_unplugged_once() -> None:
    saboteur = Saboteur(parse("disconnect=2@10"), RATE_HZ, Log())
    assert [number for number in range(10_000) if saboteur.unplugs(number)] == [2500]
    assert not Saboteur(NO_FAULTS, RATE_HZ, Log()).unplugs(0)


def test_the_log_is_written_line_by_line_as_it_happens() -> None:
    file, heard = io.StringIO(), []
    log = Log(file, heard.append)
    log.event("start", 0)
    log.fault("drop", 3)
    log.fault("flip", 4, byte=7, value=16)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert lines == [
        {"event": "start", "packet": 0},
        {"fault": "drop", "packet": 3, "count": 1},
        {"fault": "flip", "packet": 4, "count": 1, "byte": 7, "value": 16},
    ]
    assert heard == [Event("start", 0)]
    assert log.totals() == {"drop": 1, "flip": 1}
