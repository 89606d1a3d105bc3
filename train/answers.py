"""What a classifier answers to filtered recordings: for each window on the stream's grid, and for whole trials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.entry import Entry
from dsp.flow import Samples
from models.networks import Networks
from train.corpus import Track
from train.progress import Advance, progress
from train.task import grid

Probabilities = NDArray[np.float32]

AT_ONCE = 512
"""Windows given to the classifier at a time."""

WHOLE_AT_ONCE = 32
"""Whole trials given to it at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """What is asked: R recordings with W windows.

    Attributes:
        places: ``(W,)`` where each window begins in the track.
        truth: ``(W,)`` label that most of it carries, negative where unknown.
        owner: ``(W,)`` recording that it is from.
        trial_truth: ``(R,)`` label of a recording that is one trial of one gesture, -1 for any other, and
            for one that is shorter than a window, to which there is no answer.
    """

    places: NDArray[np.int64]
    truth: NDArray[np.int64]
    owner: NDArray[np.int64]
    trial_truth: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one variant of a classifier says.

    Attributes:
        windows: ``(W, K)``.
        averaged: ``(R, K)`` mean over the windows of each recording; zeros for one without windows.
        whole: ``(R, K)`` from the whole recording in one pass; zeros where that was not asked.
    """

    windows: Probabilities
    averaged: Probabilities
    whole: Probabilities


def questions(track: Track, entries: Sequence[Entry], length: int, hop: int) -> Questions:
    """The windows that the pipeline cuts from each recording, and the trials.

    Args:
        track: of these entries.
        entries: R; a trial is one whose entry names its gesture and whose samples all carry it.
        length: of a window.
        hop: between two.
    """
    grids = [grid(track, index, length, hop) for index in range(len(entries))]
    nothing = [np.empty(0, np.int64)]
    owner = np.repeat(np.arange(len(grids)), [len(places) for places, _ in grids])
    whole = [bool(entry.gesture) and len(places) > 0 for entry, (places, _) in zip(entries, grids, strict=True)]
    trials = np.array([_constant(track, i) if is_trial else -1 for i, is_trial in enumerate(whole)], np.int64)
    places = np.concatenate(nothing + [places for places, _ in grids])
    truth = np.concatenate(nothing + [labels for _, labels in grids])
    return Questions(places, truth, owner, trials)


def ask(classifier: Networks, track: Track, asked: Questions, whole: Sequence[int]) -> dict[str, Answers]:
    """Every variant of a classifier: each member alone, the ensemble, and the ensemble with its views.

    Args:
        classifier: loaded with its views.
        track: filtered by its design.
        asked: about that track.
        whole: recordings to give it in one piece as well.

    Returns:
        Answers by variant, the full one last; of a calibrated checkpoint that is with the wearer's gestures. Members
        run without views. A checkpoint that is no ensemble has two variants, called after its recipe, without and with
        views.
    """
    windows = _Collector(classifier, len(asked.places))
    pieces = _Collector(classifier, len(asked.trial_truth))
    with progress("recognising", len(asked.places) + len(whole)) as advance:
        length = classifier.design.spec.window
        for rows, batch in _windows(track, asked.places, length):
            windows.put(rows, batch, advance)
        for rows, batch in _wholes(track, whole):
            pieces.put(rows, batch, advance)
    return {
        name: Answers(given, _averaged(given, asked), one_pass)
        for (name, given), one_pass in zip(windows.variants(), dict(pieces.variants()).values(), strict=True)
    }


def cut(track: Track, places: NDArray[np.int64], length: int) -> Iterator[Samples]:
    """Windows ``(B, N, C)`` that begin at these places, at most ``AT_ONCE`` at a time."""
    steps = np.arange(length)
    for first in range(0, len(places), AT_ONCE):
        yield track.samples[places[first : first + AT_ONCE, None] + steps]


class _Collector:
    """Gathers the probabilities of all variants for rows that arrive batch by batch."""

    def __init__(self, classifier: Networks, rows: int) -> None:
        shape = (len(classifier.member_names), rows, len(classifier.labels))
        self._classifier = classifier
        self._shares = np.array(classifier.weights, np.float32)
        self._plain = np.zeros(shape, np.float32)
        self._views = np.zeros(shape, np.float32)
        self._joined = np.zeros(shape[1:], np.float32)

    def put(self, rows: NDArray[np.int64], batch: Samples, advance: Advance) -> None:
        self._plain[:, rows] = self._classifier.batch_members(batch, views=False)
        self._views[:, rows] = self._classifier.batch_members(batch, views=True)
        self._joined[rows] = self._classifier.join(batch, np.tensordot(self._shares, self._views[:, rows], 1))
        advance(len(rows), "")

    def variants(self) -> list[tuple[str, Probabilities]]:
        names = self._classifier.member_names
        shares = self._shares[:, None, None]
        alone = list(zip(names, self._plain, strict=True))
        views = (self._views * shares).sum(axis=0)
        known = [] if self._classifier.calibrated is None else [("calibrated", self._joined)]
        if len(names) == 1:
            name = str(self._classifier.provenance.get("recipe", names[0]))
            return [(name, self._plain[0]), (f"{name}+views", views), *known]
        return [*alone, ("ensemble", (self._plain * shares).sum(axis=0)), ("ensemble+views", views), *known]


def _windows(track: Track, places: NDArray[np.int64], length: int) -> Iterator[tuple[NDArray[np.int64], Samples]]:
    for first, some in zip(range(0, len(places), AT_ONCE), cut(track, places, length), strict=True):
        yield np.arange(first, first + len(some)), some


def _wholes(track: Track, recordings: Sequence[int]) -> Iterator[tuple[NDArray[np.int64], Samples]]:
    """Whole recordings, those of one length together."""
    alike: dict[int, list[int]] = defaultdict(list)
    for index in recordings:
        alike[int(track.starts[index + 1] - track.starts[index])].append(index)
    for length, group in alike.items():
        for first in range(0, len(group), WHOLE_AT_ONCE):
            rows = np.array(group[first : first + WHOLE_AT_ONCE], np.int64)
            yield rows, track.samples[track.starts[rows][:, None] + np.arange(length)]


def _averaged(windows: Probabilities, asked: Questions) -> Probabilities:
    total = np.zeros((len(asked.trial_truth), windows.shape[1]), np.float64)
    np.add.at(total, asked.owner, windows)
    counts = np.bincount(asked.owner, minlength=len(total))[:, None]
    return (total / np.maximum(1, counts)).astype(np.float32)


def _constant(track: Track, index: int) -> int:
    labels = track.labels[track.starts[index] : track.starts[index + 1]]
    return int(labels[0]) if len(labels) and (labels == labels[0]).all() else -1
