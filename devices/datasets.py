"""Data sets: many recordings with the people and sittings they come from, in a folder or a zip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from devices.archive import Tree, open_tree
from devices.entry import Entry
from devices.files import SUFFIXES, parse
from devices.formats import bids, grabmyo, hht, myo_readings, ninapro, putemg, synapse
from devices.formats.beside import beside_member
from devices.recording import UNLABELLED, Recording

__all__ = ["LAYOUTS", "Dataset", "Entry", "open_dataset"]

RECORDINGS = "recordings"
LAYOUTS = {
    synapse.LAYOUT: f".../{synapse.EXAMPLE}",
    myo_readings.LAYOUT: f".../{myo_readings.EXAMPLE}",
    grabmyo.LAYOUT: f".../{grabmyo.EXAMPLE}",
    ninapro.LAYOUT: f".../{ninapro.EXAMPLE}",
    putemg.LAYOUT: f".../{putemg.EXAMPLE}",
    hht.LAYOUT: f".../{hht.EXAMPLE}",
    bids.LAYOUT: f".../{bids.EXAMPLE}",
    RECORDINGS: "what 'python -m devices record' writes, our own .npz files, or tables that state their rate and unit",
}
"""Every known layout and what it looks like."""
_OF_TRIALS = {synapse.LAYOUT, myo_readings.LAYOUT, grabmyo.LAYOUT}
"""Layouts whose names tell what each file shows, so that a missing one can be named."""


class Dataset:
    """The recordings of a data set, read one at a time.

    Attributes:
        layout: one of ``LAYOUTS``.
        entries: sorted by person, session, gesture, trial, name.
        skipped: one sentence for each file that was left out; grows while ``read_all`` finds malformed ones.
    """

    def __init__(self, tree: Tree, layout: str, entries: tuple[Entry, ...], skipped: list[str]) -> None:
        self._tree = tree
        self.layout = layout
        self.entries = entries
        self.skipped = skipped

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def people(self) -> tuple[int, ...]:
        """Everybody in it, sorted."""
        return tuple(sorted({entry.person for entry in self.entries}))

    @property
    def sessions(self) -> tuple[int, ...]:
        """Every number of a sitting in it, sorted."""
        return tuple(sorted({entry.session for entry in self.entries}))

    def read(self, entry: Entry) -> Recording:
        """The recording.

        Raises:
            ValueError: the file is malformed or gone.
        """
        return _parsed(self._tree, entry.name)

    def read_all(self) -> Iterator[tuple[Entry, Recording]]:
        """Every recording in the order of ``entries``; a malformed file is added to ``skipped`` and left out."""
        for entry in self.entries:
            try:
                recording = self.read(entry)
            except ValueError as error:
                if str(error) not in self.skipped:
                    self.skipped.append(str(error))
            else:
                yield entry, recording

    def missing(self, among: Sequence[Entry] | None = None) -> list[str]:
        """What every other person and sitting has and one lacks, a sentence for each sitting.

        Only where names tell what each file shows: of Synapse, Myo readings and GRABMyo.

        Args:
            among: entries to look at; all if left out.
        """
        if self.layout not in _OF_TRIALS:
            return []
        entries = self.entries if among is None else among
        there = {(entry.person, entry.session, entry.gesture, entry.trial) for entry in entries}
        shown = sorted({(entry.gesture, entry.trial) for entry in entries}, key=lambda what: (what[0] or "", what[1]))
        sentences = []
        for person in sorted({entry.person for entry in entries}):
            for session in sorted({entry.session for entry in entries}):
                lacking = [what for what in shown if (person, session, *what) not in there]
                if lacking:
                    first = f"{lacking[0][0] or 'distraction'}, trial {lacking[0][1]}"
                    more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
                    sentences.append(f"person {person}, session {session} lacks {first}{more} of {len(shown)}")
        return sentences

    def close(self) -> None:
        """Closes the zip, if it is one; safe to call twice."""
        self._tree.close()


def open_dataset(path: str | Path) -> Dataset:
    """Opens a data set, whose layout is recognised by the names in it.

    Args:
        path: a folder, a zip, or a folder inside a zip; the data may lie any number of folders deeper, and one
            person's folder alone will do.

    Raises:
        ValueError: there is nothing there, nothing that is known, or two data sets at once.
    """
    tree = open_tree(Path(path))
    try:
        return _opened(tree)
    except BaseException:
        tree.close()
        raise


def _opened(tree: Tree) -> Dataset:
    names = _recordings(tree.names())
    found = {
        module.LAYOUT: [entry for name in names if (entry := module.entry(tree.root / name, name))]
        for module in (synapse, myo_readings, grabmyo, ninapro, putemg, hht)
    }
    found[bids.LAYOUT] = _bids_entries(names)
    layouts = [layout for layout, entries in found.items() if entries]
    if len(layouts) > 1:
        raise ValueError(
            f"{str(tree.root)!r} holds several data sets ({' and '.join(layouts)}); give the folder of one"
        )
    if not layouts:
        return _own_recordings(tree, names)
    entries, skipped = _single(sorted(found[layouts[0]], key=lambda entry: entry.order), tree, layouts[0])
    known = {entry.name for entry in found[layouts[0]]}
    skipped += [
        f"{str(tree.root / name)!r} has no name of the layout {layouts[0]} ({LAYOUTS[layouts[0]]})"
        for name in names
        if name not in known
    ]
    return Dataset(tree, layouts[0], entries, skipped)


def _recordings(names: list[str]) -> list[str]:
    """Files that may be recordings: without what describes others, and without the samples of a WFDB header."""
    headers = {name.removesuffix(".hea") for name in names if name.endswith(".hea")}
    return [
        name
        for name in names
        if name.lower().endswith(SUFFIXES) and not bids.is_sidecar(name) and name.removesuffix(".dat") not in headers
    ]


def _bids_entries(names: list[str]) -> list[Entry]:
    told = {name: bids.who(name) for name in bids.recordings(names)}
    people, sittings = _numbers({who for who, _, _ in told.values()}), _numbers({when for _, when, _ in told.values()})
    return [Entry(people[who], sittings[when], None, run, name) for name, (who, when, run) in told.items()]


def _parsed(tree: Tree, name: str) -> Recording:
    return parse(tree.root / name, tree.read(name), beside=beside_member(tree, name))


def _single(entries: list[Entry], tree: Tree, layout: str) -> tuple[tuple[Entry, ...], list[str]]:
    """Leaves out a trial that is there twice, where names tell trials; Myo readings of two hands are two."""
    first: dict[tuple[object, ...], Entry] = {}
    skipped = []
    for entry in entries:
        key = entry.order[:-1] if layout in {synapse.LAYOUT, grabmyo.LAYOUT} else (entry.name,)
        other = first.setdefault(key, entry)
        if other is not entry:
            skipped.append(f"{str(tree.root / entry.name)!r} is the same trial as {other.name!r}")
    return tuple(first.values()), skipped


def _own_recordings(tree: Tree, names: list[str]) -> Dataset:
    """Reads each file once to learn who and what is in it."""
    skipped: list[str] = []
    read: list[tuple[str, str, str, str | None]] = []
    for name in names:
        try:
            recording = _parsed(tree, name)
        except ValueError as error:
            skipped.append(str(error))
        else:
            read.append((name, recording.person, recording.session, _only_gesture(recording)))
    if not read:
        raise ValueError(_nothing(tree, skipped))
    people, sessions = _numbers({person for _, person, _, _ in read}), _numbers({session for _, _, session, _ in read})
    entries = [Entry(people[who], sessions[when], what, 1, name) for name, who, when, what in read]
    counts: Counter[tuple[object, ...]] = Counter()
    numbered = []
    for entry in sorted(entries, key=lambda entry: entry.order):
        counts[entry.person, entry.session, entry.gesture] += 1
        numbered.append(replace(entry, trial=counts[entry.person, entry.session, entry.gesture]))
    return Dataset(tree, RECORDINGS, tuple(numbered), skipped)


def _nothing(tree: Tree, skipped: list[str]) -> str:
    if skipped:
        return f"no recording in {str(tree.root)!r} can be read; the first of {len(skipped)}: {skipped[0]}"
    zips = [name for name in tree.names() if name.lower().endswith(".zip")]
    hint = f"; it holds {zips[0]!r}: give that" if zips else ""
    known = "; ".join(f"{layout} ({looks})" for layout, looks in LAYOUTS.items())
    return f"{str(tree.root)!r} holds no data set in a known layout{hint}; known are: {known}"


def _only_gesture(recording: Recording) -> str | None:
    if recording.labels is None:
        return None
    shown = np.unique(recording.labels)
    return recording.names[int(shown[0])] if len(shown) == 1 and shown[0] != UNLABELLED else None


def _numbers(names: set[str]) -> dict[str, int]:
    """A number for each person or sitting: their own; 0 for the unknown, who may all be one; others follow in order."""
    numbers = {name: int(name) for name in names if name.isascii() and name.isdigit()} | (
        {"": 0} if "" in names else {}
    )
    free = max(numbers.values(), default=0) + 1
    others = sorted(names - numbers.keys())
    return numbers | {name: free + place for place, name in enumerate(others)}
