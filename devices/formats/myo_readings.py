"""The layout of the Myo readings: a minute of rest and one gesture in turn, five seconds each.

``_readings_{right,left}_hand/<person>-<session>/<gesture>.txt``: nine comma-separated whole numbers a line, eight
int8 counts of a Myo armband and the label (github.com/aljazfrancic/myo-readings-dataset, MIT licence).

Choices that the data leave open:

* *Unit.* The armband sends raw int8 counts whose size in volts its maker never gave. One count is taken as one
  microvolt; only relations between such recordings mean anything.
* *Rate.* 200 Hz, the armband's nominal rate. Some files hold up to a fifth more lines than their minute should.
* *Distraction.* ``0.txt`` is a minute of other movements that must not be recognised. The file labels all of it 0,
  and so it is read as ``rest``, the right answer there being "no gesture"; its entry has gesture None, by which
  training and scoring can tell it from true rest.
* *Label.* Left as it is, although the hand follows it by a median of 0.23 s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from devices.entry import Entry
from devices.formats.tabular import Table
from devices.formats.units import settled_rate, settled_unit
from devices.recording import Recording
from dsp.flow import StreamInfo

LAYOUT = "myo-readings"
EXAMPLE = "_readings_right_hand/12345-2/3.txt"
RATE_HZ = 200.0
CHANNELS = tuple(f"ch{number}" for number in range(1, 9))
NAMES = ("rest", "flexion", "extension", "radial deviation", "ulnar deviation", "pronation", "supination", "fist")

_FOLDER = re.compile(r"(\d+)-(\d+)", re.ASCII)
_FILE = re.compile(r"([0-7])\.txt", re.ASCII)
_COLUMNS = (*CHANNELS, "label")


def entry(path: PurePath, name: str) -> Entry | None:
    """What the path says, or None where it is not of this layout; see ``devices.formats.synapse.entry``."""
    folder, file = _FOLDER.fullmatch(path.parent.name), _FILE.fullmatch(path.name)
    if not folder or not file:
        return None
    return Entry(int(folder[1]), int(folder[2]), NAMES[int(file[1])] if file[1] != "0" else None, 1, name)


def parse(path: PurePath, lines: Sequence[str], *, rate_hz: float | None, unit: str | None) -> Recording:
    """Reads one file.

    Where the file's name says which gesture it holds, no other may be labelled in it.

    Raises:
        ValueError: it is malformed or mislabelled, or ``rate_hz`` or ``unit`` contradicts the layout.
    """
    where = str(path)
    rate = settled_rate(where, RATE_HZ, rate_hz)
    settled_unit(where, "uV", unit)
    values = Table(where, lines, _COLUMNS, first_line=1).integers()
    file, folder = _FILE.fullmatch(path.name), _FOLDER.fullmatch(path.parent.name)
    _check(values, where, int(file[1]) if file else None)
    return Recording(
        info=StreamInfo(f"{path.parent.name}/{path.name}" if folder else path.name, rate, CHANNELS),
        samples=np.ascontiguousarray(values[:, :8], dtype=np.float32),
        names=NAMES,
        labels=values[:, 8].astype(np.int16),
        person=folder[1] if folder else "",
        session=folder[2] if folder else "",
    )


def _check(values: NDArray[np.int64], where: str, gesture: int | None) -> None:
    counts, labels = values[:, :8], values[:, 8]
    outside = (counts < -128) | (counts > 127)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise ValueError(
            f"{where!r}, line {row + 1}, column {CHANNELS[column]!r}: {counts[row, column]} is no int8 count "
            f"(-128 ... 127)"
        )
    allowed = (0, *range(1, 8)) if gesture is None else (0, gesture)
    wrong = ~np.isin(labels, allowed)
    if wrong.any():
        row = int(np.argmax(wrong))
        expected = " or ".join(map(str, sorted(set(allowed)))) if gesture is not None else "0 to 7"
        raise ValueError(
            f"{where!r}, line {row + 1}, is labelled {labels[row]}; in this file only {expected} can be right"
        )
