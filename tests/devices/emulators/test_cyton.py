from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serial import Serial

from devices.emulators.cyton import ACCELERATION, Cyton, counts
from devices.emulators.feed import Feed
from devices.emulators.serve import Served
from tests.devices.emulators.recordings import noise, read_until

GREETING = b"OpenBCI V3 8-16 channel\nADS1299 Device ID: 0x3E\nLIS3DH Device ID: 0x33\nFirmware: v3.1.1\n$$$"
FULL = np.full(8, 24)


@pytest.fixture
def cyton() -> Cyton:
    return Cyton(Feed(noise(), 250.0, 8))


def channels(packet: bytes) -> list[int]:
    return [int.from_bytes(packet[at : at + 3], "big", signed=True) for at in range(2, 26, 3)]


def aux(packet: bytes) -> list[int]:
    return [int.from_bytes(packet[at : at + 2], "big", signed=True) for at in range(26, 32, 2)]


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (b"v", GREETING),
        (b"d", b"updating channel settings to default$$$"),
        (b"D", b"060110$$$"),
        (b"V", b"v3.1.1$$$"),
        (b"x3020000X", b"Success: Channel set for 3$$$"),
        (b"x1020000Xx2020000X", b"Success: Channel set for 1$$$Success: Channel set for 2$$$"),
        (b"x102000X", b"Failure: too few chars$$$"),
        (b"xX", b"Failure: too few chars$$$"),
        (b"x1020000V", b"Failure: Err: 9th char not X$$$"),
        (b"z410Z", b"Success: Lead off set for 4$$$"),
        (b"z41Z", b"Failure: too few chars$$$"),
        (b"z410V", b"Failure: Err: 5th char not Z$$$"),
        (b"12345678!@#$%^&*", b""),
        (b"0", b"Success: Configured internal test signal.$$$"),
        (b"-=p[]", b"Success: Configured internal test signal.$$$" * 5),
        (b"<", b"Time stamp ON$$$"),
        (b">", b"Time stamp OFF$$$"),
        (b"~~", b"Success: Sample rate is 250Hz$$$"),
        (b"~4", b"Success: Sample rate is 1000Hz$$$"),
        (b"~9", b"Failure: sample value out of bounds$$$"),
        (b"//", b"Success: default$$$"),
        (b"/2", b"Success: analog$$$"),
        (b"/9", b"Failure: board mode value out of bounds.$$$"),
        (b"C", b"no daisy to attach!8$$$"),
        (b"c", b""),
        (b"b", b""),
        (b"s", b""),
        (b"\r\nk", b""),
        (b"\xf0\x07", b"Success: System is Up$$$"),
        (b"\xf0\x00", b"Success: Host and Device on Channel number: \x08$$$"),
        (b"\xf0\x01\x07", b"Success: Host and Device on Channel number: \x07$$$"),
        (b"\xf0\x01\x63", b"Failure: Verify channel number is less than 25$$$"),
        (b"\xf0\x03", b"Success: Poll time: \x50$$$"),
        (b"\xf0\x05", b"Success: Switch your baud rate to 115200$$$"),
        (b"\xf0\x06", b"Success: Switch your baud rate to 230400$$$"),
    ],
)
def test_it_answers_as_the_board_does_however_the_command_is_cut(cyton: Cyton, asked: bytes, reply: bytes) -> None:
    assert cyton.listen(asked) == reply
    cyton.reset()
    assert b"".join(cyton.listen(bytes([byte])) for byte in asked) == reply


def test_a_dongle_without_a_board_says_so() -> None:
    timeout = b"Failure: Communications timeout - Device failed to poll host$$$"
    alone = Cyton(Feed(noise(), 250.0, 8), awake=False)
    for command in (b"v", b"d", b"b", b"x3020000X", b"x3X", b"\xf0\x03", b"\xf0\x01\x07"):
        assert alone.listen(command) == timeout
    assert not alone.streaming
    assert alone.listen(b"\xf0\x07") == b"Failure: System is Down$$$"
    assert alone.listen(b"\xf0\x00") == b"Failure: Host on Channel number: \x08$$$"


def test_a_dongle_on_another_channel_loses_the_board_until_it_comes_back(cyton: Cyton) -> None:
    assert cyton.listen(b"\xf0\x02\x03") == b"Success: Host override - Channel number: \x03$$$"
    assert cyton.listen(b"\xf0\x07") == b"Failure: System is Down$$$"
    assert cyton.listen(b"v").startswith(b"Failure")
    assert cyton.listen(b"\xf0\x02\x08") == b"Success: Host override - Channel number: \x08$$$"
    assert cyton.listen(b"v") == GREETING


def test_a_daisy_shows_in_the_greeting() -> None:
    board = Cyton(Feed(noise(), 250.0, 8), daisy=True)
    assert board.listen(b"v").splitlines()[2] == b"On Daisy ADS1299 Device ID: 0x3E"
    assert board.listen(b"C") == b"16$$$"


def test_a_command_that_is_never_finished_is_given_up(cyton: Cyton, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cyton.listen(b"x102") == b""
    monkeypatch.setattr("time.monotonic", lambda: float("inf"))
    assert cyton.listen(b"v") == (
        b"Timeout processing multi byte message - please send all commands at once as of v2$$$" + GREETING
    )


def test_while_it_streams_it_confirms_nothing(cyton: Cyton) -> None:
    assert cyton.listen(b"bx3020000Xz410Zd0-x1X~4") == b""
    assert cyton.streaming
    assert cyton.listen(b"s0") == b"Success: Configured internal test signal.$$$"
    assert not cyton.streaming
    assert cyton.listen(b"bv") == GREETING
    assert not cyton.streaming


def test_a_packet_byte_for_byte() -> None:
    recording = noise()
    step = 4.5e6 / 24 / (2**23 - 1)
    recording.samples[0] = [0, step, -step, 1e9, -1e9, 256 * step, -65536 * step, 1000]
    board = Cyton(Feed(recording, 250.0, 8))
    board.listen(b"b")
    assert board.packet(0).hex(" ") == (
        "a0 00 00 00 00 00 00 01 ff ff ff 7f ff ff 80 00 00 00 01 00 ff 00 00 00 ae c3 00 f0 ff 60 1f 36 c0"
    )
    assert board.packet(1)[:2].hex() == "a001"
    assert board.packet(1)[26:].hex() == "000000000000c0"
    assert aux(board.packet(10)) == list(ACCELERATION)


def test_the_counter_wraps_and_begins_anew_with_each_start(cyton: Cyton) -> None:
    cyton.listen(b"b")
    assert [cyton.packet(number)[1] for number in range(600)] == [number % 256 for number in range(600)]
    cyton.listen(b"sb")
    assert [cyton.packet(number)[1] for number in (1000, 1001)] == [0, 1]
    cyton.reset()
    cyton.listen(b"b")
    assert cyton.packet(77)[1] == 0


@settings(deadline=None, max_examples=200)
@given(st.floats(-3e5, 3e5), st.sampled_from([1, 2, 4, 6, 8, 12, 24]))
def test_counts_are_the_nearest_ones_in_range(microvolts: float, gain: int) -> None:
    scale = 4.5e6 / gain / (2**23 - 1)
    (count,) = counts(np.array([microvolts]), np.array([gain])).tolist()
    assert -(2**23) <= count <= 2**23 - 1
    if abs(microvolts) < 4.5e6 / gain:
        assert abs(count * scale - microvolts) <= scale / 2 * (1 + 1e-9)


def test_gain_power_and_input_of_a_channel_show_in_its_numbers(cyton: Cyton) -> None:
    sample = noise().samples[5].astype(np.float64)
    plain = counts(sample, FULL)
    cyton.listen(b"x2060110Xx3020000Xx4160110Xx5061110X7")
    got = channels(cyton.packet(5))
    assert got[:2] == plain[:2].tolist()
    assert got[2] == counts(sample, np.full(8, 4))[2]
    assert [got[channel] for channel in (3, 4, 6)] == [0, 0, 0]
    cyton.listen(b"&d")
    assert channels(cyton.packet(5)) == plain.tolist()


def test_test_signals_are_square_waves_of_their_amplitude(cyton: Cyton) -> None:
    def heights(command: bytes) -> list[float]:
        cyton.listen(command)
        return [round(channels(cyton.packet(number))[0] * 4.5e6 / 24 / (2**23 - 1)) for number in range(1000)]

    assert set(heights(b"0")) == {0}
    assert set(heights(b"-")) == {1875, -1875}
    assert set(heights(b"]")) == {3750, -3750}
    assert set(heights(b"p")) == {3750}
    slow, fast = (np.abs(np.diff(heights(command))).astype(bool).sum() for command in (b"-", b"="))
    assert (slow, fast) == (7, 15)


def test_time_stamps_and_other_modes_change_what_follows_the_channels(cyton: Cyton) -> None:
    cyton.listen(b"<b")
    packets = [cyton.packet(number) for number in range(20)]
    assert [packet[32] for packet in packets] == [0xC3] + 19 * [0xC4]
    assert [int.from_bytes(packet[28:32], "big") for packet in packets] == [4 * number for number in range(20)]
    assert [aux(packet)[0] for packet in packets] == 2 * [*7 * [0], *ACCELERATION]
    assert cyton.listen(b"<") == b","
    assert cyton.packet(20)[32] == 0xC3
    cyton.listen(b">/2")
    assert cyton.packet(21)[26:].hex() == "000000000000c1"
    cyton.listen(b"/4`m")
    assert aux(cyton.packet(22)) == [ord("m"), 0, 0]
    assert aux(cyton.packet(23)) == [0, 0, 0]
    cyton.listen(b"<")
    assert [cyton.packet(number)[32] for number in (24, 25)] == [0xC5, 0xC6]


def test_a_recording_that_ends_ends_the_packets() -> None:
    board = Cyton(Feed(noise(seconds=0.04), 250.0, 8, once=True))
    assert [len(board.packet(number)) for number in (8, 9, 10, 11)] == [33, 33, 0, 0]


def test_a_feed_of_another_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="a Cyton streams 8 channels at 250 Hz"):
        Cyton(Feed(noise(), 200.0, 8))


@pytest.fixture
def served() -> Iterator[Served]:
    pytest.importorskip("termios", reason="there are no pseudo-terminals here")
    with Served(Cyton(Feed(noise(), 250.0, 8))) as made:
        yield made


def test_on_the_line_every_packet_is_as_it_was_made(served: Served) -> None:
    with Serial(served.path, 115200, timeout=2) as port:
        port.write(b"v")
        assert port.read_until(b"$$$") == GREETING
        port.write(b"b")
        got = read_until(port, lambda got: len(got) >= 33 * 300)
        port.write(b"s")
    twin = Cyton(Feed(noise(), 250.0, 8))
    twin.listen(b"b")
    assert got[: 33 * 300] == b"".join(twin.packet(number) for number in range(300))
