"""The Cyton's greeting, its packets, and everything else that may be at the other end of its port."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("termios")

from devices.boards import cyton
from devices.boards.cyton import FORM, UV_PER_COUNT, CytonLanguage, decode, open_cyton
from devices.emulators.cyton import Cyton
from devices.emulators.feed import Feed
from devices.emulators.serve import Served
from tests.devices.boards.far_end import FarEnd
from tests.devices.emulators.recordings import noise, wait_for
from tests.devices.reading import take, without_a_gap

BANNER = b"OpenBCI V3 8-16 channel\nADS1299 Device ID: 0x3E\nLIS3DH Device ID: 0x33\nFirmware: v3.1.1\n$$$"
DAISY = BANNER.replace(b"LIS3DH", b"On Daisy ADS1299 Device ID: 0x3E\nLIS3DH")
NO_BOARD = b"Failure: Communications timeout - Device failed to poll host$$$"


def counts_packet(counts: list[int], counter: int = 0) -> bytes:
    body = b"".join(count.to_bytes(3, "big", signed=True) for count in counts)
    return bytes([0xA0, counter]) + body + bytes(6) + b"\xc0"


def answering(**replies: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: b"".join(replies.get(chr(byte), b"") for byte in raw)


def test_counts_become_microvolts() -> None:
    counts = [0, 1, -1, 2**23 - 1, -(2**23), 123456, -123456, 256]
    rows = np.frombuffer(counts_packet(counts), np.uint8).reshape(1, FORM.length)
    samples = decode(rows)
    assert samples.dtype == np.float32
    expected = np.array(counts, np.float64) * (4.5 / 24 / (2**23 - 1) * 1e6)
    np.testing.assert_array_equal(samples[0], expected.astype(np.float32))
    assert pytest.approx(0.0223517, abs=1e-7) == UV_PER_COUNT


def test_blocks_carry_the_index_of_their_packets() -> None:
    language = CytonLanguage()
    language.resume(40)
    raw = b"".join(counts_packet([number] * 8, number) for number in range(5))
    (block,) = language.parse(raw, 1.0)
    assert block.first == 40
    np.testing.assert_allclose(block.samples[:, 3] / UV_PER_COUNT, range(5), rtol=1e-6)


def test_a_cyton_streams_every_sample_and_is_left_idle() -> None:
    recording = noise(4.0, 250.0, 8)
    board = Cyton(Feed(recording, 250.0, 8))
    with Served(board) as served:
        source = open_cyton(served.path)
        try:
            assert (source.info.rate_hz, len(source.info.channels), source.info.unit) == (250.0, 8, "uV")
            assert source.info.full_scale_uv == pytest.approx(187_500)
            chunks = take(source, 200)
        finally:
            source.close()
        wait_for(lambda: not board.streaming)
        assert source.read() is None
    assert without_a_gap(chunks)
    for chunk in chunks:
        assert chunk.stamps is not None
        assert chunk.raw is not None
        assert (chunk.stamps <= chunk.raw).all()
    samples = np.concatenate([chunk.samples for chunk in chunks])
    np.testing.assert_allclose(samples, recording.samples[: len(samples)], atol=UV_PER_COUNT)
    assert source.integrity.clean


def test_a_cyton_that_still_streams_from_before_is_opened_anyway() -> None:
    board = Cyton(Feed(noise(2.0), 250.0, 8))
    with Served(board) as served:
        for _ in range(2):
            source = open_cyton(served.path)
            chunk = source.read()
            assert chunk is not None
            assert chunk.first == 0
            assert source._port is not None
            source._port.close()  # killed: the board is told nothing
            assert board.streaming


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering(v=DAISY), r"carries a Daisy module .*16 channels at 125 Hz.*unplug the Daisy"),
        (answering(v=NO_BOARD, s=NO_BOARD), r"the board does not answer it; switch the board to PC"),
        (answering(), r"nothing answers there; check that this is the port of its dongle"),
        (answering(v=b"+OK 1234 modem\r\n"), r"does not speak as one \(it sent '\+OK 1234 modem"),
        (answering(v=BANNER), r"answered its reset but not the command for its default settings"),
    ],
)
def test_what_is_no_cyton_is_said_in_one_sentence(
    answer: Callable[[bytes], bytes], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cyton, "_ANSWER_S", 0.25)
    with FarEnd(answer) as far:
        began_s = time.perf_counter()
        with pytest.raises(ValueError, match=said) as caught:
            open_cyton(far.path)
        assert time.perf_counter() - began_s < 5
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rubbish", [b"\x00\xff\xa5" * 400, b"$$$" * 400])
def test_rubbish_at_full_speed_ends_in_a_sentence_too(rubbish: bytes) -> None:
    with FarEnd(talk=lambda: rubbish) as far:
        began_s = time.perf_counter()
        with pytest.raises(ValueError, match="Cyton") as caught:
            open_cyton(far.path)
        assert time.perf_counter() - began_s < 5
    assert "\n" not in str(caught.value)
