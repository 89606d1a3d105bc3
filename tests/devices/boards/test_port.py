"""Ports that open, do not open, go away, and never keep anybody waiting; on real pseudo-terminals."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

pytest.importorskip("termios")

from devices.boards.port import Gone, Port
from tests.devices.boards.far_end import FarEnd
from tests.devices.emulators.recordings import wait_for


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


@pytest.fixture
def port(far: FarEnd) -> Iterator[Port]:
    opened = Port(far.path, 115200, what="the board")
    try:
        yield opened
    finally:
        opened.close()


def gather(port: Port, count: int) -> bytes:
    got = b""
    until_s = time.perf_counter() + 5
    while len(got) < count and time.perf_counter() < until_s:
        got += port.read()
    return got


def test_every_byte_goes_both_ways(far: FarEnd, port: Port) -> None:
    every = bytes(range(256)) * 8
    far.send(every)
    assert gather(port, len(every)) == every
    port.write(every)
    wait_for(lambda: far.heard == every)


def test_a_read_waits_for_the_first_byte_and_no_longer_than_told(far: FarEnd, port: Port) -> None:
    began_s = time.perf_counter()
    assert port.read(0.05) == b""
    assert port.read(0.0) == b""
    assert time.perf_counter() - began_s < 1
    threading.Timer(0.05, far.send, [b"now"]).start()
    assert port.read(5) != b""


def test_read_until_leaves_what_comes_after(far: FarEnd, port: Port) -> None:
    far.send(b"one$$$two$$")
    assert port.read_until(b"$$$", 5) == b"one$$$"
    assert port.read_until(b"$$$", 0.05) == b"two$$"
    far.send(b"three$$$four")
    assert port.read_until(b"$$$", 5) == b"three$$$"
    assert gather(port, 4) == b"four"


def test_drain_ends_when_it_is_quiet(far: FarEnd, port: Port) -> None:
    far.send(b"x" * 5000)
    wait_for(lambda: not far._pending)
    assert port.drain(0.05, 5) == b"x" * 5000


def test_drain_ends_where_it_never_is() -> None:
    with FarEnd(talk=lambda: b"rubbish" * 500) as far:
        port = Port(far.path, 115200, what="the board")
        try:
            began_s = time.perf_counter()
            assert len(port.drain(0.05, 0.2)) <= 1 << 16
            assert len(port.read_until(b"never", 0.2)) <= 1 << 16
            assert time.perf_counter() - began_s < 3
        finally:
            port.close()


def test_a_plug_pulled_while_reading_is_noticed(far: FarEnd, port: Port) -> None:
    threading.Timer(0.1, far.hang_up).start()
    with pytest.raises(Gone, match=r"the board at .* went away .*; plug it in"):
        port.read(10)


def test_a_plug_pulled_before_reading_and_writing(far: FarEnd, port: Port) -> None:
    far.hang_up()
    for use in (port.read, lambda: port.write(b"x"), lambda: port.set_baud(9600), lambda: port.read(0.2)):
        with pytest.raises(Gone, match="went away"):
            use()


def test_a_device_that_takes_no_bytes_holds_nobody_up() -> None:
    far = FarEnd()  # nobody plays it
    port = Port(far.path, 115200, what="the board")
    try:
        began_s = time.perf_counter()
        with pytest.raises(Gone, match="takes no commands"):
            port.write(bytes(1 << 20))
        assert time.perf_counter() - began_s < 3
    finally:
        port.close()
        far._thread.start()
        far.hang_up()


def test_close_from_another_thread_ends_a_waiting_read(port: Port) -> None:
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(port.read(30)))
    reader.start()
    wait_for(port._using.locked)
    port.close()
    reader.join(5)
    assert got == [b""]
    port.close()
    with pytest.raises(Gone, match="closed"):
        port.read()


def test_a_moment_after_which_nothing_is_waited_for(far: FarEnd, port: Port) -> None:
    port.until(time.perf_counter() + 0.05)
    with pytest.raises(Gone, match="not ready in time"):
        port.read(30)
    port.until(float("inf"))
    threading.Timer(0.05, port.until, [float("-inf")]).start()
    with pytest.raises(Gone, match="not ready in time"):
        port.read(30)
    port.until(float("inf"))
    far.send(b"on")
    assert gather(port, 2) == b"on"


def test_what_was_written_last_still_leaves(far: FarEnd) -> None:
    port = Port(far.path, 115200, what="the board")
    port.write(b"stop")
    port.close()
    wait_for(lambda: far.heard == b"stop")


def test_no_such_port(tmp_path: Path) -> None:
    missing = str(tmp_path / "ttyUSB7")
    with pytest.raises(
        ValueError, match=r"the board is expected at '.*ttyUSB7', but there is no such port; plug it in"
    ):
        Port(missing, 115200, what="the board")


def test_a_port_that_another_program_has_open(far: FarEnd) -> None:
    other = os.open(far.path, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(ValueError, match=r"in use by another program.*close that program"):
            Port(far.path, 115200, what="the board")
    finally:
        os.close(other)


def test_a_file_is_no_port(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_text("1,2,3\n")
    with pytest.raises(ValueError, match=r"recording.csv' cannot be opened as a serial port"):
        Port(str(path), 115200, what="the board")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (serial.SerialException(errno.EACCES, "Permission denied"), r"usermod -a -G dialout \$USER"),
        (serial.SerialException(errno.EBUSY, "Device or resource busy"), "in use by another program"),
        (serial.SerialException("could not open port 'COM3': PermissionError(13, 'Access is denied.')"), "in use"),
        (serial.SerialException("could not open port 'COM9': FileNotFoundError(2, 'no file')"), "no such port"),
        (ValueError("Invalid baud rate: 3"), "cannot run at 115200 baud"),
    ],
)
def test_what_the_system_says_becomes_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(serial, "Serial", refuse)  # these errors cannot be brought about on every machine
    with pytest.raises(ValueError, match=said) as caught:
        Port("/dev/ttyUSB0", 115200, what="the board")
    assert "\n" not in str(caught.value)
