"""Protocols in which everybody is recognised by a checkpoint made for them: trained on, or calibrated."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.onsets import Event, events
from devices.recording import Recording
from models.calibration import calibrate
from models.examination import LEAST
from models.networks import Networks, load_networks
from models.repetition import Repetition
from train.corpus import REST, Corpus, Track, track
from train.fit import device_of
from train.own import own
from train.progress import progress
from train.sources import open_collection
from train.splits import NEW_DAY
from train.streams import Stream, streams
from train.trials import SHORT_S, Shown

BEFORE_S = 0.3
"""How long before a gesture a repetition of rest ends: some muscles begin before their onset is seen."""

LEAST_REST_S = 1.0
"""How long a repetition of rest is at least."""

SHORT_REST_S = 0.7
"""How long it is before a short repetition of a gesture: the rest before it, without the time to react."""


def each_by_own(checkpoint: Path, data: str, corpus: Corpus, device: str) -> list[Stream]:
    """What everybody's own checkpoint answers, each trained on with that person's other sessions.

    Raises:
        ValueError: somebody has no other session, or as ``train.own.own``.
    """
    entries = open_collection(data).entries
    answered: list[Stream] = []
    for person in sorted({entry.person for entry in corpus.entries}):
        earlier = sorted({entry.session for entry in entries if entry.person == person} - {NEW_DAY})
        if not earlier:
            raise ValueError(f"of person {person} there is no session but {NEW_DAY}, so nothing to train on")
        with _made() as place:
            own(checkpoint, data, place, [person], earlier, device=device)
            networks = load_networks(place, device=str(device_of(device)))
            answered += streams(networks, _only(corpus, corpus.indices([person])))
    return answered


def each_calibrated(
    checkpoint: Path, networks: Networks, corpus: Corpus, shown: Shown
) -> tuple[list[Stream], list[str]]:
    """What the checkpoint answers after everybody's calibration, sitting by sitting.

    The first times that each recording shows a gesture, and the rest before one of them, are shown to it with their
    labels; recognised is what comes after.

    Args:
        checkpoint: not calibrated.
        networks: of it; they go on alone where a calibration is refused.
        corpus: continuous recordings.
        shown: how many repetitions, and how much of each.

    Returns:
        The streams, and which calibrations were refused, and why.
    """
    answered: list[Stream] = []
    refused = []
    sittings = sorted({(entry.person, entry.session) for entry in corpus.entries})
    with progress("calibrating", len(sittings)) as advance:
        for person, session in sittings:
            mine = _only(
                corpus,
                [
                    place
                    for place, entry in enumerate(corpus.entries)
                    if (entry.person, entry.session) == (person, session)
                ],
            )
            given, left = first_shown(networks, mine, shown)
            with _made() as place:
                served = networks
                try:
                    calibrate(checkpoint, given, place, f"{corpus.name}, person {person}, session {session}")
                    served = load_networks(place, device=str(networks.device))
                except ValueError as error:
                    refused.append(f"person {person}, session {session}: {error}")
                answered += streams(served, left)
            advance(1, f"person {person} session {session}")
    return answered, refused


def first_shown(networks: Networks, corpus: Corpus, shown: Shown) -> tuple[list[Repetition], Corpus]:
    """The first repetitions of each gesture of each recording, of rest, and what comes after all of them.

    A short one begins with the muscle's onset, and the rest before it is shown too, as in front of a device; else rest
    is shown once.

    Raises:
        ValueError: no rest of ``LEAST_REST_S`` comes before any of the gestures.
    """
    spec = networks.design.spec
    whole = track(networks.design, corpus.recordings, networks.labels)
    given: list[Repetition] = []
    rests: list[Repetition] = []
    left, idle = [], np.empty(0, np.int64)
    for index, recording in enumerate(corpus.recordings):
        found = events(recording, REST)
        if not found:
            left.append(recording)
            continue
        firsts = [event for place, event in enumerate(found) if _times(found[:place], event) < shown.repetitions]
        for event in firsts:
            most = event.onset + round(SHORT_S * spec.rate_hz) if shown.short else event.offset
            ends = np.arange(event.onset + spec.window // 2 + 1, min(most, event.offset) + 1, spec.hop)
            given.append(Repetition(recording.names[event.label], _windows(whole, index, ends, spec.window)))
            if shown.short:
                still = event.onset - round(BEFORE_S * spec.rate_hz)
                ends = np.arange(still - round(SHORT_REST_S * spec.rate_hz) + spec.window, still, spec.hop)
                rests.append(Repetition(REST, _windows(whole, index, ends, spec.window)))
        quiet = np.arange(spec.window, found[0].onset - round(BEFORE_S * spec.rate_hz), spec.hop)
        if len(quiet) > len(idle):
            idle = quiet
            resting = Repetition(REST, _windows(whole, index, quiet, spec.window))
        left.append(_after(recording, max(event.offset for event in firsts)))
    if len(idle) * spec.hop < LEAST_REST_S * spec.rate_hz:
        entry = corpus.entries[0]
        raise ValueError(
            f"person {entry.person}, session {entry.session} never rests for {LEAST_REST_S:g} s before the first "
            "gesture of a recording, so rest cannot be shown"
        )
    enough = [place for place, recording in enumerate(left) if len(recording.samples) >= spec.window]
    rests = [one for one in rests if len(one.windows) >= LEAST] or [resting]
    return [*given, *rests], _only(replace(corpus, recordings=tuple(left)), enough)


def _times(earlier: Sequence[Event], event: Event) -> int:
    return sum(one.label == event.label for one in earlier)


def _windows(whole: Track, index: int, ends: NDArray[np.int64], window: int) -> NDArray[np.float32]:
    """Those of a recording that end there, as far as they lie in it."""
    start = int(whole.starts[index])
    rows = start + ends[(ends >= window) & (ends <= int(whole.starts[index + 1]) - start)]
    windows: NDArray[np.float32] = whole.samples[rows[:, None] + np.arange(-window, 0)]
    return windows


def _after(recording: Recording, cut: int) -> Recording:
    """What comes after so many samples, from where its label ends: that may outlast the muscle."""
    labels = recording.labels
    if labels is not None and len(rest := labels[cut:]):
        changes = np.flatnonzero(rest != rest[0])
        idle = rest[0] < 0 or recording.names[rest[0]] == REST
        cut += 0 if idle else int(changes[0]) if len(changes) else len(rest)
        labels = labels[cut:]
    gaps = tuple((first - cut, count) for first, count in recording.gaps if first >= cut)
    return replace(recording, samples=recording.samples[cut:], labels=labels, gaps=gaps)


def _only(corpus: Corpus, places: Sequence[int]) -> Corpus:
    return replace(
        corpus,
        entries=tuple(corpus.entries[place] for place in places),
        recordings=tuple(corpus.recordings[place] for place in places),
    )


@contextmanager
def _made() -> Iterator[Path]:
    """A place for a checkpoint that is needed for a moment."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "own"
