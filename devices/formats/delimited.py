"""CSV and TSV of any origin: a header line, then one row per sample.

Lines before the header that start with ``#`` or ``%`` may say ``rate_hz: 1000``, ``unit: mV``, ``person: 3``,
``session: 1`` and ``simulated: true`` (also with ``=``). In the header,

* ``time``, ``time_s``, ``time_ms``, ``time_us`` or ``time_ns`` is the time of each row (``time`` is in seconds),
  from which the rate is taken where nothing else gives it;
* ``label`` is the gesture of each row, a name or a number, empty where unknown;
* ``sample`` or ``index`` is the number of the row: where it jumps, samples are missing and become a gap of the
  recording; a column that does not count upwards, mostly by one, is left out (a packet counter that wraps);
* every other column is a channel; ``ch1 [mV]`` or ``ch1 (mV)`` names its unit as well.

The delimiter is the one found in the header: a tab, a semicolon or a comma. A last line without a line end that is
cut short is left out: the recording was ended by force.

What ``devices.formats.csv_writer`` writes also says ``name``, ``names`` and ``full_scale_uv``, and its ``sample`` is
trusted more than its ``time_s``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from devices.formats.tabular import Table, columns_of, is_number, to_microvolts
from devices.formats.timeline import announced, filled, labelled, stretches
from devices.formats.units import microvolts, settled_rate, settled_unit
from devices.recording import Recording
from dsp.flow import StreamInfo

_SECONDS = {"time": 1.0, "time_s": 1.0, "time_ms": 1e-3, "time_us": 1e-6, "time_ns": 1e-9}
_COUNTERS = {"sample", "index"}
_NOT_CHANNELS = {*_SECONDS, *_COUNTERS, "label"}
_RATE_KEYS = {"rate_hz", "rate", "sampling_rate", "sample_rate", "fs"}
_WITH_UNIT = re.compile(r"(.*?)\s*[\[(]\s*([uµμm]?V)\s*[\])]", re.IGNORECASE)
_CLOCK_TOLERANCE = 0.01
_LONGEST_PAUSE_S = 0.25
_CUT_NUMBER = re.compile(r"\s*[+-]?\d*\.?\d*([eE][+-]?\d*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands above the data."""

    remarks: dict[str, str]
    columns: list[str]
    delimiter: str
    first_line: int  # of the data, counted from 1

    @property
    def is_own(self) -> bool:
        """Written by ``devices.formats.csv_writer``."""
        return "first_stamp_s" in self.remarks

    def own(self, key: str) -> str:
        """A remark of a recording of ours, or ""."""
        return self.remarks.get(key, "") if self.is_own else ""

    def place(self, name: str) -> int | None:
        """Index of the column of this name."""
        return next((index for index, column in enumerate(self.columns) if column.lower() == name), None)


def parse(
    path: PurePath, lines: Sequence[str], *, rate_hz: float | None, unit: str | None, cut: bool = False
) -> Recording:
    """Reads a table.

    Args:
        path: the file.
        lines: of it.
        rate_hz: where the file does not say it.
        unit: where the file does not say it.
        cut: the last line has no line end, so it may be half a line.

    Raises:
        ValueError: it is malformed, its rate or unit is neither given nor in the file, or one contradicts the other.
    """
    where = str(path)
    head = _head(lines, where)
    label = head.place("label")
    rows = _whole(lines[head.first_line - 1 :], head) if cut else lines[head.first_line - 1 :]
    values = Table(where, rows, head.columns, head.first_line, head.delimiter).floats(without=label)
    kept = [column for index, column in enumerate(head.columns) if index != label]
    places = [index for index, column in enumerate(kept) if column.lower() not in _NOT_CHANNELS]
    channels, known_unit = _channels([kept[index] for index in places], head, where)
    number = _numbers(values, kept)
    rate = _rate(values, kept, head, where, rate_hz, number)
    scale = settled_unit(where, known_unit, unit)
    samples, gaps = filled(to_microvolts(values[:, places], scale, where), number, rate, where)
    shown = [] if label is None else [row.split(head.delimiter)[label].strip().strip("\"'") for row in rows]
    names, labels = labelled(stretches(shown, number), len(samples), gaps, where)
    names, labels = announced(map(str.strip, head.own("names").split(",")), names, labels)
    return Recording(
        info=StreamInfo(head.own("name") or path.name, rate, channels, full_scale_uv=_full_scale(head)),
        samples=samples,
        names=names,
        labels=labels,
        person=head.remarks.get("person", ""),
        session=head.remarks.get("session", ""),
        simulated=head.remarks.get("simulated", "").lower() in {"true", "yes", "1"},
        gaps=gaps,
    )


def _head(lines: Sequence[str], where: str) -> _Head:
    remarks: dict[str, str] = {}
    number = 1
    while number <= len(lines) and (not lines[number - 1].strip() or lines[number - 1].startswith(("#", "%"))):
        key, *value = re.split("[:=]", lines[number - 1].strip("#% \t"), maxsplit=1)
        if value:
            remarks[key.strip().lower().replace(" ", "_")] = value[0].strip()
        number += 1
    if number > len(lines):
        raise ValueError(f"{where!r} holds nothing but remarks; a header line and samples are missing")
    line = lines[number - 1]
    delimiter = next((mark for mark in "\t;" if mark in line), ",")
    columns = columns_of(line, delimiter)
    if all(is_number(column) for column in columns):
        raise ValueError(
            f"{where!r} has no header: line {number} is all numbers; put a line with the channels' names above it"
        )
    _check_columns(columns, where, number)
    return _Head(remarks, columns, delimiter, number + 1)


def _check_columns(columns: list[str], where: str, number: int) -> None:
    for index, column in enumerate(columns):
        if not column:
            raise ValueError(f"{where!r}, line {number}: column {index + 1} of the header has no name")
        if column in columns[:index]:
            raise ValueError(f"{where!r}, line {number}: the header names column {column!r} twice")


def _channels(columns: list[str], head: _Head, where: str) -> tuple[tuple[str, ...], str | None]:
    if not columns:
        raise ValueError(f"{where!r} has no channel among its columns ({', '.join(head.columns)})")
    matches = [_WITH_UNIT.fullmatch(column) for column in columns]
    units = {match[2] for match in matches if match} | {unit for unit in [head.remarks.get("unit")] if unit}
    if len({microvolts(unit, where) for unit in units}) > 1:
        raise ValueError(f"{where!r} gives several units ({', '.join(sorted(units))}); all must be the same")
    names = tuple(match[1] if match and match[1] else column for match, column in zip(matches, columns, strict=True))
    return names, min(units, default=None)


def _rate(
    values: NDArray[np.float64],
    columns: list[str],
    head: _Head,
    where: str,
    given: float | None,
    number: NDArray[np.int64],
) -> float:
    said = next((head.remarks[key] for key in sorted(_RATE_KEYS & head.remarks.keys())), None)
    known = None if said is None else _hertz(said, where)
    time = next((index for index, column in enumerate(columns) if column.lower() in _SECONDS), None)
    if time is None or (head.is_own and known is not None):
        return settled_rate(where, known, given)
    clock = _clock(values[:, time] * _SECONDS[columns[time].lower()], where, head.first_line, number)
    if known is None:
        return settled_rate(where, clock, given, tolerance=_CLOCK_TOLERANCE)
    settled_rate(where, clock, known, tolerance=_CLOCK_TOLERANCE)
    return settled_rate(where, known, given)


def _hertz(text: str, where: str) -> float:
    field = re.sub(r"\s*hz$", "", text, flags=re.IGNORECASE)
    if not is_number(field):
        raise ValueError(f"{where!r} gives its rate as {text!r}, which is no number of hertz")
    return float(field)


def _clock(seconds: NDArray[np.float64], where: str, first_line: int, number: NDArray[np.int64]) -> float:
    """The rate that a time column shows, to the whole hertz where that is within 0.01 %.

    Args:
        seconds: ``(rows,)`` the column.
        where: the file, for the error.
        first_line: number of the line of the first row.
        number: ``(rows,)`` of the samples; a jump in them explains one in time.

    Raises:
        ValueError: time stands still, runs backwards or jumps; a lost stretch must not be closed in silence.
    """
    steps = np.diff(seconds)
    if not steps.size or not seconds[-1] > seconds[0]:
        raise ValueError(
            f"{where!r}: its time column does not advance, so it gives no rate; remove it and give --rate HZ"
        )
    backwards = steps < 0
    if backwards.any():
        raise ValueError(f"{where!r}, line {first_line + 1 + int(np.argmax(backwards))}: time runs backwards")
    middle = float(np.median(steps))
    ticking = middle > 0 and float(np.mean(np.abs(steps - middle) <= 0.1 * middle)) >= 0.9
    # A sample clock shows every lost sample; stamps of arrival come in bursts, and only a long pause means a loss.
    jumps = (steps > (1.5 * middle if ticking else _LONGEST_PAUSE_S)) & (np.diff(number) == 1)
    if jumps.any():
        row = int(np.argmax(jumps))
        raise ValueError(
            f"{where!r}, line {first_line + 1 + row}: time jumps by {steps[row]:.4g} s, so samples are missing; cut "
            f"the recording there"
        )
    rate = int(number[-1]) / float(seconds[-1] - seconds[0])
    return float(round(rate)) if abs(rate - round(rate)) <= 1e-4 * rate else rate


def _whole(rows: Sequence[str], head: _Head) -> Sequence[str]:
    """Without a last row that was cut off: one of ours, one that lacks fields, one that ends in half a number."""
    fields = rows[-1].split(head.delimiter) if rows else []
    short = len(fields) < len(head.columns) or (
        head.place("label") != len(fields) - 1 and not is_number(fields[-1]) and _CUT_NUMBER.fullmatch(fields[-1])
    )
    return rows[:-1] if rows and (short or head.is_own) else rows


def _numbers(values: NDArray[np.float64], columns: list[str]) -> NDArray[np.int64]:
    """``(rows,)`` the number of each row, from 0: from a column that counts, else as they stand."""
    place = next((index for index, column in enumerate(columns) if column.lower() in _COUNTERS), None)
    number = np.arange(len(values), dtype=np.int64)
    if place is None or len(values) < 2:
        return number
    column = values[:, place]
    steps = np.diff(column)
    counts = (np.abs(column) < 2**53).all() and (column == np.rint(column)).all() and (steps >= 1).all()
    if not counts or (steps == 1).mean() < 0.5:
        return number
    counted: NDArray[np.int64] = (column - column[0]).astype(np.int64)
    return counted


def _full_scale(head: _Head) -> float:
    said = head.own("full_scale_uv")
    return float(said) if is_number(said) and float(said) > 0 else math.inf
