"""A device on a line as a source: it goes away, comes back, falls silent, is closed at any moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("termios")

from devices.boards import serial_source
from devices.boards.port import Port
from devices.boards.serial_source import Block, SerialSource
from devices.integrity import Integrity
from dsp.flow import Chunk, StreamInfo
from tests.devices.boards.far_end import FarEnd
from tests.devices.emulators.recordings import wait_for

RATE_HZ = 200.0


class Ticks:
    """A language in which every byte ``.`` is a sample: ``?`` is answered ``!``, ``>`` starts, ``<`` stops."""

    def __init__(self, greeting_s: float = 1.0) -> None:
        self.integrity = Integrity(1)
        self.rate_hz = RATE_HZ
        self._greeting_s = greeting_s
        self._next = 0

    def start(self, port: Port) -> StreamInfo:
        port.write(b"?")
        if not port.read_until(b"!", self._greeting_s).endswith(b"!"):
            raise ValueError("no tick at all; wind it up")
        port.write(b">")
        return StreamInfo("ticks", self.rate_hz, ("tick",))

    def parse(self, raw: bytes, arrived_s: float) -> list[Block]:  # noqa: ARG002 - the interface
        count = raw.count(b".")
        first, self._next = self._next, self._next + count
        return [Block(np.ones((count, 1), np.float32), first)] if count else []

    def stop(self, port: Port) -> None:
        port.write(b"<")
        port.drain(0.02, 0.1)

    def resume(self, index: int) -> None:
        self._next = index


class Clockwork:
    """A device that speaks it, on a line whose name stays the same when it is plugged in again."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self.ticking = False
        self.mute = False
        self.due_s = 0.0
        self.slow_s = 0.0
        self.plug_in()

    @property
    def path(self) -> str:
        return str(self._link)

    def plug_in(self) -> None:
        self.ticking = False
        self.far = FarEnd(self._answer, self._tick)
        self.far.__enter__()
        self._link.symlink_to(self.far.path)

    def pull(self) -> None:
        self._link.unlink(missing_ok=True)
        self.far.hang_up()

    def _answer(self, raw: bytes) -> bytes:
        for command in raw:
            if command in b"<>":
                self.ticking = command == ord(">")
                self.due_s = time.perf_counter() + self.slow_s
        return b"!" * raw.count(b"?") if not self.mute else b""

    def _tick(self) -> bytes:
        due = int((time.perf_counter() - self.due_s) * RATE_HZ) if self.ticking and not self.mute else 0
        due = max(0, due)
        self.due_s += due / RATE_HZ
        return b"." * due


@pytest.fixture
def clockwork(tmp_path: Path) -> Iterator[Clockwork]:
    device = Clockwork(tmp_path / "clockwork")
    try:
        yield device
    finally:
        device.pull()


def opened(clockwork: Clockwork, patience_s: float = 5.0) -> SerialSource:
    return SerialSource(clockwork.path, 115200, Ticks(), what="the clockwork", patience_s=patience_s)


def next_samples(source: SerialSource, within_s: float = 10.0) -> Chunk:
    until_s = time.perf_counter() + within_s
    while time.perf_counter() < until_s:
        chunk = source.read()
        assert chunk is not None
        if len(chunk.samples):
            return chunk
    raise AssertionError("no samples came")


def read_on(source: SerialSource) -> None:
    while True:
        next_samples(source, 5)


def test_samples_follow_one_another_with_their_times(clockwork: Clockwork) -> None:
    source = opened(clockwork)
    try:
        end, last_s = 0, -np.inf
        while end < 60:
            chunk = next_samples(source)
            assert chunk.stamps is not None
            assert chunk.raw is not None
            assert chunk.first == end
            assert chunk.stamps[0] >= last_s
            assert (chunk.stamps <= chunk.raw).all()
            assert (chunk.raw <= time.perf_counter()).all()
            end, last_s = chunk.end, chunk.stamps[-1]
        assert source.integrity.state == ""
    finally:
        source.close()


def test_nothing_to_read_is_an_empty_chunk(clockwork: Clockwork) -> None:
    source = opened(clockwork)
    try:
        next_samples(source)
        clockwork.mute = True
        chunks = [source.read() for _ in range(12)]  # what is on its way still comes
        shapes = [chunk.samples.shape for chunk in chunks if chunk is not None]
        assert len(shapes) == 12
        assert shapes[-1] == (0, 1)
    finally:
        source.close()


def test_goes_away_and_comes_back(clockwork: Clockwork) -> None:
    source = opened(clockwork)
    try:
        before = next_samples(source)
        clockwork.pull()
        while not source.integrity.state:
            chunk = source.read()
            assert chunk is not None
            before = chunk if len(chunk.samples) else before
        assert source.integrity.state == "waiting for the clockwork to come back"
        gone_s = time.perf_counter()
        for _ in range(4):
            assert source.read() is not None
        clockwork.plug_in()
        after = next_samples(source)
        away_s = time.perf_counter() - gone_s
        assert source.integrity.returns == 1
        assert source.integrity.state == ""
        assert 0 < after.first - before.end <= (away_s + 0.5) * RATE_HZ
        assert after.first - before.end >= (away_s - 0.5) * RATE_HZ
        assert next_samples(source).first == after.end
    finally:
        source.close()


def test_comes_back_late_and_is_slow_to_begin(clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_source, "SILENCE_S", 1.0)
    source = opened(clockwork, patience_s=8)
    try:
        next_samples(source)
        clockwork.pull()
        gone_s = time.perf_counter()
        while time.perf_counter() < gone_s + 1.2:
            assert source.read() is not None
        clockwork.slow_s = 0.3
        clockwork.plug_in()
        next_samples(source)
        assert clockwork.far.heard.count(b"?") == 1, "it is not greeted anew for having been away"
    finally:
        source.close()


def test_stays_away(clockwork: Clockwork) -> None:
    source = opened(clockwork, patience_s=0.5)
    try:
        next_samples(source)
        clockwork.pull()
        with pytest.raises(
            ValueError, match=r"the clockwork at .* was not back within 0.5 s \(.*no such port\);"
        ) as caught:
            read_on(source)
        assert "\n" not in str(caught.value)
    finally:
        source.close()


def test_another_device_comes_back(clockwork: Clockwork) -> None:
    source = opened(clockwork, patience_s=0.8)
    try:
        next_samples(source)
        source._language.rate_hz = 400.0  # type: ignore[attr-defined]
        clockwork.pull()
        clockwork.plug_in()
        with pytest.raises(ValueError, match=r"1 channels at 200 Hz went away, but 1 at 400 Hz came back"):
            read_on(source)
    finally:
        source.close()


def test_falls_silent_and_is_greeted_anew(clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_source, "SILENCE_S", 0.7)
    source = opened(clockwork)
    try:
        before = next_samples(source)
        clockwork.ticking = False
        states = set()
        while True:
            chunk = source.read()
            assert chunk is not None
            states.add(source.integrity.state)
            if source.integrity.returns:
                break
            before = chunk if len(chunk.samples) else before
        assert states == {"", "the clockwork is silent", "waiting for the clockwork to come back"}
        assert next_samples(source).first > before.end + 0.5 * RATE_HZ
    finally:
        source.close()


@pytest.mark.parametrize("after_s", [0.0, 0.03, 0.1])
def test_closed_by_another_thread_while_it_is_read(clockwork: Clockwork, after_s: float) -> None:
    source = opened(clockwork)
    ends: list[Chunk | None] = []

    def read() -> None:
        while (chunk := source.read()) is not None:
            assert chunk.samples.shape[1] == 1
        ends.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(after_s)
    source.close()
    reader.join(5)
    assert ends == [None]
    assert not clockwork.ticking, "it is left idle"
    source.close()


def test_closed_while_it_waits_for_the_device(clockwork: Clockwork) -> None:
    source = opened(clockwork, patience_s=60)
    next_samples(source)
    source._language._greeting_s = 60.0  # type: ignore[attr-defined]
    clockwork.pull()
    clockwork.mute = True
    clockwork.plug_in()
    reader = threading.Thread(target=lambda: [None for _ in iter(source.read, None)])
    reader.start()
    wait_for(lambda: b"?" in clockwork.far.heard)  # it is being greeted anew
    source.close()
    reader.join(5)
    assert not reader.is_alive()


def test_a_device_that_does_not_answer_is_left_idle(clockwork: Clockwork) -> None:
    clockwork.mute = True
    with pytest.raises(ValueError, match="wind it up"):
        SerialSource(clockwork.path, 115200, Ticks(0.1), what="the clockwork")
    assert clockwork.far.heard.endswith(b"<")
    clockwork.mute = False
    opened(clockwork).close()


def test_an_endless_greeting_comes_to_an_end(clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_source, "OPENING_S", 0.2)
    clockwork.mute = True
    with pytest.raises(ValueError, match="was not ready in time"):
        SerialSource(clockwork.path, 115200, Ticks(600), what="the clockwork")
