"""What a source has met: gaps, duplicates, damage, saturation. Nothing is lost silently."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

STREAMING = ""
"""``Integrity.state`` while samples arrive as they should."""


@dataclass(slots=True)
class Integrity:
    """Counts since the source was opened.

    Written by the thread that reads the source, read by any other at any time: each figure is right by itself, two of
    them may be a packet apart.

    Attributes:
        channels: number of channels.
        samples: given out.
        gaps: how often samples were missing.
        lost: samples missing in all gaps; as many as the indices jump.
        duplicates: packets that came more than once; the second one is left out.
        damaged: packets (or lines) that arrived and could not be trusted; they are left out and their samples are lost.
        resyncs: how often the beginning of a packet had to be searched for.
        skipped: bytes passed over in doing so.
        returns: how often the device was gone and came back.
        unseen: which losses cannot be noticed, for people, where the device does not number or time what it sends.
        state: ``STREAMING``, or a few words that say what is being waited for, for people.
        clock_offset_s: what was last to be added to ``Chunk.raw`` to get the host's clock; 0 where they are the same.
        saturated: ``(C,)`` samples at the end of the device's range.
        flat: ``(C,)`` samples in stretches of at least ``dsp.contact.FLAT_S`` that did not change at all.
    """

    channels: int
    samples: int = 0
    gaps: int = 0
    lost: int = 0
    duplicates: int = 0
    damaged: int = 0
    resyncs: int = 0
    skipped: int = 0
    returns: int = 0
    unseen: str = ""
    state: str = STREAMING
    clock_offset_s: float = 0.0
    saturated: NDArray[np.int64] = field(init=False)
    flat: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.saturated = np.zeros(self.channels, np.int64)
        self.flat = np.zeros(self.channels, np.int64)

    @property
    def clean(self) -> bool:
        """Nothing is missing, nothing was damaged or came twice, and the device never went away."""
        return not (self.gaps or self.duplicates or self.damaged or self.resyncs or self.returns)

    def to_json(self) -> dict[str, Any]:
        """As plain values; ``saturated`` and ``flat`` are shares of the samples, one for each channel."""
        counted = max(self.samples, 1)
        return {
            "samples": self.samples,
            "gaps": self.gaps,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "damaged": self.damaged,
            "resyncs": self.resyncs,
            "skipped_bytes": self.skipped,
            "returns": self.returns,
            "unseen": self.unseen,
            "saturated": [round(count / counted, 6) for count in self.saturated.tolist()],
            "flat": [round(count / counted, 6) for count in self.flat.tolist()],
        }
