from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

import pty
import select

from stream.destinations import check
from stream.outlets.serial_line import Where, parse, plain
from tests.stream.outlets.saying import PATIENCE_S, Counting, decision, sink_of, until


class Board:
    """The other end of a port: a pseudo-terminal at a path that stays the same when it is plugged in again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ends: tuple[int, int] | None = None
        self._rest = b""

    def plug_in(self) -> None:
        self._ends = pty.openpty()
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._ends[1]))

    def pull_out(self) -> None:
        self.path.unlink()
        for end in self._ends or ():
            os.close(end)
        self._ends, self._rest = None, b""

    def line(self) -> str:
        assert self._ends is not None
        while b"\n" not in self._rest:
            assert select.select([self._ends[0]], [], [], PATIENCE_S)[0], "nothing came"
            self._rest += os.read(self._ends[0], 4096)
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def empty(self) -> bool:
        assert self._ends is not None
        return not self._rest and not select.select([self._ends[0]], [], [], 0)[0]


def test_a_line_for_each_decision_and_letting_go_at_a_pause_and_at_the_end(tmp_path: Path) -> None:
    board = Board(tmp_path / "port")
    board.plug_in()
    with sink_of(f"serial:{board.path}?baud=9600") as sink:
        for number, label in enumerate(["fist", "fist", None, "wave in"]):
            sink(decision(number, label))
        sink.mark(17, "here")
        sink.pause(True)
        sink.pause(False)
        lines = [board.line() for _ in range(5)]
    assert lines == ["fist,50", "fist,50", ",51", "wave in,51", ",0"]
    assert board.line() == ",0"
    assert (sink.delivered, sink.dropped) == (4, 0)
    board.pull_out()


def test_a_line_for_each_change_where_that_is_asked_for(tmp_path: Path) -> None:
    board = Board(tmp_path / "port")
    board.plug_in()
    with sink_of(f"serial:{board.path}?lines=changes") as sink:
        for number, label in enumerate(["fist", "fist", None, None, "fist"]):
            sink(decision(number, label))
        assert [board.line() for _ in range(3)] == ["fist,50", ",51", "fist,52"]
        sink.pause(True)
        sink.pause(False)
        sink(decision(0))
        assert [board.line() for _ in range(2)] == [",0", "fist,50"]
        assert board.empty()
    board.pull_out()


def test_a_board_that_comes_back_gets_decisions_again(tmp_path: Path) -> None:
    board = Board(tmp_path / "port")
    board.plug_in()
    with sink_of(f"serial:{board.path}") as sink:
        send = Counting(sink)
        for _ in range(2):
            until(lambda: not board.empty(), meanwhile=send)
            assert board.line().startswith("fist,")
            board.pull_out()
            before = sink.dropped
            until(lambda before=before: sink.dropped > before + 3, meanwhile=send)
            assert sink.why == "it is not there" or sink.why.startswith("it went away")
            board.plug_in()
        until(lambda: not board.empty(), meanwhile=send)
    assert sink.delivered + sink.dropped == send.sent
    board.pull_out()


def test_a_board_that_reads_nothing_is_counted(tmp_path: Path) -> None:
    board = Board(tmp_path / "port")
    board.plug_in()
    with sink_of(f"serial:{board.path}") as sink:
        send = Counting(sink)
        until(lambda: sink.dropped, meanwhile=send, pause_s=0.0005)
    board.pull_out()


def test_what_a_spec_says(tmp_path: Path) -> None:
    assert parse("serial:/dev/ttyACM0") == Where("/dev/ttyACM0", 115200)
    assert parse("serial:COM3?baud=9600&lines=changes") == Where("COM3", 9600, True)
    for spec in ("serial:?baud=1", "serial:a?baud=0", "serial:a?baud=x", "serial:a?lines=some", "serial:a?parity=N"):
        with pytest.raises(ValueError, match="give a port and what differs"):
            check([spec])
    with pytest.raises(ValueError, match="there is no port"):
        check([f"serial:{tmp_path}/nowhere"])
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be opened"), sink_of(f"serial:{tmp_path}/file"):
        pass


def test_a_label_cannot_end_a_line() -> None:
    assert plain("a,b\nc") == "a_b_c"
