"""How the electrodes sit at present, as a display tells it from the samples that it hears."""

from __future__ import annotations

import numpy as np

from devices.guiding.quality import conditions
from dsp.flow import StreamInfo
from stream.board import Reader

LOOK_S = 0.5
"""Between two looks."""

HEARD_S = 1.0
"""Of the latest samples that are looked at."""


class Sitting:
    """Looks at the latest samples now and then.

    Args:
        reader: of the board that hears them.
    """

    def __init__(self, reader: Reader) -> None:
        about = reader.about
        self._reader = reader
        self._info = StreamInfo(about.title, about.rate_hz, about.channels, full_scale_uv=about.full_scale_uv)
        self._states: tuple[str, ...] = ()
        self._due, self._end = 0.0, 0

    def states(self, now: float) -> tuple[str, ...]:
        """A word for each channel (``devices.guiding.quality.conditions``); () where there is nothing new to tell from.

        Args:
            now: seconds on any steady clock.
        """
        if now >= self._due:
            self._due = now + LOOK_S
            end, samples = self._reader.margin.heard()
            recent = samples[-round(HEARD_S * self._info.rate_hz) :]
            whole = len(recent) * 2 > HEARD_S * self._info.rate_hz
            fresh = end != self._end and whole
            # What is missing says nothing of the electrodes; it is counted elsewhere.
            real = recent[~np.isnan(recent).all(axis=1)]
            self._states = conditions(self._info, real) if fresh and len(real) else ()
            self._end = end
        return self._states
