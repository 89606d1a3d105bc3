"""A checkpoint fitted to one arm: what cannot work is said first, then repetitions are taken, then it is computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from devices.address import names_device, parse
from models.classifier import Classifier
from models.listing import checkpoint_in
from models.repetition import Doubt, Outcome, Repetition
from stream.gathering import Taken, Wish, from_device, from_recordings
from stream.outcome import as_json, as_tables
from stream.present import Manner, paper

__all__ = ["Done", "Wish", "calibrate", "check", "computing", "conclude"]

Busy = Callable[[str], AbstractContextManager[None]]


class Computing(Protocol):
    """What ``models.calibration`` offers."""

    def check_out(self, out: Path, given: Path) -> None:
        """Refuses a folder that the result could not be put into."""

    def doubts(self, path: Path, repetitions: Sequence[Repetition]) -> list[Doubt]:
        """Which repetitions cannot be used."""

    def calibrate(self, path: Path, repetitions: Sequence[Repetition], out: Path, source: str) -> Outcome:
        """Writes the calibrated checkpoint, whole or not at all."""


class Done(NamedTuple):
    """A calibration that has ended well."""

    taken: Taken
    outcome: Outcome


def computing() -> Computing:
    """Loads what calibrates, and PyTorch with it: a second or two that only this command waits for."""
    from models import calibration  # noqa: PLC0415 - as above

    return calibration


def check(wish: Wish) -> None:
    """Says what cannot work, before a network is loaded and before anything is recorded.

    Raises:
        ValueError: the result cannot be written where it is to be, the checkpoint cannot be calibrated, or the sources
            do not go together.
    """
    if wish.device:
        parse(wish.sources[0])
    if len(wish.sources) > 1 and any(names_device(Path(source)) for source in wish.sources):
        raise ValueError(f"{' and '.join(wish.sources)}: give one device, or recordings only")
    compute = computing()
    compute.check_out(wish.out, checkpoint_in(wish.checkpoint))
    compute.doubts(wish.checkpoint, ())  # refuses a checkpoint that cannot be calibrated


def calibrate(wish: Wish, classifier: Classifier, busy: Busy) -> Done:
    """Takes the repetitions and computes.

    Args:
        wish: checked.
        classifier: of the checkpoint, for its labels and its signal processing.
        busy: says what takes its time.

    Raises:
        ValueError: a gesture could not be taken, or the computing refuses what was; nothing is written.
    """
    compute = computing()
    if wish.device:
        taken = from_device(wish, classifier, lambda repetitions: compute.doubts(wish.checkpoint, repetitions))
    else:
        taken = from_recordings(wish, classifier)
    with busy("calibrating"):
        repetitions = tuple(taken.takings.repetitions)
        return Done(taken, compute.calibrate(wish.checkpoint, repetitions, wish.out, taken.source))


def conclude(wish: Wish, done: Done) -> None:
    """Writes the outcome to stdout."""
    if wish.manner is Manner.JSON:
        print(json.dumps(as_json(wish, *done), allow_nan=False), flush=True)
        return
    paper().print(as_tables(wish, *done))
