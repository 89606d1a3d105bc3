"""One try at one repetition: where it lies in the stream, what it was like, and what has become of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from devices.guiding.quality import Held, complaint, conditions, strength
from devices.guiding.script import REACTION_S
from devices.guiding.tape import Tape
from devices.onsets import turn
from dsp.flow import Samples, StreamInfo

ONSET_S = (-0.4, 1.2)
"""Where the muscle's onset is looked for, from the prompt: who is led knows what comes, and may be early."""


class Cause(StrEnum):
    """Why a repetition was discarded."""

    SIGNAL = "signal"
    PERSON = "person"
    END = "end"


@dataclass(slots=True)
class Attempt:
    """A gesture that was prompted for.

    Attributes:
        gesture: its label.
        number: of the repetition in the script, from 1.
        tried: which try at it, from 1.
        first: sample of the prompt.
        end: sample after the last one.
        cause: why it was discarded; None where it was not.
        reason: in words, "" where it was not.
        onset: sample at which the muscle began, None where it was not found.
        lost: samples that are missing.
        states: a word for each channel (``devices.guiding.quality.conditions``).
        levels_uv: how strong each channel was.
        rest_uv: how strong it was in the rest before.
    """

    gesture: str
    number: int
    tried: int
    first: int
    end: int
    cause: Cause | None = None
    reason: str = ""
    onset: int | None = None
    lost: int = 0
    states: tuple[str, ...] = ()
    levels_uv: tuple[float, ...] = ()
    rest_uv: tuple[float, ...] = ()

    @property
    def good(self) -> bool:
        """It carries its label."""
        return self.cause is None

    @property
    def ratio(self) -> float:
        """How many times stronger than the rest before it, at its strongest channel; nan where that is unknown."""
        pairs = zip(self.levels_uv, self.rest_uv, strict=True)
        return max((level / rest for level, rest in pairs if rest > 0), default=math.nan)

    def discard(self, cause: Cause, reason: str) -> None:
        """It gets no label."""
        self.cause, self.reason = cause, reason

    def to_json(self, rate_hz: float, begin: int) -> dict[str, Any]:
        """As plain values, with times in seconds from the recording's first sample, which is ``begin``."""
        reaction = None if self.onset is None else round((self.onset - self.first) / rate_hz, 3)
        return {
            "gesture": self.gesture,
            "repetition": self.number,
            "try": self.tried,
            "good": self.good,
            "cause": None if self.cause is None else str(self.cause),
            "reason": self.reason,
            "sample": self.first - begin,
            "begins_s": round((self.first - begin) / rate_hz, 4),
            "ends_s": round((self.end - begin) / rate_hz, 4),
            "muscle_sample": None if self.onset is None else self.onset - begin,
            "reaction_s": reaction,
            "times_rest": None if math.isnan(self.ratio) else round(self.ratio, 2),
            "lost": self.lost,
            "levels_uv": [round(level, 2) for level in self.levels_uv],
            "rest_uv": [round(level, 2) for level in self.rest_uv],
            "channels": list(self.states),
        }


def judge(attempt: Attempt, tape: Tape, info: StreamInfo, rest: int) -> None:
    """Looks at what was held, and discards the attempt where its signal was no good.

    Args:
        attempt: at its end.
        tape: holds it and the rest before it.
        info: of the stream.
        rest: sample at which that rest began.
    """
    reaction = round(REACTION_S * info.rate_hz)
    held = tape.between(attempt.first + reaction, attempt.end)
    before = tape.between(min(rest + reaction, attempt.first), attempt.first)
    attempt.lost = tape.between(attempt.first, attempt.end).lost
    attempt.states = conditions(info, held.samples)
    attempt.levels_uv = _levels(held.samples, info)
    attempt.rest_uv = _levels(before.samples, info)
    if words := complaint(Held(info, held.samples, held.lost, before.samples)):
        attempt.discard(Cause.SIGNAL, words)
    whole = tape.between(rest, attempt.end)
    if not whole.lost and np.isfinite(whole.samples).all():
        place = attempt.first - rest
        found = turn(whole.samples, info.rate_hz, place, forward=True, search_s=ONSET_S)
        attempt.onset = None if found is None else rest + found


def _levels(samples: Samples, info: StreamInfo) -> tuple[float, ...]:
    levels: list[float] = np.nan_to_num(strength(samples, info.rate_hz)).tolist()
    return tuple(levels)
