"""The recordings of a data set in memory, raw and filtered whole."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.datasets import Dataset
from devices.entry import Entry
from devices.recording import UNLABELLED, Recording
from dsp.design import Design
from dsp.flow import Samples, StreamInfo
from dsp.pipeline import filtered, longest_bridge
from train.progress import progress, say
from train.sittings import read_sitting
from train.sources import MAINS_HZ, Collection, open_collection
from train.splits import choose

REST = "rest"

LOST = UNLABELLED - 1
"""In a track, in place of a label: the sample was lost and is a straight line."""


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Recordings of one data set, all at one rate.

    Attributes:
        name: of the folder, zip or simulation.
        layout: kind of data set.
        labels: every gesture that occurs, rest first, then by name.
        entries: what each recording is.
        recordings: raw, in the order of ``entries``.
        left_out: a sentence for each file that was asked for and cannot be read.
        votes: ``(R, K)`` distributions that recordings are learnt by in place of their labels, NaN where there is none
            (``train.votes``); None for labels alone.
    """

    name: str
    layout: str
    labels: tuple[str, ...]
    entries: tuple[Entry, ...]
    recordings: tuple[Recording, ...]
    left_out: tuple[str, ...] = ()
    votes: NDArray[np.float64] | None = None

    @property
    def info(self) -> StreamInfo:
        """Rate and channels of them all."""
        return self.recordings[0].info

    @property
    def mains_hz(self) -> float | None:
        """Mains frequency that is still in the signal, None where it is clean or unknown."""
        return MAINS_HZ.get(self.layout)

    def indices(self, people: Iterable[int]) -> list[int]:
        """Positions of the recordings of these people."""
        wanted = set(people)
        return [i for i, entry in enumerate(self.entries) if entry.person in wanted]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Filtered recordings one after another in one array; training windows are slices of it.

    Attributes:
        samples: ``(N, C)`` float32, filtered and scaled.
        labels: ``(N,)`` int16 index into the labels asked for, ``UNLABELLED`` where unknown, ``LOST`` in a gap.
        starts: ``(R + 1,)`` where each recording begins; recording r is ``samples[starts[r] : starts[r + 1]]``.
    """

    samples: Samples
    labels: NDArray[np.int16]
    starts: NDArray[np.int64]


def load(
    data: str,
    people: Sequence[int] | None = None,
    sessions: Sequence[int] | None = None,
    *,
    rate_hz: float | None = None,
    cache: bool = True,
) -> Corpus:
    """Reads the recordings of these people and sessions, from the cache where it knows them.

    Args:
        data: folder, zip, or ``sim:people=...,sessions=...``.
        people: None for all.
        sessions: None for all.
        rate_hz: required of files, asked of the simulator; None takes what there is.
        cache: keep raw samples in the user's cache folder.

    Raises:
        ValueError: nothing there, mixed rates or channels, or another rate than asked for.
    """
    collection = open_collection(data, rate_hz)
    return gather(data, collection, choose(collection.entries, people, sessions), rate_hz=rate_hz, cache=cache)


def gather(
    data: str, collection: Collection, entries: Sequence[Entry], *, rate_hz: float | None = None, cache: bool = True
) -> Corpus:
    """``load`` for entries that were chosen already; closes the collection."""
    _say_some("left out", collection.skipped)
    if isinstance(collection, Dataset):
        _say_some("note", collection.missing(entries))
    sittings: dict[tuple[int, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        sittings[entry.person, entry.session].append(entry)
    found: list[tuple[Entry, Recording]] = []
    left_out: list[str] = []
    with closing(collection), progress("reading", len(entries)) as advance:
        for (person, session), group in sorted(sittings.items()):
            sitting = read_sitting(data, collection, group, cache=cache)
            found += sitting.found
            left_out += sitting.left_out
            advance(len(group), f"person {person} session {session}")
    if not found:
        raise ValueError(f"none of the {len(entries)} recordings can be read; the first: {left_out[0]}")
    _say_some("left out", left_out)
    _check(data, [recording for _, recording in found], rate_hz)
    names = {recording.names[i] for _, recording in found for i in _present(recording)}
    labels = tuple(sorted(names, key=lambda name: (name != REST, name)))
    name = data if data.startswith("sim:") else Path(data).name
    told = tuple(_without_folder(sentence, name) for sentence in left_out)
    return Corpus(name, collection.layout, labels, tuple(e for e, _ in found), tuple(r for _, r in found), told)


def _without_folder(sentence: str, name: str) -> str:
    """With the data set alone in place of its path: where it lay on one machine is no provenance."""
    return re.sub(rf"'[^']*[/\\]{re.escape(name)}(?=[/\\'])", lambda _: f"'{name}", sentence)


def track(design: Design, recordings: Sequence[Recording], labels: Sequence[str]) -> Track:
    """Filters each recording whole, from a cold start, by the kernel that runs live.

    Args:
        design: spec and coefficients.
        recordings: all at the design's rate.
        labels: what ``Track.labels`` points to; a gesture that is not among them counts as unlabelled.

    Raises:
        ValueError: the rate or the channels do not fit.
    """
    spec = design.spec
    for recording in recordings:
        if recording.info.rate_hz != spec.rate_hz:
            raise ValueError(
                f"{recording.info.name!r} was recorded at {recording.info.rate_hz:g} Hz, but the processing was "
                f"designed for {spec.rate_hz:g} Hz; use recordings at {spec.rate_hz:g} Hz"
            )
    starts = np.cumsum([0, *(len(recording.samples) for recording in recordings)], dtype=np.int64)
    samples = np.empty((int(starts[-1]), spec.channels), np.float32)
    marks = np.empty(len(samples), np.int16)
    for recording, first, end in zip(recordings, starts, starts[1:], strict=False):
        samples[first:end] = _filtered(design, recording)
        marks[first:end] = _translated(recording, labels)
    return Track(samples, marks, starts)


def _filtered(design: Design, recording: Recording) -> Samples:
    """As the pipeline filters it live: from a cold start after each gap that is too long to be bridged."""
    out = np.zeros(recording.samples.shape, np.float32)
    begin = 0
    for first, count in (*recording.gaps, (len(recording.samples), 0)):
        if count == 0 or count > longest_bridge(design):
            out[begin:first] = filtered(design, recording.samples[begin:first])
            begin = first + count
    return out


def _say_some(what: str, sentences: Sequence[str], at_most: int = 10) -> None:
    for sentence in sentences[:at_most]:
        say(f"{what}: {sentence}")
    if len(sentences) > at_most:
        say(f"{what}: {len(sentences) - at_most} more")


def _translated(recording: Recording, labels: Sequence[str]) -> NDArray[np.int16]:
    marks = np.full(len(recording.samples), UNLABELLED, np.int16)
    if recording.labels is not None:
        table = [labels.index(name) if name in labels else UNLABELLED for name in recording.names]
        marks = np.array([*table, UNLABELLED], np.int16)[recording.labels]
    for first, count in recording.gaps:
        marks[first : first + count] = LOST
    return marks


def _present(recording: Recording) -> list[int]:
    return [] if recording.labels is None else [int(i) for i in np.unique(recording.labels) if i != UNLABELLED]


def _check(data: str, recordings: Sequence[Recording], rate_hz: float | None) -> None:
    rates = sorted({recording.info.rate_hz for recording in recordings})
    channels = sorted({len(recording.info.channels) for recording in recordings})
    if len(rates) > 1 or len(channels) > 1:
        raise ValueError(
            f"{data!r} mixes recordings at {' and '.join(f'{r:g}' for r in rates)} Hz with "
            f"{' and '.join(str(c) for c in channels)} channels; train on one kind at a time"
        )
    if rate_hz is not None and rates[0] != rate_hz:
        raise ValueError(
            f"{data!r} was recorded at {rates[0]:g} Hz, but dsp.rate_hz={rate_hz:g} was asked for; "
            f"leave dsp.rate_hz out, or bring recordings at {rate_hz:g} Hz"
        )
