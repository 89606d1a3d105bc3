"""What a person is to be led through, as a TOML file says it; ``example.toml`` beside this has every key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from devices.formats.writer_layout import LONGEST_LABEL, label_text
from devices.guiding.quality import LEAST_S

EXAMPLE = Path(__file__).with_name("example.toml")
"""A script with every key, explained."""

HOW_TO_BEGIN = "'python -m devices record --guide example > gestures.toml' writes one to begin with"

REACTION_S = 0.5
"""After a prompt, in which the person reads it and the hand follows: the hand by a quarter of a second."""

LEAST_HOLD_S, LEAST_REST_S = REACTION_S + LEAST_S, 1.5
"""The time to react, and enough to judge. Of a rest as well what is left of the gesture before it."""

MOST_S, MOST_GESTURES, MOST_REPETITIONS = 60.0, 50, 100


class Gesture(NamedTuple):
    """What is to be held.

    Attributes:
        name: the label.
        words: how it is done, for the person.
    """

    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """What a person is to be led through.

    Attributes:
        gestures: each once in every round.
        repetitions: rounds.
        hold_s: seconds of each gesture.
        rest_s: seconds of rest before each, and after the last one.
        shuffle: a new order in every round; else as they are listed.
        seed: of the order.
        rest: the label between gestures; "" for none.
        prepare_s: seconds before it begins.
        beeps: the terminal's bell at the beginning of a hold, and twice at its end.
        tries: at a repetition whose signal is no good, before it is left out.
        title: for people.
        words: shown before it begins.
    """

    gestures: tuple[Gesture, ...]
    repetitions: int = 5
    hold_s: float = 4.0
    rest_s: float = 3.0
    shuffle: bool = True
    seed: int = 0
    rest: str = "rest"
    prepare_s: float = 5.0
    beeps: bool = True
    tries: int = 3
    title: str = ""
    words: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that it may give, rest first."""
        return (*filter(None, (self.rest,)), *(gesture.name for gesture in self.gestures))

    @property
    def seconds(self) -> float:
        """How long it takes where nothing is repeated."""
        count = len(self.gestures) * self.repetitions
        return self.prepare_s + count * self.hold_s + (count + 1) * self.rest_s

    def order(self) -> list[Gesture]:
        """One gesture for each repetition."""
        random = np.random.default_rng(self.seed)
        count = len(self.gestures)
        rounds = [random.permutation(count) if self.shuffle else np.arange(count) for _ in range(self.repetitions)]
        return [self.gestures[place] for one in rounds for place in one.tolist()]


def read_script(path: Path) -> Script:
    """Reads a script.

    Raises:
        ValueError: there is none, or it is no TOML, or a key is not known or not what it may be; the message names it.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ValueError(f"there is no script {str(path)!r}; {HOW_TO_BEGIN}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} is no TOML ({error}); {HOW_TO_BEGIN}") from None
    return script_of(plain, str(path))


def script_of(plain: Mapping[str, Any], where: str) -> Script:
    """The script that plain values describe; ``where`` they come from is for the errors of ``read_script``."""
    if unknown := [key for key in plain if key not in _KINDS and key != "gestures"]:
        raise ValueError(f"{where!r}: there is no key {unknown[0]!r}; there are gestures, {', '.join(_KINDS)}")
    for key, value in plain.items():
        if key != "gestures" and not _KINDS[key].accepts(value):
            raise ValueError(f"{where!r}: {key} is {_shown(value)}; it has to be {_KINDS[key].words}")
    given = {key: _KINDS[key].settled(value) for key, value in plain.items() if key != "gestures"}
    script = replace(Script(_gestures(plain.get("gestures"), where)), **given)
    if script.rest and any(gesture.name == script.rest for gesture in script.gestures):
        raise ValueError(
            f"{where!r}: {script.rest!r} is among the gestures, but it is recorded between them as it is; leave it out"
        )
    return script


def _gestures(plain: Any, where: str) -> tuple[Gesture, ...]:
    if not isinstance(plain, list) or not 1 <= len(plain) <= MOST_GESTURES:
        said = "is missing" if plain is None else f"is {_shown(plain)}"
        raise ValueError(
            f'{where!r}: gestures {said}; it has to be a list of 1 to {MOST_GESTURES}, like ["fist", "open hand"]; '
            f"{HOW_TO_BEGIN}"
        )
    found = [_gesture(each, where) for each in plain]
    names = [gesture.name.casefold() for gesture in found]
    if twice := next((found[at].name for at, name in enumerate(names) if name in names[:at]), None):
        raise ValueError(f"{where!r}: the gesture {twice!r} is listed twice; repetitions says how often each is made")
    return tuple(found)


def _gesture(plain: Any, where: str) -> Gesture:
    table = {"name": plain} if isinstance(plain, str) else plain
    if not isinstance(table, dict) or not _is_label(table.get("name")) or not table["name"]:
        raise ValueError(
            f"{where!r}: the gesture {_shown(plain)} has no usable name; give each a name of 1 to {LONGEST_LABEL} "
            f"printable characters"
        )
    if unknown := [key for key in table if key not in Gesture._fields]:
        raise ValueError(
            f"{where!r}: the gesture {table['name']!r} has no key {unknown[0]!r}; it has a name, and words to show"
        )
    words = table.get("words", "")
    if not _is_text(words):
        raise ValueError(f"{where!r}: words of {table['name']!r} is {_shown(words)}; it has to be {_WORDS.words}")
    return Gesture(table["name"], _WORDS.settled(words))


def _shown(value: Any) -> str:
    """A value as it may stand in a sentence."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 200


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and label_text(value) == value


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a value has to be: in words, whether it is, and what is made of it."""

    words: str
    accepts: Callable[[Any], bool]
    settled: Callable[[Any], Any] = field(default=lambda value: value)


def _whole(least: int, most: int) -> _Kind:
    return _Kind(
        f"a whole number from {least} to {most}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
    )


def _seconds(least: float) -> _Kind:
    return _Kind(
        f"a number of seconds from {least:g} to {MOST_S:g}",
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= MOST_S,
        float,
    )


_YES = _Kind("true or false", lambda value: isinstance(value, bool))
_WORDS = _Kind("a text of at most 200 characters", _is_text, lambda value: " ".join(value.split()))
_KINDS: Mapping[str, _Kind] = {
    "repetitions": _whole(1, MOST_REPETITIONS),
    "hold_s": _seconds(LEAST_HOLD_S),
    "rest_s": _seconds(LEAST_REST_S),
    "shuffle": _YES,
    "seed": _whole(0, 2**63 - 1),
    "rest": _Kind(f'a label of at most {LONGEST_LABEL} printable characters, or "" for none', _is_label),
    "prepare_s": _seconds(0),
    "beeps": _YES,
    "tries": _whole(1, 20),
    "title": _WORDS,
    "words": _WORDS,
}
