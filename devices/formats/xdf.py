"""XDF, as LabRecorder and ``devices.formats.xdf_writer`` write it, read through pyxdf.

* *Stream.* The one of type ``EMG``; where none says so, the only one with numbers and a rate. Where there are several,
  the path goes on with the name of the one that is meant: ``recordings/both.xdf/left arm``.
* *Index.* Recordings of ours say the index of every sample in a third stream. Of others it is told from the stamps
  (``devices.formats.stamps``), after pyxdf has brought all streams to one clock; samples that are missing become gaps.
* *Rate.* The nominal one, which the stamps must bear out.
* *Labels.* The text of a stream of type ``Markers`` is the label from there on, an empty one ends it; of several such
  streams the first whose name speaks of labels or gestures counts, else the first.
* *Unit and channels* come from ``desc/channels``; channels in another unit than a voltage are left out.

What follows the last whole chunk of a file that was not closed is left out.
"""

from __future__ import annotations

import io
import logging
import math
import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.formats.foreign import reading
from devices.formats.stamps import placed
from devices.formats.tabular import to_microvolts
from devices.formats.timeline import Span, announced, filled, labelled
from devices.formats.units import UNITS, is_voltage, settled_rate, settled_unit
from devices.formats.xdf_chunks import whole_chunks
from devices.recording import Recording
from dsp.flow import Samples, StreamInfo

_RATE_TOLERANCE = 0.05
_LATEST_S = 1e12
_OF_LABELS = re.compile(r"label|gesture|prompt|cue", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Stream:
    """One stream of the file.

    Attributes:
        name: or "".
        kind: its type.
        rate_hz: nominal, 0 for none.
        source: ``source_id``, or "".
        description: the content of ``desc``: lists by name.
        stamps: ``(T,)`` seconds, on the clock of the recording computer.
        values: ``(T, C)`` numbers, or ``(T,)`` lists of text.
    """

    name: str
    kind: str
    rate_hz: float
    source: str
    stamps: NDArray[np.float64]
    values: Any
    description: dict[str, Any] = field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        """Holds text."""
        return isinstance(self.values, list)

    def texts(self, *path: str) -> list[str]:
        """The texts at a path of the description; "" for an empty element."""
        places: list[Any] = [self.description]
        for step in path:
            places = [inner for place in places if isinstance(place, dict) for inner in place.get(step, [])]
        return [place.strip() if isinstance(place, str) else "" for place in places]

    def text(self, *path: str) -> str:
        """The first of them, or ""."""
        return next(iter(self.texts(*path)), "")


def parse(path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None, stream: str = "") -> Recording:
    """Reads one stream.

    Args:
        path: the file.
        raw: its bytes.
        rate_hz: where the stream does not say it.
        unit: where the stream does not say it.
        stream: name of the one that is meant; "" where there is but one.

    Raises:
        ValueError: it is damaged, holds no such stream or several (the message names them), or ``rate_hz`` or ``unit``
            is missing or contradicts it.
    """
    where = str(path)
    with reading(where, "XDF file"):
        content, damage = whole_chunks(raw, where)
        streams = _streams(content)
        signal = _signal(streams, stream, where)
        index = _partner(streams, signal, "Index")
        if index is None:
            return _foreign(signal, streams, path, rate_hz, unit)
        if damage is not None:
            raise ValueError(
                f"{where!r} is damaged at byte {damage}, so the samples after it have lost their place; give a sound "
                f"copy"
            )
        return _own(signal, index, _partner(streams, signal, "Markers"), path, rate_hz, unit)


def _streams(content: bytes) -> list[_Stream]:
    import pyxdf  # noqa: PLC0415 - slow to import, and most recordings are no XDF

    logging.getLogger("pyxdf.pyxdf").setLevel(logging.CRITICAL)  # what it complains of is told or mended here
    read, _ = pyxdf.load_xdf(io.BytesIO(content), dejitter_timestamps=False)
    return [_stream(one) for one in read]


def _stream(one: Any) -> _Stream:
    info = one["info"]

    def said(key: str) -> str:
        value = info.get(key, [""])[0]
        return value if isinstance(value, str) else ""

    description = info.get("desc", [None])[0]
    return _Stream(
        name=said("name"),
        kind=said("type"),
        rate_hz=float(said("nominal_srate") or 0),
        source=said("source_id"),
        stamps=np.asarray(one["time_stamps"], np.float64),
        values=one["time_series"],
        description=description if isinstance(description, dict) else {},
    )


def _signal(streams: list[_Stream], name: str, where: str) -> _Stream:
    numeric = [stream for stream in streams if not stream.is_text and len(stream.stamps)]
    usable = [stream for stream in numeric if stream.kind.upper() == "EMG"]
    usable = usable or [stream for stream in numeric if stream.rate_hz > 0 and stream.kind != "Index"] or numeric
    if name:
        usable = [stream for stream in numeric if stream.name == name]
    if len(usable) == 1:
        return usable[0]
    held = ", ".join(f"{stream.name!r} (type {stream.kind or 'unknown'}, {stream.rate_hz:g} Hz)" for stream in streams)
    if not usable:
        wanted = f"stream {name!r} with samples" if name else "stream of samples"
        raise ValueError(f"{where!r} holds no {wanted}; it holds {held or 'nothing'}")
    raise ValueError(
        f"{where!r} holds several streams ({held}); name the one that is meant behind it, such as "
        f"{f'{where}/{usable[0].name}'!r}"
    )


def _partner(streams: list[_Stream], signal: _Stream, kind: str) -> _Stream | None:
    """The stream that a recording of ours keeps beside its signal."""
    if not (signal.source.startswith("myostream ") and signal.source.endswith(" EMG")):
        return None
    wanted = signal.source.removesuffix("EMG") + kind
    return next((one for one in streams if one.source == wanted and one.kind == kind and len(one.stamps)), None)


def _own(
    signal: _Stream, index: _Stream, markers: _Stream | None, path: PurePath, rate_hz: float | None, unit: str | None
) -> Recording:
    where = str(path)
    entries = np.asarray(index.values, np.int64)
    entries = entries[entries[:, 0] < len(signal.stamps)]
    if not len(entries) or entries[0, 0] != 0 or (np.diff(entries[:, 0]) < 0).any():
        raise ValueError(f"{where!r} has lost the numbers of its samples; it is damaged, give a sound copy")
    row = np.arange(len(signal.stamps), dtype=np.int64)
    entry = entries[np.searchsorted(entries[:, 0], row, side="right") - 1]
    number = entry[:, 1] + row - entry[:, 0]
    texts = [text[0] for text in markers.values] if markers is not None else []
    spans = [
        Span(int(number[first] - number[0]), None, texts[marker] if 0 <= marker < len(texts) else "")
        for first, _, marker in entries.tolist()
    ]
    rate = settled_rate(where, signal.rate_hz or None, rate_hz)
    return _recording(signal, number, spans, path, rate, unit)


def _foreign(
    signal: _Stream, streams: list[_Stream], path: PurePath, rate_hz: float | None, unit: str | None
) -> Recording:
    where = str(path)
    if not (np.abs(signal.stamps) < _LATEST_S).all():
        raise ValueError(f"{where!r} has stamps that are no times; it is damaged, give a sound copy")
    rate, number = _told(signal, where, rate_hz)
    of_text = [stream for stream in streams if stream.is_text and stream.kind.lower() in {"markers", "marker"}]
    markers = next((one for one in of_text if _OF_LABELS.search(one.name)), of_text[0] if of_text else None)
    spans = []
    if markers is not None:
        # A marker stands at the sample that was taken then, or at the next one.
        sorted_stamps = np.maximum.accumulate(signal.stamps)
        rows = np.searchsorted(sorted_stamps, markers.stamps - 0.5 / rate)
        spans = [
            Span(int(number[row]), None, " ".join(text[0].split()))
            for row, text in zip(rows.tolist(), markers.values, strict=True)
            if row < len(number)
        ]
    return _recording(signal, number, spans, path, rate, unit)


def _told(signal: _Stream, where: str, given: float | None) -> tuple[float, NDArray[np.int64]]:
    """The rate and the index of every sample, from the stamps and what is said."""
    nominal = signal.rate_hz
    if not (nominal > 0 and math.isfinite(nominal)) and given is None:
        raise ValueError(f"{where!r}: the stream {signal.name!r} states no rate; give it with --rate HZ")
    found = placed(signal.stamps, nominal or given or 0.0)
    if found is None:
        return settled_rate(where, nominal or None, given), np.arange(len(signal.stamps), dtype=np.int64)
    number, shown = found
    rate = given if given is not None and abs(given / shown - 1) <= _RATE_TOLERANCE else nominal
    if not rate or abs(rate / shown - 1) > _RATE_TOLERANCE:
        raise ValueError(
            f"{where!r}: the stream {signal.name!r} states {nominal:g} Hz, but its stamps show {shown:.4g} Hz; give "
            f"the right rate with --rate HZ"
        )
    known = nominal if nominal and abs(nominal / shown - 1) <= _RATE_TOLERANCE else None
    return settled_rate(where, known, given), number


def _recording(
    signal: _Stream, number: NDArray[np.int64], spans: list[Span], path: PurePath, rate: float, unit: str | None
) -> Recording:
    where = str(path)
    channels, values = _microvolts(signal, unit, where)
    samples, gaps = filled(values, number, rate, where)
    names, labels = labelled(spans, len(samples), gaps, where)
    names, labels = announced(signal.texts("labels", "label"), names, labels)
    full_scale = signal.text("acquisition", "full_scale_uv")
    return Recording(
        info=StreamInfo(signal.name or path.name, rate, channels, full_scale_uv=float(full_scale or math.inf)),
        samples=samples,
        names=names,
        labels=labels,
        person=signal.text("subject", "id"),
        session=signal.text("subject", "session"),
        simulated=signal.text("simulated").lower() == "true",
        gaps=gaps,
    )


def _microvolts(signal: _Stream, unit: str | None, where: str) -> tuple[tuple[str, ...], Samples]:
    """Names and values of the channels that are measured in a voltage."""
    values = np.asarray(signal.values, np.float64)
    count = values.shape[1]
    units, names = signal.texts("channels", "channel", "unit"), signal.texts("channels", "channel", "label")
    names = names if len(names) == count and all(names) else [f"ch{place + 1}" for place in range(count)]
    if len(units) != count or not any(units):
        kept, scales = list(range(count)), [settled_unit(where, None, unit)] * count
    else:
        kept = [place for place in range(count) if is_voltage(units[place])]
        if not kept:
            raise ValueError(
                f"{where!r}: no channel of {signal.name!r} is in {', '.join(UNITS)}, but in {', '.join(set(units))}"
            )
        scales = [settled_unit(where, units[place], unit) for place in kept]
    values = values[:, kept]
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(f"{where!r}: sample {row} of {names[kept[column]]!r} is not a finite number; cut it out")
    return tuple(names[place] for place in kept), to_microvolts(values * np.array(scales), 1.0, where)
