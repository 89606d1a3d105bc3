"""What a calibration is given and what it says: repetitions of gestures, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Repetition(NamedTuple):
    """One gesture, held once.

    Attributes:
        gesture: its name.
        windows: ``(B, N, C)`` float32 out of the checkpoint's pipeline, in the order of time, a hop apart.
    """

    gesture: str
    windows: NDArray[np.float32]


class Doubt(NamedTuple):
    """Why a repetition cannot be used.

    Attributes:
        number: of the repetition among those that were given.
        gesture: its name.
        reason: a sentence for the person, with what to do about it.
    """

    number: int
    gesture: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a calibration came to.

    Attributes:
        before: share of the windows that the checkpoint recognised as it was.
        after: the same, calibrated, of windows that it was not calibrated on.
        measured_on: how the windows of ``after`` were kept apart, for people.
        per_gesture: ``after`` for each gesture.
        order: for each channel that the checkpoint knows, the channel of this armband that takes its place; None where
            the armband sits as in training.
        left_out: repetitions that were not used, and why.
        notes: what a person should know, a sentence each.
        seconds: of computing.
    """

    before: float
    after: float
    measured_on: str
    per_gesture: dict[str, float]
    order: tuple[int, ...] | None
    left_out: tuple[Doubt, ...]
    notes: tuple[str, ...]
    seconds: float
