from __future__ import annotations

from pathlib import Path

import pytest

from stream.outlets.fingers import Fingers, Guard
from stream.outlets.keymap import Keymap, Stroke, load
from tests.stream.outlets.saying import LABELS


def keymap(folder: Path, text: str) -> Path:
    path = folder / "keys.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_map_says_what_is_held_and_what_is_tapped(tmp_path: Path) -> None:
    path = keymap(
        tmp_path,
        'dead_man_ms = 250\nwhile_held = "ctrl_r"\n'
        '[keys]\nfist = "space"\n"wave in" = {tap = "shift+plus"}\nrest = {hold = "é"}\n',
    )
    strokes = {"fist": Stroke(("space",)), "wave in": Stroke(("shift", "+"), tap=True), "rest": Stroke(("é",))}
    assert load(path) == Keymap(strokes, 250, "ctrl_r")
    load(path).check_fit(path, LABELS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no keys"),
        ("[keys]", "has no keys"),
        ("keys = 3", "has no keys"),
        ("[keys", "cannot be read"),
        ('[keys]\nfist = "spcae"', "the key 'spcae'; give one letter"),
        ("[keys]\nfist = 3", "the key 3"),
        ('[keys]\nfist = ""', "the key ''"),
        ('[keys]\nfist = "a+"', "the key ''"),
        ('[keys]\nfist = "a+a"', "a key comes twice"),
        ('[keys]\nfist = {press = "a"}', "give a key, {hold"),
        ('[keys]\nfist = {tap = "a", hold = "b"}', "give a key, {hold"),
        ('dead_man_ms = 0\n[keys]\nfist = "a"', "milliseconds from 50 to 60000"),
        ('dead_man_ms = nan\n[keys]\nfist = "a"', "milliseconds from 50 to 60000"),
        ('dead_man_ms = true\n[keys]\nfist = "a"', "milliseconds from 50 to 60000"),
        ('while_held = "shift"\n[keys]\nfist = "shift+a"', "which is also while_held"),
        ("while_held = 3\n[keys]\nfist = 'a'", "gives 'while_held' the key 3"),
        ('deadman = 3\n[keys]\nfist = "a"', "has 'deadman'; known are"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("{", r"\{")) as error:
        load(keymap(tmp_path, text))
    assert "\n" not in str(error.value)
    assert "keys.toml" in str(error.value)


def test_gestures_that_are_not_known_are_named_with_those_that_are(tmp_path: Path) -> None:
    path = keymap(tmp_path, '[keys]\nfits = "a"')
    with pytest.raises(ValueError, match="a key for 'fits', but this checkpoint knows rest, fist, wave in"):
        load(path).check_fit(path, LABELS)


def fingers(**strokes: Stroke) -> tuple[Fingers, list[str]]:
    log: list[str] = []
    return Fingers(strokes, lambda key: log.append(f"+{key}"), lambda key: log.append(f"-{key}")), log


def test_held_keys_last_as_long_as_their_gesture_and_taps_come_once() -> None:
    made, log = fingers(fist=Stroke(("ctrl", "z")), wave=Stroke(("left",), tap=True))
    for gesture in ("rest", "fist", "fist", "wave", "wave", "", "wave", "fist"):
        made.make(gesture)
    assert log == ["+ctrl", "+z", "-z", "-ctrl", "+left", "-left", "+left", "-left", "+ctrl", "+z"]
    made.let_go()
    made.let_go()
    assert log[10:] == ["-z", "-ctrl"]
    made.make("fist")
    assert log[12:] == ["+ctrl", "+z"], "what comes after letting go is new"


def test_what_was_pressed_when_pressing_failed_is_released() -> None:
    log: list[str] = []

    def press(key: str) -> None:
        log.append(f"+{key}")
        if key == "z":
            raise OSError("the screen is gone")

    made = Fingers({"fist": Stroke(("ctrl", "z"))}, press, lambda key: log.append(f"-{key}"))
    with pytest.raises(OSError, match="gone"):
        made.make("fist")
    made.let_go()
    assert log == ["+ctrl", "+z", "-z", "-ctrl"]


def test_the_guard_knows_one_key() -> None:
    lost: list[bool] = []
    guard = Guard("ctrl", lambda: lost.append(True))
    assert not guard.holds
    guard.pressed("a")
    assert not guard.holds
    guard.pressed("ctrl")
    guard.released("a")
    assert guard.holds
    guard.released("ctrl")
    assert (guard.holds, lost) == (False, [True])
    assert Guard(None, lambda: None).holds
