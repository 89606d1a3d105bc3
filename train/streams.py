"""Continuous recordings as a classifier sees them: its answers window after window, and the decisions they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from devices.entry import Entry
from devices.events import Scored, score
from devices.onsets import Event, events
from devices.recording import Recording
from dsp.design import DspSpec
from dsp.pipeline import longest_bridge
from models.decision import NOTHING, DecideAll, Settings
from models.networks import Networks
from models.settling import Begin
from train.answers import cut
from train.corpus import REST, Corpus, Track, track
from train.progress import progress
from train.settling import settled


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One recording, from a cold start.

    Attributes:
        entry: what it is.
        shown: its events; their labels are indices into the classifier's.
        ends: ``(W,)`` index after the last sample of each window.
        probabilities: ``(W, K)``, as they come out of the classifier live.
        samples: in the recording.
        decision: the layer of the checkpoint that answered.
    """

    entry: Entry
    shown: tuple[Event, ...]
    ends: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    samples: int
    decision: Settings = field(default_factory=Settings)


def streams(classifier: Networks, corpus: Corpus, begin: Begin | None = None) -> list[Stream]:
    """What a classifier answers to every window of every recording, at its own hop and with its own views.

    Args:
        classifier: loaded.
        corpus: the recordings.
        begin: who settles in, anew for each sitting; sitting by sitting, the recordings of each in the order that
            ``numpy.random.default_rng(100 * person + session)`` shuffles them into; None for no adaptation.

    Raises:
        ValueError: a recording has another rate, gaps too long to be bridged, or is shorter than a window.
    """
    spec = classifier.design.spec
    whole = track(classifier.design, corpus.recordings, classifier.labels)
    answered = []
    with progress("recognising", len(corpus.entries)) as advance:
        for index, (entry, recording) in enumerate(zip(corpus.entries, corpus.recordings, strict=True)):
            length = len(recording.samples)
            if length < spec.window or any(count > longest_bridge(classifier.design) for _, count in recording.gaps):
                raise ValueError(
                    f"{entry.name!r} is shorter than a window of {spec.window_ms:g} ms or has a long gap, and events "
                    "are scored on whole recordings; leave it out"
                )
            first = np.arange(0, length - spec.window + 1, spec.hop)
            rows = whole.starts[index] + first
            parts = [classifier.batch(windows) for windows in cut(whole, rows, spec.window)]
            shown = _shown(recording, classifier.labels)
            decision = classifier.members[0].checkpoint.decision
            answered.append(Stream(entry, shown, first + spec.window, np.concatenate(parts), length, decision))
            advance(1, f"person {entry.person}")
    return answered if begin is None else _settled(classifier, whole, answered, begin)


def _settled(classifier: Networks, whole: Track, answered: Sequence[Stream], begin: Begin) -> list[Stream]:
    """The same by whoever gets to know the wearer on the way."""
    spec = classifier.design.spec
    sittings: dict[tuple[int, int], list[int]] = {}
    for index, stream in enumerate(answered):
        sittings.setdefault((stream.entry.person, stream.entry.session), []).append(index)
    found, steps = list(answered), np.arange(-spec.window, 0)
    with progress("settling in", len(found)) as advance:
        for (person, session), indices in sittings.items():
            adaptation = begin()
            for place in np.random.default_rng(100 * person + session).permutation(len(indices)).tolist():
                stream = answered[indices[place]]
                windows = whole.samples[(whole.starts[indices[place]] + stream.ends)[:, None] + steps]
                both = settled(classifier, adaptation, windows, stream.probabilities)
                found[indices[place]] = replace(stream, probabilities=both)
                advance(1, f"person {person} session {session}")
    return found


def _shown(recording: Recording, labels: Sequence[str]) -> tuple[Event, ...]:
    """Its events, in the classifier's labels."""
    names = [labels.index(name) if name in labels else NOTHING for name in recording.names]
    return tuple(event._replace(label=names[event.label]) for event in events(recording, REST))


def decisions(
    answered: Sequence[Stream], labels: Sequence[str], settings: Settings, spec: DspSpec
) -> list[NDArray[np.int64]]:
    """The label of every decision, -1 for an abstention: ``(W,)`` for each stream.

    Streams that end early are fed on with certain nothing, which changes no decision before.
    """
    longest = max(len(stream.ends) for stream in answered)
    given = np.full((longest, len(answered), len(labels)), 1 / len(labels), np.float32)
    for place, stream in enumerate(answered):
        given[: len(stream.ends), place] = stream.probabilities
    decide = DecideAll(len(labels), len(answered), settings, rest=settings.resting(labels), hop_ms=_hop_ms(spec))
    said = np.stack([decide(rows)[0] for rows in given])
    return [said[: len(stream.ends), place] for place, stream in enumerate(answered)]


def scored(answered: Sequence[Stream], labels: Sequence[str], settings: Settings, spec: DspSpec) -> list[Scored]:
    """The score of each stream under these settings."""
    said = decisions(answered, labels, settings, spec)
    resting = settings.resting(labels)
    return [
        score(spoken, stream.ends, stream.shown, stream.samples, spec.rate_hz, resting)
        for spoken, stream in zip(said, answered, strict=True)
    ]


def scored_live(answered: Sequence[Stream], labels: Sequence[str], spec: DspSpec) -> list[Scored]:
    """The score of each stream by its own decision layer."""
    found: dict[int, Scored] = {}
    for decision in dict.fromkeys(stream.decision for stream in answered):
        places = [place for place, stream in enumerate(answered) if stream.decision == decision]
        some = scored([answered[place] for place in places], labels, decision, spec)
        found |= dict(zip(places, some, strict=True))
    return [found[place] for place in range(len(answered))]


def _hop_ms(spec: DspSpec) -> float:
    """As it is, in whole samples."""
    return spec.hop * 1000 / spec.rate_hz
