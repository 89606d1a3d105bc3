"""What a person who is led is shown at one moment, as plain values: lines of JSON between two processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Prompt:
    """One moment.

    Attributes:
        title: the source, for people.
        task: what all this is for, for people.
        doing: what to do now: a gesture, or ``rest``.
        active: it is a gesture to be held.
        then: what comes next, for people; "" where that is unknown.
        left_s: seconds until then; below 0 where that is unknown.
        length_s: how long it lasts in all.
        done: repetitions taken.
        total: repetitions wanted.
        channels: their names.
        states: a word for each channel (``devices.guiding.quality.conditions``).
        levels_uv: how strong each is.
        verdict: on the repetition before, "" before the first one.
        good: it was usable.
        trouble: what is amiss with the source, "" where nothing is.
        words: how it is done, "" where there is nothing to say.
        keys: that may be pressed and what they do, "" where there are none.
        bell: number of the latest sound, 0 before the first one.
        rings: how often the bell rings for it.
    """

    title: str
    task: str
    doing: str
    active: bool = False
    then: str = ""
    left_s: float = -1.0
    length_s: float = 0.0
    done: int = 0
    total: int = 0
    channels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    levels_uv: tuple[float, ...] = ()
    verdict: str = ""
    good: bool = True
    trouble: str = ""
    words: str = ""
    keys: str = ""
    bell: int = 0
    rings: int = 0

    @property
    def progress(self) -> str:
        """``repetition 3 of 10``."""
        return f"repetition {min(self.done + 1, self.total)} of {self.total}"

    def to_line(self) -> bytes:
        """As one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Prompt | None:
        """The inverse of ``to_line``; None for a line that was torn, since a display that is too slow gets parts."""
        try:
            plain: dict[str, Any] = json.loads(line)
            values: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()
            }
            return cls(**values)
        except (ValueError, TypeError, AttributeError):
            return None
