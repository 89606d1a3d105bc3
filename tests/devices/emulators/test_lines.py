from __future__ import annotations

import numpy as np
import pytest
from serial import Serial

from devices.emulators.feed import Feed
from devices.emulators.lines import Lines
from devices.emulators.serve import Served
from tests.devices.emulators.recordings import noise, read_until, wait_for


def fed(channels: int = 3, **options: bool) -> Feed:
    recording = noise(channels=channels)
    recording.samples[0] = [1.234, -0.001, 1000][:channels]
    return Feed(recording, 250.0, channels, **options)


def test_a_line_byte_for_byte() -> None:
    assert Lines(fed()).packet(0) == b"1.23,-0.00,1000.00\r\n"
    assert Lines(fed(), separator="\t", decimals=0).packet(0) == b"1\t-0\t1000\r\n"
    assert Lines(fed(), separator=" ", timed=True).packet(0) == b"0 1.23 -0.00 1000.00\r\n"
    assert Lines(fed(), unit="mV", decimals=4).packet(0) == b"0.0012,-0.0000,1.0000\r\n"
    assert Lines(fed(1), unit="V", decimals=7).packet(0) == b"0.0000012\r\n"


def test_time_counts_microseconds_from_the_reset_and_wraps() -> None:
    sketch = Lines(fed(), timed=True)
    assert [sketch.packet(number).split(b",")[0] for number in (0, 1, 250)] == [b"0", b"4000", b"1000000"]
    assert sketch.packet(2**32 // 4000 + 1).split(b",")[0] == b"%d" % ((2**32 // 4000 + 1) * 4000 - 2**32)
    sketch.reset()
    assert sketch.packet(77).split(b",")[0] == b"0"


def test_opening_resets_it_and_closing_stops_it() -> None:
    sketch = Lines(fed(), banner="EMG v2")
    assert not sketch.streaming
    assert sketch.attend(True) == b",1000.00\r\nEMG v2\r\n"
    assert sketch.streaming
    assert sketch.listen(b"anything") == b""
    assert sketch.attend(False) == b""
    assert not sketch.streaming
    assert Lines(fed()).attend(True) == b",1000.00\r\n"


def test_it_says_how_to_open_it() -> None:
    assert Lines(fed(), unit="mV").address == "rate=250&channels=3&unit=mV"
    assert Lines(fed()).packet_rate_hz == 250.0
    with pytest.raises(ValueError, match="known units are uV, mV, V"):
        Lines(fed(), unit="furlong")


def test_the_end_of_the_recording_is_the_end_of_the_lines() -> None:
    sketch = Lines(fed(once=True))
    assert sketch.packet(499)
    assert sketch.packet(500) == b""


def test_on_the_line_it_streams_as_soon_as_it_is_opened() -> None:
    pytest.importorskip("termios", reason="there are no pseudo-terminals here")
    with Served(Lines(fed(), banner="EMG v2", timed=True)) as served:
        for round_ in range(2):  # each program finds it freshly reset
            wait_for(lambda: [event.event for event in served.notes.events].count("left") == round_)  # noqa: B023 - at once
            with Serial(served.path, 115200, timeout=2) as port:
                first, banner, *lines = read_until(port, lambda got: got.count(b"\n") > 200).split(b"\r\n")[:-1]
            assert b"1000.00".endswith(first[-4:])
            assert banner == b"EMG v2"
            twin = Lines(fed(), timed=True)
            assert lines == [twin.packet(number).strip() for number in range(len(lines))]
        values = np.array([line.split(b",")[1:] for line in lines], np.float32)
        assert np.abs(values - fed().block(0, len(lines))).max() < 0.0051
