"""Teaching a checkpoint how wearers differ: windows of its training people as features of who, what and which time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Samples
from models.covariances import Covariances, covariances, whitening_of
from models.evidence import by_gesture, turned_by
from models.listing import read_listing
from models.population import Population
from models.wearer import Wearers, write_wearers
from train.answers import Questions, cut, questions
from train.corpus import Corpus, Track, load, track
from train.evaluate import check_known
from train.population import Told, population
from train.progress import progress
from train.worn import APART, DIFFERENCES, alike, sittings, worn

SITTINGS, LOOKS = 12, 8
"""In so many it is looked how the armband could be worn otherwise, with so many windows of each gesture."""


def learn(whole: Track, corpus: Corpus, labels: tuple[str, ...], window: int, hop: int) -> Population:
    """What the people of a corpus are like.

    Args:
        whole: of the corpus, by the checkpoint's design.
        corpus: the training people.
        labels: K gestures, as of the track.
        window: samples.
        hop: samples; see ``APART``.

    Where the armband was worn in several ways (``train.worn``), everybody's is turned to sit alike first.

    Raises:
        ValueError: as ``train.population.population``, or nothing is labelled.
    """
    hop = max(hop, round(APART * window))
    asked = questions(whole, corpus.entries, window, hop)
    known = np.flatnonzero(asked.truth >= 0)
    if not len(known):
        raise ValueError(f"{corpus.name!r} holds no labelled window, so nothing can be learnt of wearers; label it")
    places = asked.places[known]
    ways, otherwise = worn(whole, corpus.entries, asked, window)
    whole = alike(whole, ways)
    size = whole.samples.shape[1] * (1 + DIFFERENCES)
    total = np.zeros((size, size))
    for rows in cut(whole, places, window):
        total += covariances(rows, DIFFERENCES).sum(0)
    whiten = Covariances(whitening_of(total / len(places)), DIFFERENCES)
    parts = []
    with progress("comparing wearers", len(places)) as advance:
        for rows in cut(whole, places, window):
            parts.append(whiten(rows))
            advance(len(rows), "")
    repetition = repetitions(asked)[known]
    sitting = sittings(corpus.entries)
    told = Told(np.concatenate(parts), sitting[asked.owner[known]], asked.truth[known], repetition)
    found = replace(population(whiten, told, len(labels)), otherwise=otherwise)
    return replace(found, limits=found.limits._replace(turned=_turned(found, whole, places, told, window)))


def _turned(found: Population, whole: Track, places: NDArray[np.int64], told: Told, window: int) -> float:
    """How much likelier another way to wear the armband is, at most, by one repetition of each gesture."""
    sittings = np.unique(told.wearer)
    most, channels = 0.0, whole.samples.shape[1]
    for sitting in sittings[:: max(1, len(sittings) // SITTINGS)]:
        labels, rows = [], []
        for label in np.unique(told.gesture[told.wearer == sitting]):
            first = told.repetition[(told.wearer == sitting) & (told.gesture == label)].min()
            of = np.flatnonzero(told.repetition == first)
            rows.append(of[:: max(1, len(of) // LOOKS)])
            labels.append(np.full(len(rows[-1]), label))
        windows = np.concatenate(list(cut(whole, places[np.concatenate(rows)], window)))
        label_of = np.concatenate(labels)

        def seen(
            way: Sequence[int], windows: Samples = windows, label_of: NDArray[np.int64] = label_of
        ) -> NDArray[np.float64]:
            return by_gesture(found.features(windows[:, :, list(way)]), label_of, len(found.means))

        counts = np.isin(np.arange(len(found.means)), label_of).astype(np.float64)
        most = max(most, turned_by(found, seen, counts, channels)[0])
    return most


def teach(
    checkpoint: Path, data: str, people: Sequence[int] | None = None, sessions: Sequence[int] | None = None
) -> dict[str, Any]:
    """Lets a checkpoint learn from recordings how wearers differ, and keeps that beside it.

    Args:
        checkpoint: a checkpoint, an ensemble, or the folder of a run.
        data: folder, zip or simulated people.
        people: None takes those that the checkpoint was trained on; where it does not say, all.
        sessions: the same.

    Returns:
        What it learnt from, fit for JSON.

    Raises:
        ValueError: checkpoint and data do not fit, or nothing can be learnt.
        OSError: the folder cannot be written.
    """
    listing = read_listing(checkpoint)
    first, known = listing.cards[0], listing.provenance
    people = people or known.get("people")
    sessions = sessions or known.get("sessions")
    corpus = load(data, people, sessions, rate_hz=first.design.spec.rate_hz)
    check_known(first.labels, corpus.labels)
    whole = track(first.design, corpus.recordings, first.labels)
    found = learn(whole, corpus, first.labels, first.design.spec.window, first.design.spec.hop)
    said = {
        "data": corpus.name,
        "layout": corpus.layout,
        "people": sorted({entry.person for entry in corpus.entries}),
        "sessions": sorted({entry.session for entry in corpus.entries}),
    }
    write_wearers(listing.root, listing, Wearers(found, said))
    return {"checkpoint": str(checkpoint), "coordinates": len(found.own), "otherwise": found.otherwise, **said}


def repetitions(asked: Questions) -> NDArray[np.int64]:
    """``(W,)`` number of the run of windows of one label in one recording."""
    if not len(asked.truth):
        return np.empty(0, np.int64)
    new = (np.diff(asked.owner) != 0) | (np.diff(asked.truth) != 0)
    return np.concatenate([[0], np.cumsum(new)], dtype=np.int64)
