"""When each sample was taken, told from its index and from when it arrived."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dsp.compiled import compiled

Floats = NDArray[np.float64]

HORIZON_S = 15.0
"""How far back arrivals are remembered: long against jitter, short against the drift of a crystal."""

BLOCK_S = 0.05
"""Of each stretch of this length the earliest arrival is remembered; longer than a burst of USB (16 ms)."""

STEADY_S = 0.2
"""The rate is believed only as far as arrivals this far from the middle of the horizon bear it out."""

STEP_S = 0.005
"""A shift of all arrivals by more than this, or one sample, is a step of somebody's clock."""

LASTING_S, LASTING = 1.0, 20
"""A later step is believed once no arrival has fitted for so long: seconds and, on top, samples."""

WRONG = 0.2
"""No rate is believed that departs further than this share from the nominal one."""

MEMORY = round(HORIZON_S / BLOCK_S) + 2

# Where the figures are kept between calls; times are in seconds since the reference.
_BEGUN, _INDEX, _TIME, _LAST, _OFFSET, _SLOPE, _COUNT, _BLOCK, _BEST_X, _BEST_E, _LATE_X, _SIZE = range(12)


class Dejitter:
    """The time of each sample as a straight line under the arrivals, which follows a slow drift.

    A sample arrives some time after it was taken and never before: bursts (a USB latency timer, radio) and waiting only
    ever delay. So the line sought is the highest one that lies below all arrivals, not the one through their middle:
    the linear programme of Moon, Skelly and Towsley, "Estimation and removal of clock skew from network delay
    measurements" (INFOCOM 1999), whose solution is the edge of the lower convex hull above the mean index (Zhang, Liu
    and Xia, "Clock synchronization algorithms for network measurements", INFOCOM 2002). Here the points are the
    earliest arrivals of each ``BLOCK_S`` of the last ``HORIZON_S``, and a departure from the nominal rate costs, in the
    same programme, as much as ``STEADY_S`` of arrivals: so the rate moves as soon as there is evidence, and no sooner.

    What is left (standard deviation of the error in ms around 1 s, 5 s and 30 s after the start; simulated, 1 kHz, a
    device that is 1 % off its nominal rate):

    ===================================================  =====  =====  =====
    waits, exponential with 2 ms (raw: 2.4)              0.025  0.006  0.001
    bursts of USB every 16 ms (raw: 4.6)                 0.10   0.015  0.005
    radio every 15 ms with repetitions (raw: 7.4)        0.16   0.04   0.01
    normal scatter of 0.3 ms to both sides               0.10   0.03   0.02
    for comparison, the first of these through
    recursive least squares, horizon growing to 30 s     2.1    1.0    0.02
    a delay-locked loop of 0.1 Hz (Adriaensen 2005)      0.5    0.6    0.1
    ===================================================  =====  =====  =====

    A delay that no arrival ever escapes cannot be seen; scatter to both sides puts the line at its early edge.

    Times never decrease and are never later than ``raw`` (where ``raw`` itself does not decrease). A gap is a jump of
    ``first``. If samples come earlier than can be, or all of them later for a second, somebody's clock has stepped: the
    arrivals before are forgotten, the rate is kept.

    Args:
        rate_hz: nominal rate, right to about 2 %.
    """

    def __init__(self, rate_hz: float) -> None:
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise ValueError(f"times cannot be smoothed at {rate_hz:g} Hz; give a rate above zero")
        self._period = 1 / rate_hz
        self._state = np.zeros(_SIZE)
        self._points = np.zeros((MEMORY, 2))
        self._hull = np.zeros((MEMORY, 2))
        self.reset()
        self(0, np.zeros(1))  # compiles before the first sample comes
        self.reset()

    @property
    def rate_hz(self) -> float:
        """As the arrivals show it so far."""
        return float(1 / (self._period * (1 + self._state[_SLOPE])))

    def reset(self) -> None:
        """Forget everything, the rate included."""
        self._state[:] = 0
        self._state[_LAST] = -math.inf

    def __call__(self, first: int, raw: Floats) -> Floats:
        """The times of the next samples.

        Args:
            first: index of the first of them; at least the end of those before.
            raw: ``(T,)`` seconds, when each arrived.

        Returns:
            ``(T,)`` seconds on the same clock.
        """
        times = np.empty(len(raw))
        _follow(
            first, np.ascontiguousarray(raw, np.float64), self._period, self._state, self._points, self._hull, times
        )
        return times


@compiled()
def _follow(first: int, raw: Floats, period: float, s: Floats, points: Floats, hull: Floats, times: Floats) -> None:
    for at in range(len(raw)):
        if not s[_BEGUN]:
            s[_BEGUN], s[_INDEX], s[_TIME] = 1.0, first + at, raw[at]
            _forget(s, 0.0, 0.0)
        x = (first + at - s[_INDEX]) * period
        e = raw[at] - s[_TIME] - x  # how late, against the nominal rate
        _notice_step(s, x, e, period)
        _look(s, points, hull, x, e)
        line = s[_TIME] + x + s[_OFFSET] + s[_SLOPE] * x
        s[_LAST] = max(s[_LAST], min(line, raw[at]))
        times[at] = s[_LAST]


@compiled()
def _notice_step(s: Floats, x: float, e: float, period: float) -> None:
    """Begin anew where arrivals have moved against the line for good."""
    step = max(STEP_S, period)
    above = e - s[_OFFSET] - s[_SLOPE] * x
    if above < -step:
        _forget(s, x, e)
    elif above < step:
        s[_LATE_X] = math.inf
    elif x - s[_LATE_X] > LASTING_S + LASTING * period:
        _forget(s, s[_BEST_X], s[_BEST_E])
    else:
        s[_LATE_X] = min(s[_LATE_X], x)  # since when none has fitted


@compiled()
def _forget(s: Floats, x: float, e: float) -> None:
    """Begin anew at one arrival, with the rate as it is known."""
    s[_COUNT] = 0
    s[_OFFSET] = e - s[_SLOPE] * x
    s[_BLOCK] = math.floor(x / BLOCK_S)
    s[_BEST_X], s[_BEST_E] = x, e
    s[_LATE_X] = math.inf


@compiled()
def _look(s: Floats, points: Floats, hull: Floats, x: float, e: float) -> None:
    """Take one arrival into account: at once where it is below the line, else at the end of its block."""
    block = math.floor(x / BLOCK_S)
    if block != s[_BLOCK]:
        _remember(s, points)
        s[_BLOCK], s[_BEST_X], s[_BEST_E] = block, x, e
        _fit(s, points, int(s[_COUNT]), hull)
    elif e - s[_SLOPE] * x < s[_BEST_E] - s[_SLOPE] * s[_BEST_X]:
        s[_BEST_X], s[_BEST_E] = x, e
    if e < s[_OFFSET] + s[_SLOPE] * x:
        count = int(s[_COUNT])
        points[count, 0], points[count, 1] = x, e
        _fit(s, points, count + 1, hull)


@compiled()
def _remember(s: Floats, points: Floats) -> None:
    """Keep the earliest arrival of the block that has ended; those beyond the horizon go."""
    count, old = int(s[_COUNT]), 0
    while old < count and (points[old, 0] < s[_BEST_X] - HORIZON_S or count - old > len(points) - 2):
        old += 1
    for at in range(old, count):
        points[at - old, 0], points[at - old, 1] = points[at, 0], points[at, 1]
    count -= old
    points[count, 0], points[count, 1] = s[_BEST_X], s[_BEST_E]
    s[_COUNT] = count + 1


@compiled()
def _fit(s: Floats, points: Floats, count: int, hull: Floats) -> None:
    """The highest line under the points at their middle, its slope changed only on evidence."""
    size = _lower_hull(points, count, hull)
    middle = 0.5 * (points[0, 0] + points[count - 1, 0])
    at = _touched(hull, size, s[_SLOPE])
    if hull[at, 0] < middle - STEADY_S:
        while at + 2 < size and hull[at + 1, 0] < middle - STEADY_S:
            at += 1
        rise, run = hull[at + 1, 1] - hull[at, 1], hull[at + 1, 0] - hull[at, 0]
        s[_SLOPE] = min(rise / run, WRONG)
    elif hull[at, 0] > middle + STEADY_S:
        while at > 1 and hull[at - 1, 0] > middle + STEADY_S:
            at -= 1
        rise, run = hull[at, 1] - hull[at - 1, 1], hull[at, 0] - hull[at - 1, 0]
        s[_SLOPE] = max(rise / run, -WRONG)
    at = _touched(hull, size, s[_SLOPE])
    s[_OFFSET] = hull[at, 1] - s[_SLOPE] * hull[at, 0]


@compiled()
def _touched(hull: Floats, size: int, slope: float) -> int:
    """The vertex on which a line of this slope rests."""
    at = 0
    while at + 1 < size and hull[at + 1, 1] - hull[at, 1] < slope * (hull[at + 1, 0] - hull[at, 0]):
        at += 1
    return at


@compiled()
def _lower_hull(points: Floats, count: int, hull: Floats) -> int:
    """Andrew's monotone chain; how many of the points it has."""
    size = 0
    for at in range(count):
        x, e = points[at, 0], points[at, 1]
        while size > 1:
            run, rise = hull[size - 1, 0] - hull[size - 2, 0], hull[size - 1, 1] - hull[size - 2, 1]
            if rise * (x - hull[size - 2, 0]) < (e - hull[size - 2, 1]) * run:
                break
            size -= 1
        hull[size, 0], hull[size, 1] = x, e
        size += 1
    return size
