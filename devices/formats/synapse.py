"""The layout of the Synapse challenge: one held gesture a file.

``.../session{s}_subject_{p}/gesture{gg}_trial{tt}.csv``: a header ``ch1,...,ch8``, then 2560 rows (5 s at 512 Hz) in
millivolts. A subset of GRABMyo (Pradhan, He & Jiang, Scientific Data 9:733, 2022, doi 10.1038/s41597-022-01836-y).
There is no rest: every sample of a file carries the file's gesture, its rise included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from devices.entry import Entry
from devices.formats.tabular import Table, columns_of, to_microvolts
from devices.formats.units import settled_rate, settled_unit
from devices.recording import Recording
from dsp.flow import StreamInfo

LAYOUT = "synapse"
EXAMPLE = "session1_subject_18/gesture04_trial01.csv"
RATE_HZ = 512.0
UNIT = "mV"
CHANNELS = tuple(f"ch{number}" for number in range(1, 9))
NAMES = tuple(f"gesture{number:02d}" for number in range(5))

_FOLDER = re.compile(r"session(\d+)_subject_(\d+)", re.ASCII)
_FILE = re.compile(r"(gesture0[0-4])_trial(\d+)\.csv", re.ASCII)


def entry(path: PurePath, name: str) -> Entry | None:
    """What the path says, or None where it is not of this layout.

    Args:
        path: the whole path.
        name: the name that the entry gets.
    """
    folder, file = _FOLDER.fullmatch(path.parent.name), _FILE.fullmatch(path.name)
    if not folder or not file:
        return None
    return Entry(int(folder[2]), int(folder[1]), file[1], int(file[2]), name)


def recognises(path: PurePath, first_line: str) -> bool:
    """Whether a file belongs to this layout, by its own name and its header (its folder may be another)."""
    columns = columns_of(first_line, ",")
    return bool(_FILE.fullmatch(path.name)) and all(re.fullmatch(r"ch\d+", name) for name in columns)


def parse(path: PurePath, lines: Sequence[str], *, rate_hz: float | None, unit: str | None) -> Recording:
    """Reads one trial, a file that ``recognises`` holds for one.

    Raises:
        ValueError: it is malformed, or ``rate_hz`` or ``unit`` contradicts the layout.
    """
    where = str(path)
    columns = columns_of(lines[0], ",")
    if tuple(columns) != CHANNELS:
        raise ValueError(
            f"{where!r} has {len(columns)} columns ({','.join(columns)}); a Synapse trial has 8 ({','.join(CHANNELS)})"
        )
    rate = settled_rate(where, RATE_HZ, rate_hz)
    scale = settled_unit(where, UNIT, unit)
    samples = to_microvolts(Table(where, lines[1:], columns, first_line=2).floats(), scale, where)
    gesture = path.name.partition("_")[0]
    folder = _FOLDER.fullmatch(path.parent.name)
    return Recording(
        info=StreamInfo(f"{path.parent.name}/{path.name}" if folder else path.name, rate, CHANNELS),
        samples=samples,
        names=NAMES,
        labels=np.full(len(samples), NAMES.index(gesture), np.int16),
        person=folder[2] if folder else "",
        session=folder[1] if folder else "",
    )
