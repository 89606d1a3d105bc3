"""A recording in memory: what every reader returns and every tool takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Samples, StreamInfo

UNLABELLED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Samples with what is known about them.

    Attributes:
        info: rate, channels, name.
        samples: ``(T, C)`` float32, microvolts, all finite.
        names: the gestures that ``labels`` point to; empty where nothing is known.
        labels: ``(T,)`` int16 index into ``names`` for each sample, ``UNLABELLED`` where unknown; None with no names.
        person: whose arm, as the data set names it, or "".
        session: which sitting, or "".
        simulated: no human arm was involved.
        gaps: ``(first, count)`` of each stretch that was lost when the recording was made, in order. Its samples are a
            straight line between its neighbours, which keeps every other sample at its index, and carry no label; a
            replay leaves them out, so that they are missing again as they were live.
    """

    info: StreamInfo
    samples: Samples
    names: tuple[str, ...] = ()
    labels: NDArray[np.int16] | None = None
    person: str = ""
    session: str = ""
    simulated: bool = False
    gaps: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.shape[1] != len(self.info.channels):
            raise ValueError(
                f"{self.info.name!r} names {len(self.info.channels)} channels but its samples have "
                f"shape {self.samples.shape}; expected (samples, channels)"
            )
        if self.labels is not None and len(self.labels) != len(self.samples):
            raise ValueError(f"{self.info.name!r} has {len(self.samples)} samples but {len(self.labels)} labels")
        labels, known = self.labels, len(self.names)
        if labels is not None and (labels.min(initial=0) < UNLABELLED or labels.max(initial=UNLABELLED) >= known):
            raise ValueError(f"{self.info.name!r} has labels that point beyond its {known} names")
        end = 0
        for first, count in self.gaps:
            if first < end or count < 1 or first + count > len(self.samples):
                raise ValueError(
                    f"{self.info.name!r} has a gap of {count} samples from sample {first} on; gaps must follow one "
                    f"another and lie within its {len(self.samples)} samples"
                )
            end = first + count

    def label(self, first: int, end: int) -> str | None:
        """The gesture that most samples in ``[first, end)`` carry, or None where that is unknown.

        A tie goes to the one listed first.
        """
        if self.labels is None or end <= first:
            return None
        counts = np.bincount(self.labels[first:end].astype(np.int64) + 1, minlength=len(self.names) + 1)
        winner = int(np.argmax(counts)) - 1
        return None if winner == UNLABELLED else self.names[winner]
