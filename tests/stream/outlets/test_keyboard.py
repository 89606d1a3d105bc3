from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

if sys.platform in ("win32", "darwin"):
    pytest.skip("needs an X server", allow_module_level=True)

from stream.behind import Behind
from stream.destinations import check
from stream.outlets.keymap import NAMED
from tests.stream.outlets.saying import PATIENCE_S, Counting, decision, sink_of, until
from tests.stream.outlets.screen import keys, screen

MAP = """
dead_man_ms = {ms}
{more}
[keys]
fist = "space"
"wave in" = {{tap = "ctrl+z"}}
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with screen() as name:
        yield name


@pytest.fixture(autouse=True)
def _shown(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)


def keymap(folder: Path, ms: int = 60000, more: str = "") -> Path:
    path = folder / "keys.toml"
    path.write_text(MAP.format(ms=ms, more=more))
    return path


def until_ready(sink: Behind) -> None:
    send = Counting(sink, label="rest")
    until(lambda: sink.delivered, meanwhile=send)


def test_keys_are_held_and_tapped_as_the_map_says(display: str, tmp_path: Path) -> None:
    with keys(display) as seen:
        with sink_of(f"keyboard:{keymap(tmp_path)}") as sink:
            until_ready(sink)
            assert sink.why in ("", "it is not ready yet")
            sink(decision(0, "fist"))
            until(lambda: seen == ["+space"])
            sink(decision(1, "fist"))
            sink(decision(2, "wave in"))
            until(lambda: len(seen) == 6)
            assert seen[1:] == ["-space", "+Control_L", "+z", "-z", "-Control_L"]
            sink(decision(3, "fist"))
            until(lambda: len(seen) == 7)
            sink(decision(4, None))
            until(lambda: len(seen) == 8)
            sink(decision(5, "fist"))
            until(lambda: len(seen) == 9)
            sink.pause(True)
            until(lambda: len(seen) == 10)
            sink.pause(False)
            sink(decision(6, "fist"))
            until(lambda: len(seen) == 11)
        until(lambda: len(seen) == 12)
    assert seen[6:] == ["+space", "-space"] * 3


def test_silence_releases_everything(display: str, tmp_path: Path) -> None:
    with keys(display) as seen, sink_of(f"keyboard:{keymap(tmp_path, ms=300)}") as sink:
        until_ready(sink)
        sink(decision(0, "fist"))
        until(lambda: seen == ["+space", "-space"])
        sink(decision(1, "fist"))
        until(lambda: seen == ["+space", "-space"] * 2)


PRESSING = """
import sys, time
from tests.stream.outlets.saying import decision, sink_of
with sink_of(sys.argv[1]) as sink:
    for number in range(100_000):
        sink(decision(number, "fist"))
        time.sleep(0.02)
"""


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM])
def test_keys_are_released_when_the_program_is_stopped_or_killed(
    display: str, tmp_path: Path, how: signal.Signals
) -> None:
    with keys(display) as seen:
        # Long where the end of the program is what releases, so that silence does not.
        spec = f"keyboard:{keymap(tmp_path, ms=1000 if how == signal.SIGSTOP else 60000)}"
        program = subprocess.Popen([sys.executable, "-c", PRESSING, spec], cwd=Path(__file__).parents[3])
        try:
            until(lambda: seen and seen[-1] == "+space")
            os.kill(program.pid, how)
            until(lambda: seen[-1] == "-space")
        finally:
            program.kill()
            program.wait(PATIENCE_S)


def test_an_error_releases_everything(display: str, tmp_path: Path) -> None:
    def fail() -> None:
        with sink_of(f"keyboard:{keymap(tmp_path)}") as sink:
            until_ready(sink)
            sink(decision(0, "fist"))
            until(lambda: seen == ["+space"])
            raise RuntimeError("something else has failed")

    with keys(display) as seen:
        with pytest.raises(RuntimeError, match="something else"):
            fail()
        until(lambda: seen == ["+space", "-space"])


GUARD = 'while_held = "shift_r"'


class Hand:
    """Somebody at the keyboard: presses and releases the right shift key."""

    PROGRAM = """
import sys
from Xlib import X, XK
from Xlib.display import Display
from Xlib.ext.xtest import fake_input
screen = Display()
for line in sys.stdin:
    fake_input(screen, X.KeyPress if line == "press\\n" else X.KeyRelease, screen.keysym_to_keycode(XK.XK_Shift_R))
    screen.sync()
"""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", self.PROGRAM], stdin=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def tell(self, what: str) -> None:
        assert self._process.stdin is not None
        print(what, file=self._process.stdin, flush=True)


def test_the_named_keys_are_those_of_pynput() -> None:
    program = "from pynput.keyboard import Key; print(*Key.__members__)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert set(said.split()) == set(NAMED)


def test_keys_are_sent_only_while_somebody_holds_one_down(display: str, tmp_path: Path) -> None:
    spec = f"keyboard:{keymap(tmp_path, more=GUARD)}"
    with keys(display) as seen, sink_of(spec) as sink, Hand() as hand:
        until_ready(sink)
        send = Counting(sink)
        for _ in range(10):
            send()
            time.sleep(0.01)
        assert seen == []
        hand.tell("press")
        until(lambda: "+space" in seen, meanwhile=send)
        hand.tell("release")
        until(lambda: seen[-1] == "-space")
        for _ in range(10):
            send()
            time.sleep(0.01)
        assert seen == ["+Shift_R", "+space", "-Shift_R", "-space"]


def test_without_a_screen_it_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = keymap(tmp_path)
    monkeypatch.delenv("DISPLAY")
    with pytest.raises(ValueError, match=r"--sink keyboard: needs a screen, and there is none"):
        check([f"keyboard:{path}"])
    monkeypatch.setenv("DISPLAY", ":65000")
    with sink_of(f"keyboard:{path}") as sink:
        send = Counting(sink)
        until(lambda: "needs a screen" in sink.why, meanwhile=send)
    assert sink.delivered == 0


def test_gestures_are_checked_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="checkpoint knows rest, open hand"):
        check([f"keyboard:{keymap(tmp_path)}"], ("rest", "open hand"))
    with pytest.raises(ValueError, match="cannot be read"):
        check([f"keyboard:{tmp_path}/nowhere.toml"])
