"""GRABMyo, and other recordings in the WFDB format: a header ``.hea`` and one or more ``.dat``.

``session1_participant1/session1_participant1_gesture10_trial1.hea`` (physionet.org/content/grabmyo, CC BY 4.0): 5 s of
one gesture at 2048 Hz in 32 columns, of which F1 ... F16 are two rings of eight electrodes around the forearm, W1 ...
W12 two rings of six around the wrist, and U1 ... U4 are not used.

Choices:

* *Channels.* F1 ... F8, the ring nearer the elbow, where there is one; otherwise every signal that has a unit of
  voltage.
* *Label.* The gesture in the file's name, for the whole of it; a recording with another name has none.

The format is that of header(5) and signal(5) of the WFDB Applications Guide; only signal format 16 is read: two bytes
a sample, least significant first, all signals of a file in turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from devices.entry import Entry
from devices.formats.beside import Beside, nothing_beside
from devices.formats.tabular import text_lines, to_microvolts
from devices.formats.units import UNITS, is_voltage, microvolts, settled_rate, settled_unit
from devices.recording import Recording
from dsp.flow import StreamInfo

LAYOUT = "grabmyo"
EXAMPLE = "session1_participant1/session1_participant1_gesture10_trial1.hea"
CHANNELS = tuple(f"F{number}" for number in range(1, 9))
NAMES = (
    "lateral prehension",
    "thumb adduction",
    "thumb and little finger opposition",
    "thumb and index finger opposition",
    "thumb and little finger extension",
    "thumb and index finger extension",
    "index and middle finger extension",
    "little finger extension",
    "index finger extension",
    "thumb extension",
    "wrist flexion",
    "wrist extension",
    "forearm pronation",
    "forearm supination",
    "hand open",
    "hand close",
    "rest",
)

_FILE = re.compile(
    r"session(?P<session>\d+)_participant(?P<person>\d+)_gesture(?P<gesture>\d+)_trial(?P<trial>\d+)\.(hea|dat)",
    re.ASCII,
)
_SIGNAL = re.compile(
    r"(?P<file>\S+)\s+(?P<format>\d+)(x(?P<each>\d+))?(:\d+)?(\+(?P<offset>\d+))?"
    r"(\s+(?P<gain>[-+.\deE]+)(\((?P<baseline>[-+]?\d+)\))?(/(?P<unit>\S+))?"
    r"(\s+(?P<bits>\d+)(\s+(?P<zero>[-+]?\d+)(\s+[-+]?\d+(\s+[-+]?\d+(\s+\d+(\s+(?P<name>.*\S))?)?)?)?)?)?)?\s*",
    re.ASCII,
)
_DEFAULT_HZ = 250.0
_DEFAULT_GAIN = 200.0
_MISSING = -(2**15)


@dataclass(frozen=True, slots=True)
class _Signal:
    """One line of a header."""

    name: str
    file: str
    offset: int
    gain: float
    baseline: int
    unit: str


def entry(path: PurePath, name: str) -> Entry | None:
    """What the path of a header says, or None where it is none of GRABMyo; see ``devices.formats.synapse.entry``."""
    found = _FILE.fullmatch(path.name)
    if not found or path.suffix != ".hea" or not 1 <= int(found["gesture"]) <= len(NAMES):
        return None
    gesture = NAMES[int(found["gesture"]) - 1]
    return Entry(int(found["person"]), int(found["session"]), gesture, int(found["trial"]), name)


def parse(
    path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None, beside: Beside = nothing_beside
) -> Recording:
    """Reads a recording by its header or by one of its signal files, the other lying beside it.

    Raises:
        ValueError: a file of it is missing or malformed, or ``rate_hz`` or ``unit`` contradicts the header.
    """
    where = str(path)
    if path.suffix.lower() == ".hea":
        header = raw
    else:
        found = beside(path.with_suffix(".hea").name)
        if found is None:
            raise ValueError(
                f"{where!r} needs its header {path.with_suffix('.hea').name!r} beside it; copy that as well"
            )
        header = found
    lines = [line for line in text_lines(header, where) if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise ValueError(f"{where!r} holds nothing but remarks; copy it again")
    count, rate, length = _record(lines[0], where)
    signals = [_signal(line, number, where) for number, line in enumerate(lines[1 : count + 1], 1)]
    if len(signals) < count:
        raise ValueError(f"{where!r} announces {count} signals and describes {len(signals)}; copy it again")
    rate = settled_rate(where, rate, rate_hz)
    digital = _digital(signals, length, where, path.name, raw, beside)
    kept = _kept(signals, where, unit)
    samples = np.column_stack([_physical(digital[:, place], signals[place], where) for place in kept])
    who = _FILE.fullmatch(path.name)
    gesture = int(who["gesture"]) - 1 if who and 1 <= int(who["gesture"]) <= len(NAMES) else None
    return Recording(
        info=StreamInfo(path.stem, rate, tuple(signals[place].name for place in kept)),
        samples=samples,
        names=() if gesture is None else NAMES,
        labels=None if gesture is None else np.full(len(samples), gesture, np.int16),
        person=str(int(who["person"])) if who else "",
        session=str(int(who["session"])) if who else "",
    )


def _record(line: str, where: str) -> tuple[int, float, int | None]:
    """Number of signals, rate and length that the first line of a header tells."""
    fields = line.split()
    found = re.match(r"[\d.eE+-]+", fields[2]) if len(fields) > 2 else None
    try:
        count, rate = int(fields[1]), float(found[0]) if found else _DEFAULT_HZ
        length = int(fields[3]) if len(fields) > 3 else 0
    except (ValueError, IndexError):
        raise ValueError(f"{where!r} is no WFDB header: its first line is {line[:60]!r}") from None
    if "/" in fields[0]:
        raise ValueError(f"{where!r} is made of several segments, which are not read; give one of them")
    if not (1 <= count <= 10_000 and length >= 0):
        raise ValueError(f"{where!r} announces {count} signals of {length} samples; it is no recording")
    return count, rate, length or None


def _signal(line: str, number: int, where: str) -> _Signal:
    found = _SIGNAL.fullmatch(line)
    if not found:
        raise ValueError(f"{where!r} is no WFDB header: signal {number} is described by {line[:60]!r}")
    if found["format"] != "16" or found["each"] not in {None, "1"}:
        raise ValueError(
            f"{where!r}: signal {number} has the WFDB format {found['format']}, and only 16 is read; convert it with "
            f"'xform' of the WFDB programs"
        )
    try:
        gain = float(found["gain"] or 0) or _DEFAULT_GAIN
    except ValueError:
        raise ValueError(f"{where!r}: signal {number} has the gain {found['gain']!r}, which is no number") from None
    baseline = int(found["baseline"] or found["zero"] or 0)
    name = found["name"] or f"ch{number}"
    return _Signal(name, found["file"], int(found["offset"] or 0), gain, baseline, found["unit"] or "mV")


def _digital(
    signals: Sequence[_Signal], length: int | None, where: str, own: str, raw: bytes, beside: Beside
) -> NDArray[np.int16]:
    """``(T, signals)`` counts, each file's signals in turn."""
    columns: dict[int, NDArray[np.int16]] = {}
    for file in dict.fromkeys(signal.file for signal in signals):
        places = [place for place, signal in enumerate(signals) if signal.file == file]
        content = raw if file == own else beside(file) if re.fullmatch(r"[^/\\]+", file) else None
        if content is None:
            raise ValueError(f"{where!r} needs {file!r} beside it, which holds its samples; copy that as well")
        body = content[signals[places[0]].offset :]
        held = len(body) // (2 * len(places))
        rows = held if length is None else length
        if not 0 < rows <= held:
            raise ValueError(f"{where!r} announces {rows} samples, but {file!r} holds {held}; copy it again")
        block = np.frombuffer(body, "<i2", rows * len(places)).reshape(rows, len(places))
        columns |= {place: block[:, column] for column, place in enumerate(places)}
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError(f"{where!r} has signals of several lengths; it is damaged, copy it again")
    return np.column_stack([columns[place] for place in range(len(signals))])


def _kept(signals: Sequence[_Signal], where: str, unit: str | None) -> list[int]:
    place = {signal.name: number for number, signal in enumerate(signals)}
    kept = [place[name] for name in CHANNELS] if place.keys() >= set(CHANNELS) else []
    kept = kept or [number for number, signal in enumerate(signals) if is_voltage(signal.unit)]
    if not kept:
        units = ", ".join(sorted({signal.unit for signal in signals}))
        raise ValueError(f"{where!r} has no signal in {', '.join(UNITS)}; its units are {units}")
    for number in kept:
        settled_unit(where, signals[number].unit, unit)
    return kept


def _physical(digital: NDArray[np.int16], signal: _Signal, where: str) -> NDArray[np.float32]:
    if (digital == _MISSING).any():
        row = int(np.argmax(digital == _MISSING))
        raise ValueError(f"{where!r}: sample {row} of {signal.name!r} is marked as missing; cut the recording there")
    return to_microvolts(
        (digital.astype(np.float64) - signal.baseline) / signal.gain, microvolts(signal.unit, where), where
    )
