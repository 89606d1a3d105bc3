"""Which samples are missing, told from the times at which the others were stamped."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

WINDOW_S = 0.5
"""How far each side of a suspected loss is looked at."""
SUREST = 0.6
"""A shift of less than this many samples is no loss."""
_MOST_LOST = 10**12


def placed(stamps: NDArray[np.float64], nominal_hz: float) -> tuple[NDArray[np.int64], float] | None:
    """The index of every sample, its number and the losses before it, and the rate the stamps show.

    A sample is stamped when it was taken or somewhat later, never earlier, so the earliest stamps of a stretch tell
    its place, and a sample that comes late, or a burst of them, tells nothing. A loss is a step beyond which even the
    earliest stamps lie later than those before: it costs as many samples as fit into the shift. Where stamps scatter
    by more than a sample, a loss must stand out from that.

    Args:
        stamps: ``(N,)`` seconds, not always increasing.
        nominal_hz: the rate that the stream states, 0 where it states none.

    Returns:
        ``(N,)`` increasing, from 0, and hertz; None where the stamps are too few or stand still.
    """
    period_s = _period(stamps, nominal_hz)
    if period_s is None:
        return None
    index = _indices(stamps, period_s)
    finer = float(np.polyfit(index.astype(np.float64), stamps - stamps[0], 1)[0])
    if finer > 0 and abs(finer / period_s - 1) < 0.05:
        period_s = finer
        index = _indices(stamps, period_s)
    return index, 1 / period_s


def _period(stamps: NDArray[np.float64], nominal_hz: float) -> float | None:
    """Seconds between samples.

    The typical step where the stamps tick, so that losses do not count; otherwise (stamps of arrival, which come in
    bursts) the typical length of a second's worth of samples.
    """
    steps = np.diff(stamps)
    if len(steps) < 2:
        return None
    middle = float(np.median(steps))
    if _ticking(steps, middle) and (not nominal_hz or abs(middle * nominal_hz - 1) < 0.2):
        return float(steps[np.abs(steps - middle) <= 0.4 * middle].mean())
    block = min(len(steps), max(2, round(min(nominal_hz, 1e6))))
    lengths = np.sort(stamps[block:] - stamps[:-block])
    middle_half = lengths[len(lengths) // 4 : max(len(lengths) // 4 + 1, 3 * len(lengths) // 4)]
    typical = float(middle_half.mean()) / block
    return typical if typical > 0 else None


def _indices(stamps: NDArray[np.float64], period_s: float) -> NDArray[np.int64]:
    number = np.arange(len(stamps), dtype=np.int64)
    late = stamps - number * period_s
    steps = np.diff(late)
    ticking = _ticking(steps + period_s, period_s)
    width = min(len(stamps), max(8, round(min(WINDOW_S / period_s, 1e6))))
    suspected = np.flatnonzero(steps > 0.5 * period_s) + 1
    if not ticking:  # a burst at the very end may be a late one: nothing after it can tell
        suspected = suspected[suspected <= len(stamps) - width // 2]
    least = max(SUREST * period_s, 4 * (_scatter(steps) if ticking else _unrest(late, width)))
    lost = np.zeros(len(stamps))
    since = 0
    for place in suspected.tolist():
        shift = float(late[place : place + width].min() - late[max(since, place - width) : place].min())
        if shift >= least:
            lost[place] = min(round(shift / period_s), _MOST_LOST)
            since = place
    return number + np.cumsum(lost).astype(np.int64)


def _ticking(steps: NDArray[np.float64], step: float) -> bool:
    """Most steps are about as long as this one."""
    return step > 0 and float(np.mean(np.abs(steps - step) <= 0.4 * step)) >= 0.6


def _scatter(steps: NDArray[np.float64]) -> float:
    """How much the earliest of some stamps scatters, in seconds, told from neighbours: many losses hardly count."""
    return float(1.4826 * np.median(np.abs(steps))) / 2


def _unrest(late: NDArray[np.float64], width: int) -> float:
    """How much the earliest stamp of one stretch typically differs from that of the next, in seconds."""
    if len(late) < 4 * width:
        return 0.0
    moves = np.diff(sliding_window_view(late, width)[::width].min(axis=1))
    return float(1.4826 * np.median(np.abs(moves - np.median(moves))))
