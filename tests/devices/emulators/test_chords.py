from __future__ import annotations

import numpy as np
import pytest
from serial import Serial

from devices.boards.chords import BOARDS
from devices.emulators.chords import Chords, known
from devices.emulators.feed import Feed
from devices.emulators.serve import Served
from tests.devices.emulators.recordings import noise, read_until


def made(name: str = "NANO-CLASSIC", **options: float) -> Chords:
    board = BOARDS[name]
    return Chords(Feed(noise(), board.rate_hz, board.channels), name, **options)


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (b"WHORU\n", b"NANO-CLASSIC\r\n"),
        (b" whoru \r\n", b"NANO-CLASSIC\r\n"),
        (b"START\n", b""),
        (b"STOP\n", b""),
        (b"STATUS\n", b"STOPPED\r\n"),
        (b"START\nSTATUS\n", b"RUNNING\r\n"),
        (b"HELLO\n", b"UNKNOWN COMMAND\r\n"),
        (b"\n", b"UNKNOWN COMMAND\r\n"),
        (b"STOP\nWHORU\n", b"NANO-CLASSIC\r\n"),
    ],
)
def test_it_answers_as_the_sketch_does_however_the_command_is_cut(asked: bytes, reply: bytes) -> None:
    assert made().listen(asked) == reply
    board = made()
    assert b"".join(board.listen(asked[at : at + 3]) for at in range(0, 15, 3)) in (reply, b"STOPPED\r\n")


def test_whatever_comes_stops_the_stream() -> None:
    board = made()
    for disturbance in (b"STOP\n", b"WHORU\n", b"S"):
        board.listen(b"\nSTART\n")
        assert board.streaming
        board.listen(disturbance)
        assert not board.streaming
    assert board.listen(b"") == b""


def test_a_packet_byte_for_byte() -> None:
    recording = noise()
    step = 5e6 / 1024
    recording.samples[0] = [0, step, -step, 511 * step, -512 * step, 1e9, -1e9, 2.4 * step]
    board = Chords(Feed(recording, 250.0, 8), gain=1.0)
    assert board.packet(0).hex(" ") == "c7 7c 01 02 00 02 01 01 ff 03 ff 00 00 03 ff 00 00 02 02 01"


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_streams_what_its_driver_expects(name: str) -> None:
    board, form = made(name), BOARDS[name].form()
    packets = [board.packet(number) for number in range(3)]
    assert {len(packet) for packet in packets} == {form.length}
    assert all(packet[:2] == form.head and form.tails[0] <= packet[-1] <= form.tails[1] for packet in packets)
    rows = np.frombuffer(b"".join(packets), np.uint8).reshape(3, -1)
    fed = Feed(noise(), board.board.rate_hz, board.board.channels).block(0, 3)
    half = board.board.uv_per_count / 2
    assert np.abs(board.board.decode(rows) / 1000 - fed).max() <= half / 1000 * 1.001


def test_the_counter_begins_with_one_and_goes_on_through_stop_and_start() -> None:
    board = made()
    board.listen(b"START\n")
    assert [board.packet(number)[2] for number in range(258)] == [*range(1, 256), 0, 1, 2]
    board.listen(b"STOP\nSTART\n")
    assert board.packet(0)[2] == 3
    board.reset()
    assert board.packet(0)[2] == 1


def test_the_end_of_the_recording_is_the_end_of_the_packets() -> None:
    board = Chords(Feed(noise(seconds=0.04), 250.0, 8, once=True))
    assert [len(board.packet(number)) for number in (9, 10)] == [20, 0]


def test_a_board_that_does_not_exist_is_answered_with_those_that_do() -> None:
    assert known("uno-r3") is BOARDS["UNO-R3"]
    with pytest.raises(ValueError, match=r"there is no board 'UNO-R9' .* there are NANO-CLASSIC, "):
        known("UNO-R9")
    with pytest.raises(ValueError, match="the board UNO-R3 streams 6 channels at 250 Hz"):
        Chords(Feed(noise(), 250.0, 8), "UNO-R3")


def test_on_the_line_every_packet_is_as_it_was_made() -> None:
    pytest.importorskip("termios", reason="there are no pseudo-terminals here")
    with Served(made("STM32F4-BLACK-PILL")) as served, Serial(served.path, 230400, timeout=2) as port:
        port.write(b"WHORU\n")
        assert port.read_until(b"\n") == b"STM32F4-BLACK-PILL\r\n"
        port.write(b"START\n")
        got = read_until(port, lambda got: len(got) >= 20 * 300)
        port.write(b"STOP\n")
    twin = made("STM32F4-BLACK-PILL")
    assert got[: 20 * 300] == b"".join(twin.packet(number) for number in range(300))
