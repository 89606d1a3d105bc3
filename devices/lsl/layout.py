"""Which columns of an LSL stream are EMG, what they are called, and what makes them microvolts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.formats.units import UNITS, is_voltage, microvolts
from devices.formats.writer_layout import printable
from dsp.flow import Samples

UNSTATED = "unit not stated, taken as uV"
"""Stands behind the name of a stream that does not say its unit."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How a stream's values become samples.

    Attributes:
        columns: ``(C,)`` which of its channels are taken.
        labels: ``(C,)`` what they are called.
        scale: ``(C,)`` microvolts in one of the stream's units.
        plain: all channels are taken, and all are in microvolts.
        note: for people, or "".
    """

    columns: NDArray[np.intp]
    labels: tuple[str, ...]
    scale: NDArray[np.float64]
    plain: bool
    note: str

    def microvolts(self, values: NDArray[Any]) -> Samples:
        """``(T, C)`` of the stream's ``(T, all its channels)``; memory of its own."""
        if self.plain and values.dtype == np.float32:
            return values.copy()
        taken = values[:, self.columns] * self.scale
        return np.ascontiguousarray(taken, np.float32)


def layout(full: Any, given: str | None) -> Layout:
    """Reads what a stream says of its channels, in ``desc/channels`` as the XDF convention for EMG has it.

    Where some channels are of type EMG and others of another one (a trigger, an accelerometer), the others are left
    out. A stream that states no unit is taken as microvolts, the field's custom, and the note says so; one that states
    a unit which is no voltage is refused, since nobody can tell what its numbers mean.

    Args:
        full: pylsl's description, complete.
        given: the unit of channels that do not state one, or None.

    Raises:
        ValueError: the unit is no voltage, or contradicts the one that is given.
    """
    name, count = full.name(), full.channel_count()
    said = _channels(full, count)
    types = [kind.upper() for _, _, kind in said]
    mixed = "EMG" in types and any(kind not in ("", "EMG") for kind in types)
    columns = [at for at in range(count) if not mixed or types[at] == "EMG"]
    labels = [said[at][0] for at in columns]
    if "" in labels or len(set(labels)) < len(labels):
        labels = [f"ch{at + 1}" for at in range(len(columns))]
    units = [said[at][1] for at in columns]
    scale = np.array([_scale(name, unit, given) for unit in units])
    note = UNSTATED if given is None and not all(units) else ""
    plain = not mixed and bool((scale == 1).all())
    return Layout(np.array(columns, np.intp), tuple(labels), scale, plain, note)


def _scale(name: str, stated: str, given: str | None) -> float:
    where = f"lsl:{name}"
    if not stated:
        return 1.0 if given is None else microvolts(given, where)
    if not is_voltage(stated):
        if given is not None:
            return microvolts(given, where)
        raise ValueError(
            f"the LSL stream {name!r} gives its channels in {stated!r}, which is no voltage; let its program state "
            f"microvolts in desc/channels/channel/unit, or say what they are with --unit {'|'.join(UNITS)}"
        )
    if given is not None and microvolts(given, where) != microvolts(stated, where):
        raise ValueError(f"the LSL stream {name!r} is in {stated}, but --unit says {given}; leave --unit out")
    return microvolts(stated, where)


def _channels(full: Any, count: int) -> list[tuple[str, str, str]]:
    """Label, unit and type of each channel, empty where they are not said."""
    said: list[tuple[str, str, str]] = []
    channel = full.desc().child("channels").child("channel")
    while not channel.empty() and len(said) < count:
        label, unit, kind = (printable(channel.child_value(key)) for key in ("label", "unit", "type"))
        said.append((label, unit, kind))
        channel = channel.next_sibling("channel")
    return said + [("", "", "")] * (count - len(said))
