"""What flows through the house: a description of the stream, chunks of samples, windows.

The stream index (samples since the start, an integer) is the only clock inside; seconds appear at the edges.
Arrays are ``(T, C)`` float32 microvolts everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Shape ``(T, C)``, microvolts."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a source says of itself before the first sample.

    Attributes:
        name: for people: a device, a file, a simulated person.
        rate_hz: nominal sampling rate, more than zero.
        channels: one label for each channel, in the order of the columns.
        unit: of the samples that flow; sources convert at their door, so this is ``"uV"``.
        full_scale_uv: the magnitude at which the device's range ends; infinity where that is unknown.
    """

    name: str
    rate_hz: float
    channels: tuple[str, ...]
    unit: str = "uV"
    full_scale_uv: float = math.inf

    def __post_init__(self) -> None:
        if not self.rate_hz > 0:
            raise ValueError(f"{self.name!r} gives its rate as {self.rate_hz} Hz; a stream needs a rate above zero")
        if not self.channels:
            raise ValueError(f"{self.name!r} has no channels; a stream needs at least one")


class Chunk(NamedTuple):
    """Samples that arrived together.

    A jump of ``first`` beyond the end of the chunk before it is a gap of exactly that many samples.

    Attributes:
        samples: ``(T, C)`` float32, microvolts; T may be 0.
        first: stream index of the first sample; of no meaning in an empty chunk.
        stamps: ``(T,)`` float64, seconds on the host's monotonic clock (``time.perf_counter``) at which each
            sample was taken, as well as the source can tell, and never later than its arrival; None where time has
            no meaning (a file read at once).
        raw: ``(T,)`` float64, the stamps before any correction, in seconds on the clock of whoever made them: the
            stream's own (LSL) or, of a device without a clock, the host's at arrival; None where they are ``stamps``.
        arrived: ``(T,)`` float64, seconds on the host's monotonic clock at which each sample was in the ring, where
            whoever reads the other side could have had it; None where there is no ring.
    """

    samples: Samples
    first: int
    stamps: NDArray[np.float64] | None = None
    raw: NDArray[np.float64] | None = None
    arrived: NDArray[np.float64] | None = None

    @property
    def end(self) -> int:
        """Stream index after the last sample."""
        return self.first + len(self.samples)


class Window(NamedTuple):
    """The last N filtered, normalised samples; one every hop.

    Attributes:
        samples: ``(N, C)`` float32 view into the pipeline's memory, valid until the next window is asked for or
            the next chunk is fed; ``.copy()`` it to keep it.
        first: stream index of the first sample.
        end: stream index after the last one.
        intact: no sample in it was bridged or lost.
        stamp: when its last sample was taken (see ``Chunk.stamps``), NaN where unknown.
        arrived: when its last sample was in the ring (see ``Chunk.arrived``), NaN where there was none.
    """

    samples: Samples
    first: int
    end: int
    intact: bool = True
    stamp: float = float("nan")
    arrived: float = float("nan")
