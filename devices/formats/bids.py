"""EMG-BIDS 1.11: BDF or EDF files with a description, channels and events beside them.

``sub-7/ses-1/emg/sub-7_ses-1_task-gestures_run-1_emg.bdf`` with ``..._emg.json``, ``..._channels.tsv`` and
``..._events.tsv``, each of which may also stand in a folder above and lack some of the name's parts (the inheritance
principle).

* *Channels* of type EMG; one whose status is bad is kept and called ``NAME (bad)``.
* *Labels* are the ``trial_type`` of the events, from onset on for their duration, or until the next event where it is
  "n/a"; without events, the annotations of the file. ``BAD_gap`` is a gap as in ``devices.formats.bdf``.
* *Rate* is ``SamplingFrequency`` of the description, if the file bears it out; *who* comes from the name.

Source: https://bids-specification.readthedocs.io/en/stable/modality-specific-files/electromyography.html
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import PurePath, PurePosixPath
from typing import Any

from devices.formats import bdf
from devices.formats.bdf_writer import GAP
from devices.formats.beside import Beside
from devices.formats.units import settled_rate
from devices.recording import Recording
from dsp.flow import StreamInfo

LAYOUT = "emg-bids"
EXAMPLE = "sub-01/ses-1/emg/sub-01_ses-1_task-gestures_run-1_emg.bdf"

_FILE = re.compile(
    r"sub-(?P<person>[a-z0-9+]+)(_ses-(?P<session>[a-z0-9+]+))?(_[a-z]+-[a-z0-9+]+)*_emg\.(bdf|edf)",
    re.ASCII | re.IGNORECASE,
)
_RUN = re.compile(r"_run-(\d{1,9})(?=_)", re.ASCII)
_ABOVE = re.compile(r"(emg|ses-[a-z0-9+]+|sub-[a-z0-9+]+)", re.ASCII | re.IGNORECASE)
_LITTER = re.compile(
    r".*_(channels|events|electrodes|scans|sessions|physio|stim)\.tsv|(participants|samples)\.tsv|README.*"
)
_RATE_TOLERANCE = 1e-3


def recognises(path: PurePath) -> bool:
    """Whether a file's name is that of a recording."""
    return bool(_FILE.fullmatch(path.name))


def recordings(names: Iterable[str]) -> list[str]:
    """Those of some files that are recordings."""
    return [name for name in names if recognises(PurePosixPath(name))]


def is_sidecar(name: str) -> bool:
    """Whether a file belongs to a data set of this kind and is no recording."""
    return bool(_LITTER.fullmatch(PurePosixPath(name).name))


def who(name: str) -> tuple[str, str, int]:
    """Person, sitting ("" where there is none) and run, as the name of a recording says them."""
    found = _FILE.fullmatch(PurePosixPath(name).name)
    if not found:
        raise ValueError(f"{name!r} has no name of an EMG-BIDS recording, such as {PurePosixPath(EXAMPLE).name}")
    run = _RUN.search(found[0])
    return found["person"], found["session"] or "", int(run[1]) if run else 1


def parse(path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None, beside: Beside) -> Recording:
    """Reads a recording and what stands beside it.

    Raises:
        ValueError: one of them is malformed or contradicts another, or ``rate_hz`` or ``unit`` contradicts them.
    """
    where = str(path)
    about: dict[str, Any] = {}
    for name, text in reversed(list(_beside(path, "emg.json", beside))):
        about |= _description(text, name, where)
    channels = _table(path, "channels.tsv", beside)
    kinds = {row.get("name", "")[:16].strip(): row for row in channels if row.get("type", "EMG").upper() == "EMG"}
    if channels and not kinds:
        raise ValueError(
            f"{where!r} has no channel of type EMG in its channels.tsv; correct that, or give another file"
        )
    units = {name: row.get("units", "") for name, row in kinds.items()} or None
    signals = bdf.read(path, raw, unit=unit, units=units)
    said = about.get("SamplingFrequency")
    known = float(said) if isinstance(said, int | float) and math.isfinite(said) and said > 0 else signals.rate_hz
    if not math.isclose(known, signals.rate_hz, rel_tol=_RATE_TOLERANCE):
        raise ValueError(
            f"{where!r} has {signals.rate_hz:g} Hz, but its emg.json says SamplingFrequency {known:g}; correct that"
        )
    signals = replace(signals, rate_hz=settled_rate(where, known, rate_hz))
    notes: Iterable[bdf.Note] = signals.notes
    events = _table(path, "events.tsv", beside)
    if events:
        notes = [*_notes(events, where), *(note for note in signals.notes if note.text == GAP)]
    bad = {name for name, row in kinds.items() if row.get("status", "").lower() == "bad"}
    names = tuple(f"{name} (bad)" if name in bad else name for name in signals.channels)
    device = about.get("Device")
    info = StreamInfo(device if isinstance(device, str) and device else path.name, signals.rate_hz, names)
    recording = bdf.assembled(signals, notes, info, where)
    person, session, _ = who(path.name)
    simulated = recording.simulated or about.get("Simulated") is True
    return replace(recording, person=person, session=session, simulated=simulated)


def _beside(path: PurePath, ending: str, beside: Beside) -> Iterator[tuple[str, bytes]]:
    """The files of this ending that apply, the nearest and most specific first."""
    parts = re.sub(r"_emg\.(bdf|edf)$", "", path.name, flags=re.IGNORECASE).split("_")
    depth = 0
    for folder in path.parts[-2::-1]:
        if not _ABOVE.fullmatch(folder):
            break
        depth += 1
    for level in range(depth + 1):
        for size in range(len(parts), -1, -1):
            for kept in combinations(parts, size) if len(parts) <= 8 else [parts[:size]]:
                name = "../" * level + "_".join([*kept, ending])
                text = beside(name)
                if text is not None:
                    yield name, text


def _description(raw: bytes, name: str, where: str) -> dict[str, Any]:
    try:
        read = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where!r}: its {name!r} is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise ValueError(f"{where!r}: its {name!r} should hold names and values in braces")
    return read


def _table(path: PurePath, ending: str, beside: Beside) -> list[dict[str, str]]:
    """The rows of the first table that applies, by column; empty where there is none."""
    for _, raw in _beside(path, ending, beside):
        lines = [line for line in raw.decode("utf-8-sig", "replace").splitlines() if line.strip()]
        columns = [name.strip() for name in lines[0].split("\t")] if lines else []
        cells = [[cell.strip() for cell in line.split("\t")] for line in lines[1:]]
        return [{name: cell for name, cell in zip(columns, row, strict=False) if cell != "n/a"} for row in cells]
    return []


def _notes(events: list[dict[str, str]], where: str) -> list[bdf.Note]:
    return [
        bdf.Note(_seconds(row, "onset", where) or 0.0, _seconds(row, "duration", where), row["trial_type"])
        for row in events
        if row.get("trial_type") and "onset" in row
    ]


def _seconds(row: dict[str, str], column: str, where: str) -> float | None:
    text = row.get(column)
    try:
        value = float(text) if text else None
    except ValueError:
        value = math.nan
    if value is not None and not abs(value) < 1e9:
        raise ValueError(f"{where!r}: its events.tsv has the {column} {text!r}, which is no number of seconds")
    return value
