"""Scripts as people write them: what they may say, and what is said of those that say something else."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from devices.guiding.script import EXAMPLE, Gesture, Script, read_script, script_of
from devices.simulator import GESTURES


def test_the_example_has_every_key_and_says_what_is_taken_without_it() -> None:
    plain = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert set(plain) == {field.name for field in fields(Script)}
    script = read_script(EXAMPLE)
    assert tuple(gesture.name for gesture in script.gestures) == GESTURES, "so that it can be tried without hardware"
    bare = Script(script.gestures, title=script.title, words=script.words)
    assert script == bare


def test_names_alone_will_do() -> None:
    script = script_of({"gestures": ["fist", {"name": "open", "words": " spread\n it "}]}, "x")
    assert script.gestures == (Gesture("fist"), Gesture("open", "spread it"))
    assert script.labels == ("rest", "fist", "open")
    assert script_of({"gestures": ["fist"], "rest": ""}, "x").labels == ("fist",)


def test_each_gesture_once_in_every_round_in_an_order_of_the_seed() -> None:
    names = list("abcde")
    orders = [
        [g.name for g in script_of({"gestures": names, "repetitions": 3, "seed": s}, "x").order()] for s in (1, 2)
    ]
    for order in orders:
        assert [sorted(order[at : at + 5]) for at in (0, 5, 10)] == [names] * 3
    assert orders[0] != orders[1]
    assert orders[0][:5] != orders[0][5:10]
    listed = script_of({"gestures": names, "repetitions": 2, "shuffle": False}, "x")
    assert [gesture.name for gesture in listed.order()] == names * 2
    assert listed.seconds == 5 + 10 * 4 + 11 * 3


@pytest.mark.parametrize(
    ("plain", "sentence"),
    [
        ({}, "gestures is missing; it has to be a list of 1 to 50"),
        ({"gestures": []}, "gestures is []; it has to be a list"),
        ({"gestures": "fist"}, "gestures is 'fist'; it has to be a list"),
        ({"gestures": [3]}, "the gesture 3 has no usable name"),
        ({"gestures": [{"words": "x"}]}, "has no usable name"),
        ({"gestures": [" fist"]}, "the gesture ' fist' has no usable name"),
        ({"gestures": ["x" * 61]}, "a name of 1 to 60 printable characters"),
        ({"gestures": [{"name": "a", "word": "x"}]}, "the gesture 'a' has no key 'word'; it has a name, and words"),
        ({"gestures": [{"name": "a", "words": 3}]}, "words of 'a' is 3; it has to be a text"),
        ({"gestures": ["a", "A"]}, "the gesture 'A' is listed twice; repetitions says"),
        ({"gestures": ["rest", "a"]}, "'rest' is among the gestures, but it is recorded between them"),
        ({"gestures": ["a"], "hold": 3}, "there is no key 'hold'; there are gestures, repetitions, hold_s"),
        ({"gestures": ["a"], "repetitions": 0}, "repetitions is 0; it has to be a whole number from 1 to 100"),
        ({"gestures": ["a"], "repetitions": True}, "repetitions is true; it has to be a whole number"),
        ({"gestures": ["a"], "repetitions": 2.0}, "repetitions is 2.0; it has to be a whole number"),
        ({"gestures": ["a"], "hold_s": 1.9}, "hold_s is 1.9; it has to be a number of seconds from 2 to 60"),
        ({"gestures": ["a"], "rest_s": float("nan")}, "rest_s is nan; it has to be a number of seconds from 1.5"),
        ({"gestures": ["a"], "shuffle": "yes"}, "shuffle is 'yes'; it has to be true or false"),
        ({"gestures": ["a"], "seed": -1}, "seed is -1; it has to be a whole number"),
        ({"gestures": ["a"], "beeps": 1}, "beeps is 1; it has to be true or false"),
        ({"gestures": ["a"], "rest": "a\tb"}, "rest is 'a\\tb'; it has to be a label"),
        ({"gestures": ["a"], "title": "x" * 201}, "title is 'xxx"),
    ],
)
def test_what_is_wrong_is_named_with_what_it_may_be(plain: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^'my\.toml': ") as error:
        script_of(plain, "my.toml")
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"), [(None, "there is no script"), ("a =", "is no TOML"), ("\xff", "no TOML")]
)
def test_what_cannot_be_read_tells_of_the_example(text: str | None, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=sentence) as error:
        read_script(path)
    assert "record --guide example > gestures.toml" in str(error.value)
