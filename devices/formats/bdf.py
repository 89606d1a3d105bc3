"""BDF, BDF+, EDF and EDF+, read through edfio.

* *Channels.* The signals in a unit of voltage, without those whose label names another kind (EEG, ECG, Status, ...);
  of several rates, the signals of the commonest one.
* *Labels.* An annotation labels the samples from its onset on, for its duration, or until the next one where it has
  none; an empty text ends a label.
* *Gaps.* ``BAD_gap`` with a duration spans samples that were not measured (``devices.formats.bdf_writer``): they are a
  gap, or cut off at the end. Other annotations that begin with ``BAD`` or ``EDGE`` are mne's and no labels.
* *Who.* Of EDF+ and BDF+, the patient's code and the code of the investigation; the name is the equipment's.

The last record may be incomplete and is left out then; how many there are is counted, whatever the header says.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.formats.bdf_writer import GAP, NO_LABEL
from devices.formats.foreign import reading
from devices.formats.tabular import to_microvolts
from devices.formats.timeline import Gaps, Span, draw_line, joined, labelled
from devices.formats.units import UNITS, is_voltage, settled_rate, settled_unit
from devices.recording import Recording
from dsp.flow import Samples, StreamInfo

_OTHER_KINDS = re.compile(
    r"(eeg|ecg|ekg|eog|erg|meg|gsr|eda|sao2|spo2|temp|resp|flow|light|sound|acc|gyro|status|trigger|marker|event)\b",
    re.IGNORECASE,
)


class Note(NamedTuple):
    """An annotation: when it begins, how long it lasts (None: unknown), what it says."""

    onset_s: float
    duration_s: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Signals:
    """What the file holds, before labels and gaps are made of its annotations."""

    channels: tuple[str, ...]
    samples: Samples
    rate_hz: float
    notes: tuple[Note, ...]
    device: str
    person: str
    session: str
    simulated: bool


def parse(path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None) -> Recording:
    """Reads a recording.

    Raises:
        ValueError: it is damaged, holds no EMG, or ``rate_hz`` or ``unit`` contradicts it.
    """
    signals = read(path, raw, unit=unit)
    rate = settled_rate(str(path), signals.rate_hz, rate_hz)
    return assembled(signals, signals.notes, StreamInfo(signals.device or path.name, rate, signals.channels), str(path))


def read(path: PurePath, raw: bytes, *, unit: str | None, units: Mapping[str, str] | None = None) -> Signals:
    """Reads the signals.

    Args:
        path: the file; ``.bdf`` has 24 bits, ``.edf`` 16.
        raw: its bytes.
        unit: of all of them, where the file does not say it.
        units: of each EMG signal by name, where that is known from elsewhere; others are left out then.

    Raises:
        ValueError: see ``parse``.
    """
    where = str(path)
    with reading(where, f"{path.suffix[1:].upper()} file"):
        return _read(where, raw, unit, units)


def assembled(signals: Signals, notes: Iterable[Note], info: StreamInfo, where: str) -> Recording:
    """A recording with labels and gaps from annotations, those of the file or others."""
    spans, holes = [], []
    for note in notes:
        text = " ".join(note.text.split())
        first, lasts = _sample(note.onset_s, signals.rate_hz, where), note.duration_s
        end = None if not lasts else _sample(note.onset_s + lasts, signals.rate_hz, where)
        if text == GAP and end is not None:
            holes.append((first, end - first))
        elif not text.upper().startswith(NO_LABEL):
            spans.append(Span(first, end, text))
    samples, gaps = _without(signals.samples, joined(holes, len(signals.samples)), where)
    names, labels = labelled(spans, len(samples), gaps, where)
    return Recording(
        info=info,
        samples=samples,
        names=names,
        labels=labels,
        person=signals.person,
        session=signals.session,
        simulated=signals.simulated,
        gaps=gaps,
    )


def _sample(seconds: float, rate_hz: float, where: str) -> int:
    """The sample that is taken then."""
    if not abs(seconds * rate_hz) < 2**53:
        raise ValueError(f"{where!r} has an annotation at {seconds:.3g} s, which is no time; correct or remove it")
    return round(seconds * rate_hz)


def _read(where: str, raw: bytes, unit: str | None, units: Mapping[str, str] | None) -> Signals:
    import edfio  # noqa: PLC0415 - slow to import, and most recordings are none of these

    reader: Any = edfio.read_bdf if raw[:1] == b"\xff" else edfio.read_edf
    file = reader(raw, header_encoding="latin-1")
    if file.reserved.endswith("+D") and not file.is_continuous:
        raise ValueError(f"{where!r} has pauses between its records ({file.reserved}); export it as continuous")
    if not file.num_data_records:
        raise ValueError(f"{where!r} holds no whole record of samples; the recording ended before its first one")
    kept = _kept(file.signals, where, unit, units)
    scales = [_scale(signal, where, unit, units) for signal in kept]
    columns = [to_microvolts(signal.data, scale, where) for signal, scale in zip(kept, scales, strict=True)]
    rate = kept[0].samples_per_data_record / file.data_record_duration
    notes = tuple(Note(note.onset, note.duration, note.text) for note in file.annotations)
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"{where!r} states records of {file.data_record_duration} s; it is damaged")
    patient = file.local_patient_identification.split() if "+" in file.reserved else []
    sitting = file.local_recording_identification.split() if "+" in file.reserved else []
    return Signals(
        channels=tuple(signal.label.strip() or f"ch{number + 1}" for number, signal in enumerate(kept)),
        samples=np.column_stack(columns),
        rate_hz=rate,
        notes=notes,
        device=_known(sitting, 4).replace("_", " "),
        person=_known(patient, 0),
        session=_known(sitting, 2),
        simulated="simulated" in sitting[5:],
    )


def _kept(signals: Any, where: str, unit: str | None, units: Mapping[str, str] | None) -> list[Any]:
    """The EMG signals of one rate."""
    if units is not None:
        usable = [signal for signal in signals if signal.label.strip() in units]
    else:
        usable = [signal for signal in signals if not _OTHER_KINDS.match(signal.label)]
        voltages = [signal for signal in usable if is_voltage(signal.physical_dimension)]
        usable = voltages or [signal for signal in usable if not signal.physical_dimension]
    usable = [signal for signal in usable if signal.samples_per_data_record > 0]
    if not usable:
        held = ", ".join(f"{signal.label} [{signal.physical_dimension}]" for signal in list(signals)[:8]) or "nothing"
        raise ValueError(f"{where!r} holds no EMG, which is measured in {', '.join(UNITS)}; it holds {held}")
    counts = Counter(signal.samples_per_data_record for signal in usable)
    commonest = max(counts, key=lambda rate: (counts[rate], rate))
    kept = [signal for signal in usable if signal.samples_per_data_record == commonest]
    if unit is None and units is None and not kept[0].physical_dimension:
        raise ValueError(f"{where!r} does not say the unit of its samples; give it with --unit {'|'.join(UNITS)}")
    return kept


def _scale(signal: Any, where: str, unit: str | None, units: Mapping[str, str] | None) -> float:
    said = signal.physical_dimension or (units or {}).get(signal.label.strip(), "")
    return settled_unit(where, said or None, unit)


def _known(fields: list[str], place: int) -> str:
    """A subfield; X stands for unknown."""
    return fields[place] if len(fields) > place and fields[place] != "X" else ""


def _without(samples: NDArray[np.float32], gaps: Gaps, where: str) -> tuple[Samples, Gaps]:
    """Straight lines through the gaps; one at the end is cut off."""
    if gaps and sum(gaps[-1]) == len(samples):
        samples, gaps = samples[: gaps[-1][0]], gaps[:-1]
    if not len(samples):
        raise ValueError(f"{where!r} marks all of its samples as not measured")
    for first, count in gaps:
        draw_line(samples, first, count)
    return samples, gaps
