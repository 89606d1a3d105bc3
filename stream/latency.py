"""How long things took: a histogram with logarithmic buckets for each leg of the way from the device to the sinks.

The stamps travel with the samples, so a decision that comes late counts as late from the moment its last sample was
taken, however long that sample had to wait for the loop. A window that was skipped counts as well, up to the next
decision, which is when a person got an answer after it: otherwise just the moments of overload would be missing from
the figures ("coordinated omission", Gil Tene, "How NOT to measure latency", 2013).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dsp.compiled import compiled

LOWEST_S = 1e-6
HIGHEST_S = 100.0
WIDTH = 1.02
"""Upper edge of a bucket over its lower edge: a quantile is right to one per cent either way."""

_PER_BUCKET = 1 / math.log(WIDTH)
BUCKETS = math.ceil(math.log(HIGHEST_S / LOWEST_S) * _PER_BUCKET)

LEGS = ("device -> ring", "ring -> window", "copy", "classify", "decide", "sinks", "total")
"""From the moment the last sample of a window was taken, as well as its source can tell, to its being in the ring; from
there to the filtered window; to its being where the classifier can see it; to its probabilities; to the decision; to
the moment when every sink has had it. The total is from the sample to the decision, when it is handed to the sinks."""

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}

_WAITING = 4096
"""Skipped windows whose wait is measured; more between two decisions count as long as the latest of these."""


class Histogram:
    """Durations counted in buckets that each are two per cent wide, from 1 us to 100 s.

    Memory and the cost of ``add`` do not grow with the number of durations; those outside the range count in the
    outermost bucket. ``max`` is exact.

    Args:
        counts: ``(BUCKETS,)`` int64, where they are counted.
        most: ``(1,)`` float64, where the longest is kept.
    """

    __slots__ = ("_most", "counts")

    def __init__(self, counts: NDArray[np.int64] | None = None, most: NDArray[np.float64] | None = None) -> None:
        self.counts: NDArray[np.int64] = np.zeros(BUCKETS, np.int64) if counts is None else counts
        self._most: NDArray[np.float64] = np.full(1, math.nan) if most is None else most

    @property
    def count(self) -> int:
        """How many durations there are."""
        return int(self.counts.sum())

    @property
    def max(self) -> float:
        """The longest, NaN where there is none."""
        return float(self._most[0])

    def add(self, seconds: float) -> None:
        """Count one duration; anything below 1 us, negative included, counts as 1 us, and NaN is not counted."""
        _count(self.counts, self._most, seconds)

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
        bucket = int(np.searchsorted(np.cumsum(self.counts), rank))
        return min(LOWEST_S * math.pow(WIDTH, bucket + 0.5), self.max)


class Stages:
    """One histogram for each of ``LEGS``; a decision is counted in all of them by one compiled call."""

    def __init__(self) -> None:
        self._counts = np.zeros((len(LEGS), BUCKETS), np.int64)
        self._most = np.full((len(LEGS), 1), math.nan)
        self._skipped = np.zeros(_WAITING)
        self._waiting = self._more = 0
        self._begun = math.nan

    @property
    def total(self) -> Histogram:
        """Of the last leg."""
        return self.named()["total"]

    def add(
        self,
        taken: float,
        arrived: float,
        ready: float,
        copied: float,
        classified: float,
        decided: float,
        delivered: float,
    ) -> None:
        """Count one decision by the times of its stations, seconds on the ``time.perf_counter`` clock.

        With it, the windows that were skipped before it count in the total.

        Args:
            taken: its last sample, or where that is unknown the moment the loop asked for the window.
            arrived: the same sample in the ring; NaN where there is none, which leaves the first leg out.
            ready: the window.
            copied: in the classifier's memory.
            classified: the probabilities.
            decided: the decision.
            delivered: every sink has had it.
        """
        _add(
            self._counts,
            self._most,
            self._skipped[: self._waiting],
            self._more,
            taken,
            arrived,
            ready,
            copied,
            classified,
            decided,
            delivered,
        )
        self._waiting = self._more = 0
        self._begun = math.nan

    def begin(self, taken: float) -> None:
        """Note a window for which a decision is now being made: ``add`` or ``skip`` follow, unless the run ends."""
        self._begun = taken

    def skip(self, taken: float) -> None:
        """Note a window that gets no decision; it counts in the total up to the next one."""
        if self._waiting < _WAITING:
            self._skipped[self._waiting] = taken
            self._waiting += 1
        else:
            self._more += 1
        self._begun = math.nan

    def close(self, now: float) -> None:
        """The run has ended: who still waits for a decision has waited until now."""
        if not math.isnan(self._begun):
            self.skip(self._begun)
        total = self.total
        for taken in self._skipped[: self._waiting].tolist():
            total.add(now - taken)
        for _ in range(self._more):
            total.add(now - float(self._skipped[-1]))
        self._waiting = self._more = 0

    def named(self) -> dict[str, Histogram]:
        """The histograms by leg, in the order of the way."""
        return {name: Histogram(self._counts[row], self._most[row]) for row, name in enumerate(LEGS)}

    def warm_up(self) -> None:
        """Loads what is compiled, so that the first decision does not wait for it."""
        Stages().add(*(0.0 for _ in LEGS))
        Histogram().add(0.0)


def milliseconds(seconds: float) -> float | None:
    """For JSON: milliseconds to the microsecond, None for NaN."""
    return None if math.isnan(seconds) else round(seconds * 1e3, 3)


def quantiles_ms(histogram: Histogram) -> dict[str, float | None]:
    """p50, p95, p99, p99.9 and max, milliseconds."""
    values = {name: milliseconds(histogram.quantile(q)) for name, q in QUANTILES.items()}
    return {**values, "max": milliseconds(histogram.max)}


@compiled(nogil=True)
def _count(counts, most, seconds):  # type: ignore[no-untyped-def]
    if math.isnan(seconds):
        return
    seconds = max(seconds, LOWEST_S)
    # The bounds first: of infinity there is no bucket, and no check of an index here.
    bucket = BUCKETS - 1 if seconds >= HIGHEST_S else int(math.log(seconds / LOWEST_S) * _PER_BUCKET)
    counts[min(bucket, BUCKETS - 1)] += 1
    if not seconds <= most[0]:
        most[0] = seconds


@compiled(nogil=True)
def _add(  # type: ignore[no-untyped-def]
    counts, most, skipped, more, taken, arrived, ready, copied, classified, decided, delivered
):
    if not math.isnan(arrived):
        _count(counts[0], most[0], arrived - taken)
        _count(counts[1], most[1], ready - arrived)
    else:
        _count(counts[1], most[1], ready - taken)
    _count(counts[2], most[2], copied - ready)
    _count(counts[3], most[3], classified - copied)
    _count(counts[4], most[4], decided - classified)
    _count(counts[5], most[5], delivered - decided)
    _count(counts[6], most[6], decided - taken)
    for at in range(len(skipped)):
        _count(counts[6], most[6], decided - skipped[at])
    for _ in range(more):
        _count(counts[6], most[6], decided - skipped[-1])
