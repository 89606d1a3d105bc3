"""Numbers for other programs that come when they come, through the lab streaming layer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from devices.lsl.library import load_pylsl, offset_s
from devices.lsl.outlet import LINGER_S, identity


class ValueOutlet:
    """A stream of rows of numbers, each at its own time, with the labels that XDF's convention asks for.

    Args:
        name: of the stream.
        channels: their labels.
        type_: of the stream and of each channel.
        unit: of the numbers.

    Raises:
        ValueError: liblsl is missing or too old.
    """

    def __init__(self, name: str, channels: Sequence[str], *, type_: str, unit: str) -> None:
        pylsl = load_pylsl()
        source_id = identity(f"{name}-{type_}")
        said = pylsl.StreamInfo(name, type_, len(channels), pylsl.IRREGULAR_RATE, "float32", source_id)
        described = said.desc().append_child("channels")
        for label in channels:
            channel = described.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", unit)
            channel.append_child_value("type", type_)
        self._outlet: Any = pylsl.StreamOutlet(said)
        self._offset_s = offset_s(pylsl)

    @property
    def heard(self) -> bool:
        """Whether somebody reads it."""
        return self._outlet is not None and bool(self._outlet.have_consumers())

    def push(self, values: Sequence[float], at_s: float) -> None:
        """Sends a row.

        Args:
            values: one for each channel.
            at_s: the time they are about, on ``time.perf_counter``.
        """
        self._outlet.push_sample(list(values), at_s - self._offset_s)

    def close(self) -> None:
        """Ends the stream; its readers notice."""
        if self.heard:
            time.sleep(LINGER_S)
        self._outlet = None  # which destroys it
