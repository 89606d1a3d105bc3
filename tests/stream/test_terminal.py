"""The display in a real terminal: what it draws, and what it leaves behind however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pyxdf

from devices.files import load

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

import fcntl
import pty
import select
import struct
import termios

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
_TAKE_OVER = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, "
    "[sys.executable, *sys.argv[1:]])"
)
"""The terminal controls the program, as it does whatever is started from a shell."""

ENTER, LEAVE, CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


class Terminal:
    """A pseudo-terminal of 100 x 30 with a program in it."""

    def __init__(self, arguments: list[str], folder: Path | None = None) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_OVER, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = b""

    def read_until(self, wanted: bytes, *, again: bool = False) -> None:
        """Until ``wanted`` has been written, or once more than it was."""
        count = self.seen.count(wanted) + 1 if again else 1
        while self.seen.count(wanted) < count:
            assert self._read(), f"ended before {wanted!r}: {self.seen[-2000:]!r}"

    def read_to_end(self) -> bytes:
        """Until nobody holds the terminal any more: no process is left behind."""
        while self._read():
            pass
        return self.seen

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE_S)
        assert ready, f"nothing for {PATIENCE_S} s after {self.seen[-2000:]!r}"
        try:
            part = os.read(self._master, 65536)
        except OSError:  # Linux: the last holder of the other end is gone
            part = b""
        self.seen += part
        return bool(part)

    def press(self, keys: bytes) -> None:
        """As if somebody did."""
        os.write(self._master, keys)

    def echoes(self) -> bool:
        """Whether the terminal shows what is typed, as it does at a prompt."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT to every process of the terminal's foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close(self) -> None:
        """End what is left."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        os.close(self._master)


@pytest.fixture
def replaying(recorded: Path, checkpoint: Path) -> Iterator[Terminal]:
    terminal = Terminal(["-m", "stream", "replay", str(recorded), "--checkpoint", str(checkpoint), "--speed", "3"])
    yield terminal
    terminal.close()


def view_of(terminal: Terminal) -> int:
    """The process id of the display."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,args="],  # noqa: S607 - wherever ps is
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    for line in listed.stdout.splitlines():
        pid, parent, arguments = line.split(None, 2)
        if int(parent) == terminal.process.pid and "stream.view" in arguments:
            return int(pid)
    raise AssertionError(f"no display among the children of {terminal.process.pid}")


def board_of(view: int) -> Path:
    """The file that the display was told of."""
    listed = subprocess.run(
        ["ps", "-o", "args=", "-p", str(view)],  # noqa: S607 - wherever ps is
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return Path(listed.stdout.split()[-1])


def gone(path: Path) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not path.exists()


def assert_whole(output: bytes) -> None:
    """The terminal shows its ordinary screen and its cursor."""
    assert output.count(ENTER) == 1
    assert output.rfind(LEAVE) > output.find(ENTER)
    assert output.rfind(CURSOR) > output.rfind(b"\x1b[?25l")


def test_it_draws_and_leaves_the_summary(replaying: Terminal) -> None:
    replaying.read_until(ENTER)
    replaying.read_until(b"latency ")
    board = board_of(view_of(replaying))
    output = replaying.read_to_end()
    assert replaying.process.wait(PATIENCE_S) == 0
    assert_whole(output)
    after = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", output[output.rfind(LEAVE) :]).decode()
    for words in ("decisions", "% right", "confusion", "time from the device to the sinks"):
        assert words in after
    assert gone(board)


def test_ctrl_c_summarises_what_was_reached(replaying: Terminal) -> None:
    replaying.read_until(b"latency ")
    board = board_of(view_of(replaying))
    replaying.interrupt()
    output = replaying.read_to_end()
    assert replaying.process.wait(PATIENCE_S) == 130
    assert_whole(output)
    assert b"interrupted; this far" in output
    assert b"Traceback" not in output
    assert gone(board)


def test_the_display_restores_the_terminal_when_its_parent_is_killed(replaying: Terminal) -> None:
    replaying.read_until(b"latency ")
    board = board_of(view_of(replaying))
    replaying.process.kill()
    assert_whole(replaying.read_to_end())
    assert gone(board)


def test_the_stream_goes_on_when_its_display_is_killed(replaying: Terminal) -> None:
    replaying.read_until(b"latency ")
    os.kill(view_of(replaying), signal.SIGKILL)
    output = replaying.read_to_end()
    assert replaying.process.wait(PATIENCE_S) == 0
    assert_whole(output)
    assert b"the display ended early" in output
    assert b"time from the device to the sinks" in output


def test_ctrl_c_while_loading_is_quiet(replaying: Terminal) -> None:
    replaying.read_until(b"loading")
    replaying.interrupt()
    output = replaying.read_to_end()
    assert replaying.process.wait(PATIENCE_S) == 130
    assert b"Traceback" not in output
    assert output.rfind(CURSOR) > output.rfind(b"\x1b[?25l")


def test_keys_pause_mark_and_quit(replaying: Terminal) -> None:
    replaying.read_until(b"latency ")
    replaying.press(b"p")
    replaying.read_until(b"paused: no decision is handed on")
    replaying.press(b"m")
    replaying.press(b"p")
    replaying.read_until(b"marker 1")
    replaying.press(b"q")
    output = replaying.read_to_end()
    assert replaying.process.wait(PATIENCE_S) == 0
    assert_whole(output)
    assert b"interrupted" not in output
    assert b"time from the device to the sinks" in output
    assert replaying.echoes()


def test_a_display_that_is_killed_gives_the_keys_back(replaying: Terminal) -> None:
    replaying.read_until(b"latency ")
    assert not replaying.echoes()
    os.kill(view_of(replaying), signal.SIGKILL)
    replaying.read_until(b"the display ended early")
    assert replaying.echoes()
    replaying.interrupt()
    replaying.read_to_end()


@contextmanager
def calibrating(folder: Path) -> Iterator[Terminal]:
    """A live stream that was left for a calibration."""
    demo = ROOT / "models" / "checkpoints" / "demo"
    terminal = Terminal(["-m", "stream", "live", "sim:person=909", "--checkpoint", str(demo)], folder)
    try:
        terminal.read_until(b"calibrate")
        terminal.press(b"cc")
        terminal.read_until(b"calibrating demo")
        yield terminal
    finally:
        terminal.close()


def test_a_key_calibrates_and_the_stream_goes_on_with_what_came_of_it(tmp_path: Path) -> None:
    with calibrating(tmp_path) as terminal:
        terminal.read_until(b"demo-calibrated")
        assert b"time from the device to the sinks" in terminal.seen  # what was recognised until then is summed up
        terminal.read_until(ENTER, again=True)
        terminal.read_until(b"latency ", again=True)
        terminal.press(b"q")
        terminal.read_to_end()
        assert terminal.process.wait(PATIENCE_S) == 0
        assert (tmp_path / "demo-calibrated" / "ensemble.json").exists()
        assert b"checkpoint " + str(tmp_path / "demo-calibrated").encode() in terminal.seen.replace(b"\r\n", b"")


def test_a_calibration_that_a_key_ends_leaves_the_stream_as_it_was(tmp_path: Path) -> None:
    with calibrating(tmp_path) as terminal:
        terminal.press(b"q")
        terminal.read_until(b"not calibrated: a key ended it")
        at = terminal.seen.index(b"not calibrated")
        while b"latency " not in terminal.seen[at:]:
            assert terminal._read()
        terminal.press(b"q")
        terminal.read_to_end()
        assert terminal.process.wait(PATIENCE_S) == 0
        assert list(tmp_path.iterdir()) == []


def test_a_marker_is_in_the_recording_and_in_every_sink(tmp_path: Path) -> None:
    demo = ROOT / "models" / "checkpoints" / "demo"
    record, sink = tmp_path / "a.xdf", tmp_path / "a.jsonl"
    arguments = ["-m", "stream", "live", "sim:person=7", "--checkpoint", str(demo), "--record", str(record)]
    terminal = Terminal([*arguments, "--sink", f"jsonl:{sink}"])
    try:
        terminal.read_until(b"latency ")
        assert b"calibrate" not in terminal.seen
        terminal.press(b"c")
        terminal.read_until(b"no calibration beside --record")  # a file that is there cannot be begun again
        terminal.press(b"m")
        terminal.read_until(b"marker 1")
        terminal.press(b"p")
        terminal.read_until(b"paused")
        terminal.press(b"q")
        terminal.read_to_end()
        assert terminal.process.wait(PATIENCE_S) == 0
    finally:
        terminal.close()
    lines = [json.loads(line) for line in sink.read_text().splitlines()]
    (marker,) = [line for line in lines if "marker" in line]
    assert marker["marker"] == "marker 1"
    assert lines[-1]["paused"] is True
    (events,) = [each for each in pyxdf.load_xdf(record)[0] if each["info"]["name"][0].endswith("Events")]
    assert events["time_series"] == [["marker 1"]]
    assert load(record).names
