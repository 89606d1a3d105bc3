"""What a person who calibrates sees, on a screen of any size and line by line."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from devices.guiding.lettering import HEIGHT, lettered
from devices.guiding.prompt import Prompt
from devices.guiding.prompter import APART, Bell
from devices.guiding.prompting import Asked
from devices.guiding.prompts import InLines

CHANNELS = tuple(f"ch{n}" for n in range(1, 9))
PROMPT = Prompt(
    *("arm", "calibrating tiny", "fist", True, "rest", 1.5, 4.0, 2, 10, CHANNELS),
    states=("good",) * 7 + ("flat",),
    levels_uv=(12.0,) * 8,
    verdict="open hand: good",
)


def drawn(prompt: Prompt, width: int, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    console = Console(file=file, width=width, height=24, force_terminal=False, legacy_windows=False)
    console.print(Asked(prompt))
    file.seek(0)
    return file.read().splitlines()


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("doing", ["fist", "radial deviation", "a gesture with a very long name", "Faust schließen"])
def test_it_fits(width: int, encoding: str, doing: str) -> None:
    rows = drawn(replace(PROMPT, doing=doing), width, encoding)
    assert max(map(len, rows)) <= width
    assert len(rows) <= 24
    text = "\n".join(rows)
    assert "1.5 s" in text
    assert "flat" in text
    assert "open hand: good" in text
    assert ("#" in text) == (encoding == "ascii")
    if width == 80:
        assert "repetition 3 of 10" in text


def test_letters_are_as_large_as_the_room_allows() -> None:
    assert lettered("fist", 3, "#") is None
    assert lettered("", 80, "#") is None
    assert lettered("Rückkehr", 80, "#") is None
    small, large = lettered("fist 1", 23, "#"), lettered("fist 1", 46, "#")
    assert small is not None
    assert large is not None
    assert [len(row) for row in small] == [23] * HEIGHT
    assert [row[::2] for row in large] == small
    assert small[0][:3] == "###"


def test_a_torn_line_is_no_prompt() -> None:
    line = PROMPT.to_line()
    assert Prompt.from_line(line) == PROMPT
    for torn in (line[:-9], line[9:], b"", b"[]", b"{}", b'{"abacus": 7}', b"\xff\xfe"):
        assert Prompt.from_line(torn) is None


def test_lines_say_what_is_new_and_nothing_twice() -> None:
    out = io.StringIO()
    show = InLines(out)
    rest = replace(PROMPT, doing="rest", active=False, then="fist", verdict="")
    for prompt in (rest, rest, PROMPT, replace(PROMPT, left_s=0.1), replace(PROMPT, trouble="is away"), PROMPT):
        show(prompt)
    assert out.getvalue().splitlines() == [
        "rest for 4 s, then: fist",
        "  open hand: good",
        "now hold: fist for 4 s (repetition 3 of 10)",
        "  is away",
        "  it is back",
    ]


def test_words_and_keys_have_their_place() -> None:
    rows = drawn(replace(PROMPT, words="close the hand", keys="d discards, q ends"), 80)
    assert rows[3] == "  close the hand"
    assert rows[-1] == "  d discards, q ends"
    assert not any("hold it" in row for row in rows)


def test_the_bell_rings_as_often_as_it_is_asked_to_and_never_for_what_is_past() -> None:
    rung: list[int] = []
    bell = Bell(lambda: rung.append(frame))
    asked = [
        PROMPT,
        replace(PROMPT, bell=1, rings=1),
        replace(PROMPT, bell=2, rings=2),
        replace(PROMPT, bell=5, rings=1),
    ]
    for frame in range(40):
        bell.look(asked[frame // 10])
    assert rung == [10, 20, 20 + APART, 30]


def test_lines_ring_on_a_terminal_alone() -> None:
    class Console(io.StringIO):
        def isatty(self) -> bool:
            return True

    for out, heard in ((Console(), 2), (io.StringIO(), 0)):
        show = InLines(out)
        for _ in range(3):
            show(replace(PROMPT, bell=1, rings=2, words="close the hand"))
        assert out.getvalue().count("\a") == heard
        assert out.getvalue().count("now hold: fist for 4 s (repetition 3 of 10): close the hand") == 1
