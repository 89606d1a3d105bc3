"""How long things took: histograms with logarithmic buckets, one for each stage of the loop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LOWEST_S = 1e-6
HIGHEST_S = 100.0
WIDTH = 1.02
"""Upper edge of a bucket over its lower edge: a quantile is right to one per cent either way."""

_PER_BUCKET = 1 / math.log(WIDTH)
_BUCKETS = math.ceil(math.log(HIGHEST_S / LOWEST_S) * _PER_BUCKET)


class Histogram:
    """Durations counted in buckets that each are two per cent wide, from 1 us to 100 s.

    Memory and the cost of ``add`` do not grow with the number of durations; those outside the range count in the
    outermost bucket. ``max`` is exact.
    """

    __slots__ = ("_counts", "count", "max")

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(_BUCKETS, np.int64)
        self.count = 0
        self.max = math.nan

    def add(self, seconds: float) -> None:
        """Count one duration; anything below 1 us, negative included, counts as 1 us."""
        bucket = int(math.log(seconds / LOWEST_S) * _PER_BUCKET) if seconds > LOWEST_S else 0
        self._counts[min(bucket, _BUCKETS - 1)] += 1
        self.count += 1
        if not seconds <= self.max:
            self.max = seconds

    def quantile(self, q: float) -> float:
        """The smallest duration that a share ``q`` of all does not exceed (the inverse of the cumulative distribution).

        Returns:
            Seconds, the geometric middle of the bucket but never above ``max``; NaN where nothing was counted.

        Raises:
            ValueError: ``q`` is not between 0 and 1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile lies between 0 and 1, not at {q}")
        if self.count == 0:
            return math.nan
        rank = max(1, math.ceil(q * self.count))
        bucket = int(np.searchsorted(np.cumsum(self._counts), rank))
        return min(LOWEST_S * math.pow(WIDTH, bucket + 0.5), self.max)


@dataclass(frozen=True, slots=True)
class Stages:
    """One histogram for each leg of the way from the device to the sinks.

    Attributes:
        window: the window's last sample was taken, as well as its source can tell (``Chunk.stamps``) -> window ready.
            Besides ring and filter it holds what the device makes a sample wait, as far as that varies. Where the time
            is unknown, from the moment the loop asked for the window.
        classify: window -> probabilities.
        decide: probabilities -> decision.
        sinks: decision -> every sink has had it.
        total: start of ``window`` -> end of ``decide``, the moment the decision is handed to the sinks.
    """

    window: Histogram = field(default_factory=Histogram)
    classify: Histogram = field(default_factory=Histogram)
    decide: Histogram = field(default_factory=Histogram)
    sinks: Histogram = field(default_factory=Histogram)
    total: Histogram = field(default_factory=Histogram)

    def add(self, taken_s: float, ready_ns: int, classified_ns: int, decided_ns: int, delivered_ns: int) -> None:
        """Count one decision from its time stamps on the ``time.perf_counter`` clock."""
        waited = ready_ns * 1e-9 - taken_s
        self.window.add(waited)
        self.classify.add((classified_ns - ready_ns) * 1e-9)
        self.decide.add((decided_ns - classified_ns) * 1e-9)
        self.sinks.add((delivered_ns - decided_ns) * 1e-9)
        self.total.add(waited + (decided_ns - ready_ns) * 1e-9)

    def named(self) -> dict[str, Histogram]:
        """The histograms with the names that people read, in the order of the loop."""
        return {
            "sample -> window": self.window,
            "classify": self.classify,
            "decide": self.decide,
            "sinks": self.sinks,
            "total": self.total,
        }


def milliseconds(seconds: float) -> float | None:
    """For JSON: milliseconds to the microsecond, None for NaN."""
    return None if math.isnan(seconds) else round(seconds * 1e3, 3)
