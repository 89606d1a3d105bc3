from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serial import Serial, SerialException

from devices.emulators.line import Line

pytest.importorskip("termios", reason="there are no pseudo-terminals here")

EVERY_BYTE = bytes(range(256))


@pytest.fixture
def line() -> Iterator[Line]:
    with Line() as made:
        yield made


def opened(line: Line) -> int:
    return os.open(line.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


def fetched(reader: int, count: int) -> bytes:
    got = b""
    until = time.perf_counter() + 5
    while len(got) < count:
        assert time.perf_counter() < until
        if select.select([reader], [], [], 0.1)[0]:
            got += os.read(reader, count - len(got))
    return got


def test_every_byte_passes_both_ways_as_it_is(line: Line) -> None:
    with Serial(line.path, 115200, timeout=5) as port:
        assert line.write(EVERY_BYTE) == 256
        assert port.read(256) == EVERY_BYTE
        port.write(EVERY_BYTE)
        line.wait(5)
        assert line.read() == EVERY_BYTE
        assert line.read() == b""


def test_without_a_program_nothing_is_sent_and_nothing_fails(line: Line) -> None:
    assert not line.connected
    assert line.write(b"heard by nobody") == 0
    assert line.read() == b""
    line.wait(0.01)
    reader = opened(line)
    assert line.connected
    with pytest.raises(BlockingIOError):
        os.read(reader, 100)
    os.close(reader)
    assert not line.connected


def test_a_program_that_leaves_can_come_again_and_finds_no_leftovers(line: Line) -> None:
    reader = opened(line)
    assert line.write(b"x" * 5000) == 5000
    os.close(reader)
    assert not line.connected
    line.forget()
    reader = opened(line)
    line.write(b"fresh")
    assert fetched(reader, 5) == b"fresh"
    os.close(reader)


def test_last_words_of_a_program_are_heard_before_it_counts_as_gone(line: Line) -> None:
    reader = opened(line)
    os.write(reader, b"s")
    os.close(reader)
    assert line.connected
    assert line.read() == b"s"
    assert not line.connected


def test_a_reader_that_does_not_read_blocks_nobody(line: Line) -> None:
    reader = opened(line)
    taken = [line.write(b"y" * 1000) for _ in range(200)]
    assert taken[0] == 1000
    assert taken[-1] == 0
    assert fetched(reader, sum(taken)) == b"y" * sum(taken)
    os.close(reader)


def test_hanging_up_is_seen_by_the_reader_and_the_name_survives(line: Line) -> None:
    name, first = line.path, Path(line.path).readlink()
    with Serial(name, 115200, timeout=5) as port:
        line.hang_up()
        assert not Path(name).exists()
        assert not Path(name).is_symlink()
        with pytest.raises(SerialException):
            port.read(1)
        assert line.write(b"lost") == 0
        assert line.read() == b""
        line.wait(0.001)
        line.come_back()
        assert Path(name).readlink() != first  # the old terminal is still held by its reader
    with Serial(name, 115200, timeout=5) as port:
        line.write(b"again")
        assert port.read(5) == b"again"


def test_hanging_up_patiently_lets_the_reader_fetch_what_was_sent(line: Line) -> None:
    reader = opened(line)
    line.write(b"z" * 100)
    assert not line.drain(0.02)
    assert fetched(reader, 100) == b"z" * 100
    assert line.drain(1.0)
    assert line.hang_up(1.0)
    assert line.hang_up()
    os.close(reader)


def test_an_impatient_hang_up_says_that_something_was_lost(line: Line) -> None:
    reader = opened(line)
    line.write(b"z" * 100)
    assert not line.hang_up(0.02)
    os.close(reader)


def test_the_name_can_be_chosen_and_goes_with_the_line(tmp_path: Path) -> None:
    link = tmp_path / "board"
    with Line(link) as line:
        assert line.path == str(link)
        assert Path(line.path).resolve().is_char_device()
    assert list(tmp_path.iterdir()) == []


def test_a_name_left_behind_by_another_line_is_taken_over(tmp_path: Path) -> None:
    link = tmp_path / "board"
    link.symlink_to("/dev/pts/99999")
    with Line(link) as line, Serial(line.path, 115200, timeout=5) as port:
        line.write(b"here")
        assert port.read(4) == b"here"


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_name_that_belongs_to_something_else_is_refused(tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("do not touch", encoding="utf-8")
    link = precious
    if kind == "link":
        link = tmp_path / "link"
        link.symlink_to(precious)
    with pytest.raises(ValueError, match="choose another name"):
        Line(link)
    assert precious.read_text(encoding="utf-8") == "do not touch"
    assert link.is_symlink() == (kind == "link")


def test_the_private_folder_is_taken_away() -> None:
    with Line(name="cyton") as line:
        assert line.path.endswith("/cyton")
        folder = Path(line.path).parent
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    line.close()


def test_a_line_that_cannot_be_made_leaves_no_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - a count
    with pytest.raises(ValueError, match=r"there is no folder '.*nowhere' for the link"):
        Line(tmp_path / "nowhere" / "board")
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208 - a count
