"""Samples and markers for other programs, through the lab streaming layer."""

from __future__ import annotations

import platform
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.lsl.library import load_pylsl, offset_s
from dsp.flow import Samples, StreamInfo

BUFFER_S = 30
"""Seconds that are kept for a reader that is late."""

LINGER_S = 0.1
"""What is pushed last is still on its way when an outlet is destroyed, and would be lost."""


class Outlet:
    """A stream of EMG with the description that XDF's convention asks for: labels, microvolts, who acquired it.

    Args:
        info: of the stream.
        type_: of the stream and of each channel.
        source_id: by which readers find the stream again when it was interrupted; made of the stream's and the
            machine's names if None; "" for none.
        manufacturer: of the amplifier.
        model: of the amplifier.

    Raises:
        ValueError: liblsl is missing or too old.
    """

    def __init__(
        self,
        info: StreamInfo,
        *,
        type_: str = "EMG",
        source_id: str | None = None,
        manufacturer: str = "myostream",
        model: str = "",
    ) -> None:
        pylsl = load_pylsl()
        source_id = identity(info.name) if source_id is None else source_id
        said = pylsl.StreamInfo(info.name, type_, len(info.channels), info.rate_hz, "float32", source_id)
        channels = said.desc().append_child("channels")
        for label in info.channels:
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", "microvolts")
            channel.append_child_value("type", type_)
        acquisition = said.desc().append_child("acquisition")
        acquisition.append_child_value("manufacturer", manufacturer)
        acquisition.append_child_value("model", model or info.name)
        self._outlet: Any = pylsl.StreamOutlet(said, 0, BUFFER_S)
        self._offset_s = offset_s(pylsl)

    @property
    def heard(self) -> bool:
        """Whether somebody reads it."""
        return self._outlet is not None and bool(self._outlet.have_consumers())

    def push(self, samples: Samples, taken_s: NDArray[np.float64]) -> None:
        """Sends samples.

        Args:
            samples: ``(T, C)`` float32, microvolts.
            taken_s: ``(T,)`` when each was taken, on ``time.perf_counter``.
        """
        if len(samples) == 1:  # pylsl takes a number much faster than a list
            self._outlet.push_chunk(samples, float(taken_s[0]) - self._offset_s)
        elif len(samples):
            self._outlet.push_chunk(samples, (taken_s - self._offset_s).tolist())

    def close(self) -> None:
        """Ends the stream; its readers notice."""
        if self.heard:
            time.sleep(LINGER_S)
        self._outlet = None  # which destroys it


class MarkerOutlet:
    """A stream of texts, each at its time: labels, decisions.

    Args:
        name: of the stream.
        source_id: as in ``Outlet``.

    Raises:
        ValueError: liblsl is missing or too old.
    """

    def __init__(self, name: str, *, source_id: str | None = None) -> None:
        pylsl = load_pylsl()
        source_id = identity(f"{name}-markers") if source_id is None else source_id
        said = pylsl.StreamInfo(name, "Markers", 1, pylsl.IRREGULAR_RATE, "string", source_id)
        self._outlet: Any = pylsl.StreamOutlet(said)
        self._offset_s = offset_s(pylsl)

    @property
    def heard(self) -> bool:
        """Whether somebody reads it."""
        return self._outlet is not None and bool(self._outlet.have_consumers())

    def push(self, text: str, at_s: float | None = None) -> None:
        """Sends a text.

        Args:
            text: what it says.
            at_s: the time it is about, on ``time.perf_counter``; the present if None or NaN.
        """
        at_s = time.perf_counter() if at_s is None or np.isnan(at_s) else at_s
        self._outlet.push_sample([text], at_s - self._offset_s)

    def close(self) -> None:
        """Ends the stream; its readers notice."""
        if self.heard:
            time.sleep(LINGER_S)
        self._outlet = None  # which destroys it


def identity(name: str) -> str:
    """By which readers find a stream again: its name and this machine's."""
    return f"myostream-{name}-{platform.node()}"
