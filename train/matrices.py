"""Training on ready-made Hilbert-Huang matrices, and making plausible ones from simulated muscles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.formats.hht import KEY, LAYOUT, gender
from devices.recording import Recording
from dsp.flow import Samples
from dsp.hilbert_huang import SIZE, hilbert_huang
from dsp.storage import whole
from train.corpus import Corpus
from train.progress import progress
from train.recipe import Recipe

FAMILY = "hht_cnn"
QUALITY, GENDER = "quality", "gender"
TASKS = (QUALITY, GENDER)
GENDERS = ("F", "M")
MUSCLES = ("BICEPS", "TRICEPS", "FOREARM")
RATE_HZ = 1000.0
MOVEMENT_S = 2.0


def adapted(recipe: Recipe, corpus: Corpus) -> Recipe:
    """The recipe as matrices need it: nothing is filtered or decorrelated, and a window is a whole matrix.

    Raises:
        ValueError: its family reads signals only.
    """
    if corpus.layout != LAYOUT:
        return recipe
    if recipe.family != FAMILY:
        raise ValueError(
            f"{corpus.name!r} holds Hilbert-Huang matrices, and {recipe.family} reads signals; use {FAMILY}"
        )
    return replace(
        recipe,
        model={**recipe.model, "ready": True},
        dsp=replace(recipe.dsp, band_hz=None, notch_hz=0.0, window_ms=1000.0, hop_ms=1000.0),
        augment=replace(recipe.augment, gain=0.0),
        decorrelate=False,
        batch=16,
        overlap=1.0,
    )


def check_untouched(recipe: Recipe, corpus: Corpus) -> None:
    """Refuses signal processing of matrices, which come as they are.

    Raises:
        ValueError: a setting was changed on the command line.
    """
    if corpus.layout == LAYOUT and recipe.dsp != adapted(recipe, corpus).dsp:
        raise ValueError(
            "Hilbert-Huang matrices are taken as they are, neither filtered nor cut; leave dsp. settings out"
        )


def by_task(corpus: Corpus, task: str | None) -> Corpus:
    """Matrices with the labels of a task: how well a movement was done, which they have anyway, or the wearer's gender.

    Raises:
        ValueError: the task is unknown, or the data are no matrices.
    """
    if task is None:
        return corpus
    if corpus.layout != LAYOUT:
        raise ValueError("--task is for Hilbert-Huang matrices, and these are recordings; leave it out")
    if task not in TASKS:
        raise ValueError(f"there is no task {task!r}; known are {', '.join(TASKS)}")
    if task == QUALITY:
        return corpus
    told = [gender(entry.name) for entry in corpus.entries]
    entries = [replace(entry, gesture=who) for entry, who in zip(corpus.entries, told, strict=True)]
    recordings = [
        recording if who is None else replace(recording, names=(who,))
        for recording, who in zip(corpus.recordings, told, strict=True)
    ]
    return replace(corpus, labels=GENDERS, entries=tuple(entries), recordings=tuple(recordings))


def task_of(labels: Sequence[str]) -> str | None:
    """The task that a checkpoint with these labels was trained for, where they tell."""
    return GENDER if set(labels) == set(GENDERS) else None


def make(out: Path, people: Sequence[int], size: int = SIZE) -> int:
    """Writes matrices that are computed from simulated EMG: one for each person, muscle and way to move.

    A full movement is two seconds of one gesture, a half one is given up in the middle, and an invalid one is rest
    with two jerks. Gender is made up (women are even): the simulator knows none.

    Args:
        out: the folder.
        people: simulated ones.
        size: rows and columns.

    Returns:
        How many were written.
    """
    from devices.simulator import simulate  # noqa: PLC0415 - compiles kernels that real data do not need

    written = 0
    with progress("simulating", len(people)) as advance:
        for person in people:
            recording = simulate(person, repetitions=1, hold_s=MOVEMENT_S, rest_s=MOVEMENT_S, rate_hz=RATE_HZ)
            for place, muscle in enumerate(MUSCLES):
                for movement, signal in _movements(recording, place):
                    name = f"{muscle}_{movement}_{'MF'[person % 2 == 0]}_{person:03d}.npz"
                    _write(out / name, hilbert_huang(signal, size=size, scaling="each")[0])
                    written += 1
            advance(1, f"person {person}")
    return written


def _movements(recording: Recording, place: int) -> list[tuple[str, Samples]]:
    """Each way to move and its ``(T, 1)`` signal, from one channel and one gesture."""
    held = _stretches(recording, rest=False)[place]
    rest = _stretches(recording, rest=True)[place]
    channel = int(np.square(held).mean(0).argmax())
    active, calm = held[:, [channel]], rest[:, [channel]]
    length = min(round(MOVEMENT_S * RATE_HZ), len(active), len(calm))
    active, calm = active[:length], calm[:length]
    half, jerk = length // 2, length // 20
    jerks = calm.copy()
    for start in (length // 5, 3 * length // 5):
        jerks[start : start + jerk] = active[start : start + jerk]
    return [("full", active), ("half", np.concatenate([active[:half], calm[half:]])), ("invalid", jerks)]


def _stretches(recording: Recording, *, rest: bool) -> list[Samples]:
    """Samples of each stretch of a gesture, or of rest, in their order."""
    assert recording.labels is not None  # noqa: S101 - the simulator labels everything
    borders = [0, *(np.flatnonzero(np.diff(recording.labels)) + 1).tolist(), len(recording.labels)]
    resting = recording.names.index("rest")
    return [
        recording.samples[first:end]
        for first, end in pairwise(borders)
        if bool(recording.labels[first] == resting) is rest and end - first >= RATE_HZ
    ]


def _write(path: Path, matrix: NDArray[np.float32]) -> None:
    with whole(path) as neighbour, neighbour.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{KEY: matrix})
