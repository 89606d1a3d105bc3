"""Arms that do what a guided calibration asks for, and a computing that notes what it was given."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from devices.recording import Recording
from dsp.flow import Samples, StreamInfo
from models.calibration import check_out
from models.repetition import Doubt, Outcome, Repetition

RATE_HZ = 250.0
HOLD_S, REST_S = 2.0, 1.0


@dataclass
class Noted:
    """In place of ``models.calibration``: copies the checkpoint, and keeps what it was given."""

    doubtful: list[list[Doubt]] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    given: list[Repetition] = field(default_factory=list)
    source: str = ""

    def check_out(self, out: Path, given: Path) -> None:
        check_out(out, given)

    def doubts(self, path: Path, repetitions: Sequence[Repetition]) -> list[Doubt]:
        assert path.is_dir()
        if not repetitions:
            return []
        self.asked.append([each.gesture for each in repetitions])
        return self.doubtful.pop(0) if self.doubtful else []

    def calibrate(self, path: Path, repetitions: Sequence[Repetition], out: Path, source: str) -> Outcome:
        self.given, self.source = list(repetitions), source
        shutil.copytree(path, out)
        shares = {each.gesture: 0.75 for each in repetitions}
        left_out = (Doubt(0, repetitions[0].gesture, "it looks like another one"),)
        return Outcome(0.5, 0.75, "every other window", shares, (1, 2, 3, 4, 5, 6, 7, 0), left_out, ("A note.",), 0.1)


def arm(repetitions: int, *, idle: Sequence[int] = (), flat: Sequence[int] = (), rest_s: float = REST_S) -> Recording:
    """Rest and a hold in turn, as a guide asks for them.

    Args:
        repetitions: how many.
        idle: those in which nothing is done.
        flat: those in which the third channel is flat.
        rest_s: seconds of each rest.
    """
    random = np.random.default_rng(0)
    parts: list[Samples] = []
    for place in range(repetitions):
        level = np.full((round((rest_s + HOLD_S) * RATE_HZ), 1), 4.0)
        if place not in idle:
            level[round((rest_s + 0.2) * RATE_HZ) :] = 150.0
        part = (level * random.normal(size=(len(level), 8))).astype(np.float32)
        if place in flat:
            part[:, 2] = 0
        parts.append(part)
    return Recording(StreamInfo("arm", RATE_HZ, tuple(f"ch{n}" for n in range(1, 9))), np.concatenate(parts))
