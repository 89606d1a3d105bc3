"""Boards with the Chords firmware: their names, their packets, and what else may answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("termios")

from devices.boards import chords
from devices.boards.chords import BOARDS, ChordsLanguage, open_chords
from devices.boards.port import Port
from devices.emulators.chords import Chords
from devices.emulators.feed import Feed
from devices.emulators.serve import Served
from tests.devices.boards.far_end import FarEnd
from tests.devices.emulators.recordings import noise, wait_for
from tests.devices.reading import take, without_a_gap


def named(name: str) -> Callable[[bytes], bytes]:
    return lambda raw: f"{name}\r\n".encode() if b"WHORU" in raw else b""


def test_counts_become_microvolts_around_the_middle_of_the_range() -> None:
    board = BOARDS["UNO-R4"]
    counts = [0, 1, 8191, 8192, 8193, 16383]
    raw = b"\xc7\x7c\x05" + np.array(counts, ">u2").tobytes() + b"\x01"
    rows = np.frombuffer(raw, np.uint8).reshape(1, board.form().length)
    samples = board.decode(rows)
    assert samples.dtype == np.float32
    expected = (np.array(counts) - 8192) * (5e6 / 16384)
    np.testing.assert_array_equal(samples[0], expected.astype(np.float32))
    assert samples.max() == pytest.approx(board.full_scale_uv)
    assert samples.min() <= -board.full_scale_uv


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_every_known_board_is_opened_and_left_idle(name: str) -> None:
    board = BOARDS[name]
    recording = noise(2.0, board.rate_hz, board.channels)
    firmware = Chords(Feed(recording, board.rate_hz, board.channels), name)
    with Served(firmware) as served:
        source = open_chords(served.path)
        try:
            assert (source.info.name, source.info.rate_hz) == (name.lower(), board.rate_hz)
            assert len(source.info.channels) == board.channels == source.integrity.channels
            chunks = take(source, 30)
        finally:
            source.close()
        wait_for(lambda: not firmware.streaming)
    assert without_a_gap(chunks)
    samples = np.concatenate([chunk.samples for chunk in chunks])
    expected = (firmware.counts(0, len(samples)) - 2 ** (board.bits - 1)) * board.uv_per_count
    np.testing.assert_array_equal(samples, expected.astype(np.float32))
    assert source.integrity.clean


def test_a_board_that_restarts_when_its_port_is_opened() -> None:
    began_s = time.perf_counter()

    def answer(raw: bytes) -> bytes:
        if time.perf_counter() - began_s < 1.6:
            return b""
        return b"Ready on board: NANO-CLONE\r\nNANO-CLONE\r\n" if b"WHORU" in raw else b""

    with FarEnd(answer) as far:
        port = Port(far.path, 230400, what="the board")
        try:
            assert ChordsLanguage().start(port).name == "nano-clone"
        finally:
            port.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (named("MKR-WIFI-1010"), r"calls itself 'MKR-WIFI-1010'.*known here: NANO-CLASSIC.*open it as text:"),
        (None, r"nothing answers there at 230400 and 115200 baud; flash the firmware"),
        (lambda raw: b"?" if raw else b"", r"does not say its name at 230400 and 115200 baud \(it sent '\?"),
    ],
)
def test_what_is_no_known_board_is_said_in_one_sentence(
    answer: Callable[[bytes], bytes] | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chords, "_GREETING_S", 1.5)
    with FarEnd(answer) as far:
        began_s = time.perf_counter()
        with pytest.raises(ValueError, match=said) as caught:
            open_chords(far.path)
        assert time.perf_counter() - began_s < 5
    assert "\n" not in str(caught.value)


def test_rubbish_at_full_speed_ends_in_a_sentence_too() -> None:
    with FarEnd(talk=lambda: b"\xc7\x7c\n\x00" * 300) as far:
        began_s = time.perf_counter()
        with pytest.raises(ValueError, match="does not say its name at 9600 baud"):
            open_chords(far.path, baud=9600)
        assert time.perf_counter() - began_s < 5
