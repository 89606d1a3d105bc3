"""Which key belongs to which gesture: the TOML file of ``keyboard:MAP.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from dsp.complaints import one_sentence

DEAD_MAN_MS = 500.0

NAMED = (
    "alt alt_gr alt_l alt_r backspace caps_lock cmd cmd_l cmd_r ctrl ctrl_l ctrl_r delete down end enter esc "
    + " ".join(f"f{n}" for n in range(1, 21))
    + " home insert left media_next media_play_pause media_previous media_volume_down media_volume_mute "
    "media_volume_up menu num_lock page_down page_up pause print_screen right scroll_lock shift shift_l shift_r space "
    "tab up"
).split()
"""Keys that have names, as pynput calls them; "plus" is the one that joins others."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """What is done for a gesture.

    Attributes:
        keys: pressed in this order, released in the other.
        tap: pressed and released when the gesture begins, instead of held while it lasts.
    """

    keys: tuple[str, ...]
    tap: bool = False


@dataclass(frozen=True, slots=True)
class Keymap:
    """A file of keys.

    Attributes:
        strokes: by gesture.
        dead_man_ms: everything is released when no decision has come for so long.
        while_held: a key that somebody must hold down for anything to be pressed; "" for none.
    """

    strokes: dict[str, Stroke]
    dead_man_ms: float = DEAD_MAN_MS
    while_held: str = ""

    def check_fit(self, path: Path, labels: tuple[str, ...]) -> None:
        """Refuses gestures that are not known.

        Raises:
            ValueError: names one, and those that are known.
        """
        for gesture in self.strokes:
            if gesture not in labels:
                raise ValueError(f"{path} has a key for {gesture!r}, but this checkpoint knows {', '.join(labels)}")


def load(path: Path) -> Keymap:
    """Reads a file of keys.

    Raises:
        ValueError: it is not there, is no TOML, or says what cannot be; one sentence.
    """
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"the keys in '{path}' cannot be read: {one_sentence(error)}") from None
    unknown = set(values) - {"keys", "dead_man_ms", "while_held"}
    if unknown:
        raise ValueError(f"{path} has {min(unknown)!r}; known are [keys], dead_man_ms and while_held")
    keys = values.get("keys")
    if not isinstance(keys, dict) or not keys:
        raise ValueError(f'{path} has no keys; give some under [keys], like: fist = "space"')
    held = values.get("while_held", "")
    strokes = {gesture: _stroke(path, gesture, value) for gesture, value in keys.items()}
    if held != "":
        held = _key(path, "while_held", held)
        if any(held in stroke.keys for stroke in strokes.values()):
            raise ValueError(f"{path} presses {held!r}, which is also while_held; choose another key for one of them")
    return Keymap(strokes, _milliseconds(path, values.get("dead_man_ms", DEAD_MAN_MS)), held)


def _milliseconds(path: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 50 <= value <= 60000:
        raise ValueError(f"{path} gives dead_man_ms as {value!r}; give milliseconds from 50 to 60000")
    return float(value)


def _stroke(path: Path, gesture: str, value: Any) -> Stroke:
    if isinstance(value, dict) and len(value) == 1 and set(value) <= {"hold", "tap"}:
        ((how, keys),) = value.items()
        return Stroke(_keys(path, gesture, keys), how == "tap")
    if isinstance(value, dict):
        raise ValueError(f'{path} gives {gesture!r} as {value}; give a key, {{hold = "KEY"}} or {{tap = "KEY"}}')
    return Stroke(_keys(path, gesture, value))


def _keys(path: Path, gesture: str, value: Any) -> tuple[str, ...]:
    parts = value.split("+") if isinstance(value, str) else [value]
    keys = tuple(_key(path, gesture, part) for part in parts)
    if len(set(keys)) < len(keys):
        raise ValueError(f"{path} gives {gesture!r} as {value!r}, in which a key comes twice; leave one out")
    return keys


def _key(path: Path, what: str, value: Any) -> str:
    if isinstance(value, str):
        name = "+" if value.strip() == "plus" else value.strip()
        if name in NAMED or (len(name) == 1 and name.isprintable()):
            return name
    raise ValueError(
        f"{path} gives {what!r} the key {value!r}; give one letter, digit or sign, or one of {' '.join(NAMED)} plus "
        "(join several with +)"
    )
