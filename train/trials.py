"""One person on one day, trial by trial, as the protocols about wearers stream it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from train.answers import Questions
from train.corpus import Corpus, Track

SHORT_S = 1.5
"""What is left of two seconds' holding, as ``stream calibrate`` asks for, after the time to react."""


class Shown(NamedTuple):
    """What is shown of each gesture of a sitting, with its label.

    Attributes:
        repetitions: the first so many.
        short: of each only ``SHORT_S``.
    """

    repetitions: int
    short: bool

    @classmethod
    def of(cls, protocol: str) -> Self:
        """What a protocol shows: ``calibrated-2``, ``continuous-calibrated-3-short``; one where it names no number."""
        words = protocol.split("-")
        return cls(next((int(word) for word in words if word.isdigit()), 1), "short" in words)


@dataclass(frozen=True, slots=True, eq=False)
class Sitting:
    """One person on one day: T trials of one gesture each.

    Attributes:
        person: who.
        session: when.
        windows: of each trial ``(B, N, C)``, in the order of gesture and repetition.
        truth: ``(T,)`` index of the gesture.
        repetition: ``(T,)``, from 0 for each gesture.
    """

    person: int
    session: int
    windows: tuple[NDArray[np.float32], ...]
    truth: NDArray[np.int64]
    repetition: NDArray[np.int64]


def sittings(whole: Track, corpus: Corpus, asked: Questions, window: int) -> list[Sitting]:
    """All that is asked, by person and day."""
    steps = np.arange(window)
    by_name: dict[tuple[int, int], list[int]] = {}
    for index in np.flatnonzero(asked.trial_truth >= 0).tolist():
        entry = corpus.entries[index]
        by_name.setdefault((entry.person, entry.session), []).append(index)
    found = []
    for (person, session), some in sorted(by_name.items()):
        ordered = sorted(some, key=lambda index: corpus.entries[index].order)
        truth = asked.trial_truth[ordered]
        windows = tuple(whole.samples[asked.places[asked.owner == index][:, None] + steps] for index in ordered)
        repetition = np.array([int((truth[:place] == label).sum()) for place, label in enumerate(truth)], np.int64)
        found.append(Sitting(person, session, windows, truth, repetition))
    return found


def shuffled(sitting: Sitting, places: Sequence[int]) -> list[int]:
    """Trials in the order in which they are streamed."""
    order = np.random.default_rng(100 * sitting.person + sitting.session).permutation(len(places))
    return [places[place] for place in order.tolist()]
