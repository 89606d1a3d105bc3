"""One person's session of a data set, read once and kept for the next run.

What is cached between runs is the *raw* signal in binary form, one file for each sitting: reading thousands of text
files is what takes time, while filtering twenty people takes a second. So no cache can ever hold a signal that was
filtered in another way than a run asks for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from devices.entry import Entry
from devices.recording import UNLABELLED, Recording
from dsp.caching import cache_folder
from dsp.flow import StreamInfo
from dsp.storage import whole
from train.progress import say
from train.sources import Collection, stamp


class Sitting(NamedTuple):
    """What was read of one person's session: recordings, and a sentence for each malformed file."""

    found: list[tuple[Entry, Recording]]
    left_out: list[str]


def read_sitting(data: str, collection: Collection, entries: Sequence[Entry], *, cache: bool) -> Sitting:
    """Reads one person's session, from the cache where it is there.

    Args:
        data: where the collection is, as it was named.
        collection: opened.
        entries: of this sitting.
        cache: look there first, and keep what was read.
    """
    path = cache_folder() / "sittings" / f"{stamp(data, collection, entries)}.npz"
    kept = _from_cache(path, entries) if cache else None
    if kept is not None:
        return kept
    found: list[tuple[Entry, Recording]] = []
    left_out: list[str] = []
    for entry in entries:
        try:
            found.append((entry, collection.read(entry)))
        except ValueError as error:
            left_out.append(str(error))
    sitting = Sitting(found, left_out)
    if cache and found:
        try:
            _to_cache(path, sitting)
        except OSError as error:
            _say_uncached(path.parent, error.strerror)
    return sitting


@lru_cache
def _say_uncached(folder: Path, reason: str) -> None:
    """Once, not for every sitting."""
    say(f"the cache {folder} cannot be written ({reason}); going on without")


def _to_cache(path: Path, sitting: Sitting) -> None:
    recordings = [recording for _, recording in sitting.found]
    about = [
        {
            "entry": entry.name,
            "name": r.info.name,
            "rate_hz": r.info.rate_hz,
            "channels": r.info.channels,
            "names": r.names,
            "length": len(r.samples),
            "labelled": r.labels is not None,
            "person": r.person,
            "session": r.session,
            "simulated": r.simulated,
            "gaps": r.gaps,
        }
        for entry, r in sitting.found
    ]
    nothing = [np.full(len(r.samples), UNLABELLED, np.int16) for r in recordings]
    labels = [blank if r.labels is None else r.labels for r, blank in zip(recordings, nothing, strict=True)]
    samples = np.concatenate([r.samples for r in recordings])
    said = json.dumps({"recordings": about, "left_out": sitting.left_out})
    with whole(path) as neighbour:
        np.savez(neighbour, samples=samples, labels=np.concatenate(labels), about=np.array(said))


def _from_cache(path: Path, entries: Sequence[Entry]) -> Sitting | None:
    """What is kept there, or None where that is nothing, or damaged."""
    by_name = {entry.name: entry for entry in entries}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            samples, labels, about = kept["samples"], kept["labels"], json.loads(str(kept["about"]))
        found, first = [], 0
        for facts in about["recordings"]:
            end = first + facts["length"]
            info = StreamInfo(facts["name"], facts["rate_hz"], tuple(facts["channels"]))
            marks = labels[first:end] if facts["labelled"] else None
            who = (facts["person"], facts["session"], facts["simulated"])
            gaps = tuple((int(begin), int(count)) for begin, count in facts["gaps"])
            recording = Recording(info, samples[first:end], tuple(facts["names"]), marks, *who, gaps)
            found.append((by_name[facts["entry"]], recording))
            first = end
        return Sitting(found, list(about["left_out"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None
