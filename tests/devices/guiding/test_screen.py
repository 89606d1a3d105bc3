"""A guided recording on a real terminal: keys, the bell, and what it leaves behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

from devices.files import load
from tests.devices.terminals import terminal

PROGRAM = "from devices.cli import main; main(sys.argv[1:])"
ENTER, LEAVE, SHOW_CURSOR, HIDE_CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?25l"
SCRIPT = """
gestures = ["fist"]
repetitions = 3
hold_s = 2
rest_s = 1.5
prepare_s = 0
"""


@pytest.fixture
def arguments(tmp_path: Path) -> list[object]:
    (tmp_path / "one.toml").write_text(SCRIPT)
    return ["record", "sim:person=3", "--guide", tmp_path / "one.toml", "--out", tmp_path / "made.xdf"]


def told(tmp_path: Path) -> list[tuple[str, str | None]]:
    """Gesture and cause of each attempt."""
    report = json.loads((tmp_path / "made.guide.json").read_text())
    return [(each["gesture"], each["cause"]) for each in report["repetitions"]]


def assert_whole(output: bytes) -> None:
    """The terminal shows its ordinary screen and its cursor."""
    assert output.count(ENTER) == 1
    assert output.rfind(LEAVE) > output.find(ENTER)
    assert output.rfind(SHOW_CURSOR) > output.rfind(HIDE_CURSOR)


def test_keys_discard_and_end_it(arguments: list[object], tmp_path: Path) -> None:
    with terminal(PROGRAM, arguments) as screen:
        at = screen.until("fist: good")
        screen.press(b"d")
        at = screen.until("discarded, once more", at)
        at = screen.until("fist: good", at)
        screen.press(b"q")
        assert screen.end() == 0
        assert screen.seen.count(b"\a") >= 3, "at the beginning of a hold and at its end"
        assert_whole(screen.seen)
        assert screen.modes == screen.before
        assert b"python -m train tangent --data" in screen.seen[at:]
    assert told(tmp_path) == [("fist", "person"), ("fist", None)]
    labels = load(tmp_path / "made.xdf").labels
    assert labels is not None
    assert (labels == load(tmp_path / "made.xdf").names.index("fist")).sum() == 2000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_it_ends_the_terminal_is_as_before(number: int, arguments: list[object], tmp_path: Path) -> None:
    with terminal(PROGRAM, arguments) as screen:
        screen.until("let go")
        os.kill(screen.process.pid, number)
        assert screen.end() == 0
        assert_whole(screen.seen)
        assert screen.modes == screen.before
    assert load(tmp_path / "made.xdf").names == ("rest", "fist")


def test_lines_with_keys(arguments: list[object], tmp_path: Path) -> None:
    with terminal(PROGRAM, [*arguments, "--plain"]) as screen:
        screen.until("q ends it here")
        at = screen.until("now hold: fist for 2 s (repetition 1 of 3)")
        screen.press(b"d")
        at = screen.until("fist: discarded, once more", at)
        screen.until("now hold: fist for 2 s (repetition 1 of 3)", at)
        screen.press(b"q")
        assert screen.end() == 0
        assert ENTER not in screen.seen
        assert b"\a" in screen.seen
        assert b"somebody ended it" in screen.seen
        assert b"nothing to train on yet: record once more" in screen.seen
        assert screen.modes == screen.before
    assert told(tmp_path) == [("fist", "person"), ("fist", "end")]
