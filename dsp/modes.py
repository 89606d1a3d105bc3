"""Empirical mode decomposition: a signal as a sum of oscillations, the quickest first, and what remains.

Huang et al., "The empirical mode decomposition and the Hilbert spectrum for nonlinear and non-stationary time series
analysis", Proc. R. Soc. Lond. A 454 (1998) 903-995. A mode is found by *sifting*: cubic splines through the maxima and
through the minima give an upper and a lower envelope; their mean is taken away, again and again, until little of it is
left. Then the mode is taken from the signal and the next is sifted from the rest.

What the paper leaves open is settled as the package ``emd`` (0.8) does by default, where nothing else is said:

- **Extrema** are samples higher (lower) than both neighbours. Of a level stretch it is the middle one; ``emd`` takes
  none there.
- **Splines** are interpolating, with not-a-knot ends, over two extrema of each kind beyond both ends.
- **Ends**: the outermost extrema are mirrored about the very outermost; or about the end itself, which then counts as
  an extremum, where it lies beyond the range of the outermost two (Rilling, Flandrin and Goncalves, "On empirical mode
  decomposition and its algorithms", NSIP 2003, and their ``boundary_conditions_emd.m``). At the start of a signal that
  falls first, ``emd`` compares the other way round. So do we: on EMG it makes the start neither better nor worse
  (against the same stretch of a longer decomposition), and all modes agree. It is why the modes of ``-x`` are not quite
  those of ``x`` there. At the end of a signal ``emd`` mirrors one extremum less than its source; there we follow the
  source.
- **A mode is done** when the mean just removed has less than ``SETTLED`` of the energy of what it left (a Cauchy
  criterion), when fewer than two maxima or two minima are left, or after ``most_sifts``.
- **The signal is done** when its rest has fewer than two maxima or two minima, or less than ``SPENT`` of the signal's
  energy, or after ``most_modes``. (``emd`` also stops where the sum of its magnitudes is below 1e-8, in any unit.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.compiled import compiled

MOST_MODES = 10
"""Enough for 2000 samples: each mode is about half as quick as the one before."""

MOST_SIFTS = 100
"""EMG takes two to four of them; the limit is for signals on which sifting goes round in circles."""

SETTLED = 0.1
"""Share of the energy, see above."""

SPENT = 10.0**-2.5
"""Share of the energy, see above: ``emd`` writes it as 50 dB, and takes 20 log10 of energies."""

LARGEST = 1e100
"""Squares of samples beyond would leave the range of float64."""

FEWEST = 4
"""Samples."""

MIRRORED = 2
"""Extrema of each kind beyond an end."""


def decompose(
    x: NDArray[np.floating[Any]], *, most_modes: int = MOST_MODES, most_sifts: int = MOST_SIFTS
) -> NDArray[np.float64]:
    """The modes of a signal and what remains.

    Args:
        x: ``(T,)`` or ``(T, C)`` in any unit; channels are decomposed one by one, none knows the others.
        most_modes: at most so many modes, whatever remains then.
        most_sifts: at most so many sifts for each mode.

    Returns:
        ``(M, T)`` or ``(M, T, C)`` float64, 1 <= M <= ``most_modes + 1``: the quickest mode first, and last what
        remains. The rows sum to the signal. Of several channels, those with fewer modes have zeros above the rest. In
        memory each mode of a channel lies in one piece.

    Raises:
        ValueError: the signal has another shape or fewer than four samples, some are not numbers or are beyond
            ``LARGEST``, or a limit is below 1.
    """
    rows, counts = channel_modes(x[:, None] if x.ndim == 1 else x, most_modes=most_modes, most_sifts=most_sifts)
    last = int(counts.max(initial=0))
    for channel, count in zip(rows, counts, strict=True):
        if count < last:
            channel[last], channel[count] = channel[count], 0
    whole = rows[:, : last + 1].transpose(1, 2, 0)
    return whole[:, :, 0] if x.ndim == 1 else whole


def channel_modes(
    x: NDArray[np.floating[Any]], *, most_modes: int = MOST_MODES, most_sifts: int = MOST_SIFTS
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The modes of every channel, as the kernel leaves them.

    Args:
        x: ``(T, C)``, see ``decompose``.
        most_modes: see ``decompose``.
        most_sifts: see ``decompose``.

    Returns:
        ``(C, most_modes + 1, T)`` float64 and ``(C,)`` counts: channel ``c`` has its modes in the first ``counts[c]``
        rows, what remains in the next one, and zeros after it.

    Raises:
        ValueError: see ``decompose``.
    """
    if x.ndim != 2 or len(x) < FEWEST:
        raise ValueError(f"a signal of shape {x.shape} came to be decomposed; give (T,) or (T, C), T at least {FEWEST}")
    if not float(np.abs(x).max(initial=0)) < LARGEST:  # nor is anything that is not a number
        raise ValueError(f"the signal has samples that are not numbers, or beyond {LARGEST:g}; mend or leave them out")
    if min(most_modes, most_sifts) < 1:
        raise ValueError(f"{most_modes} modes of {most_sifts} sifts were asked for; ask for at least one of both")
    rows = np.zeros((x.shape[1], most_modes + 1, len(x)))
    counts = np.zeros(x.shape[1], np.int64)
    # A copy in any case: one that may not be written is to numba another type, to be compiled for in mid-stream.
    _decompose_all(np.array(x.T, np.float64, order="C"), most_sifts, rows, counts)
    return rows, counts


@compiled(nogil=True, error_model="numpy")
def _decompose_all(x, most_sifts, rows, counts):  # type: ignore[no-untyped-def]
    """All channels of ``(C, T)``, into zeroed ``(C, M, T)`` and ``(C,)``."""
    length = x.shape[1]
    most = length // 2 + 2 * MIRRORED + 1
    at, value, work, mean = np.empty((2, most)), np.empty((2, most)), np.empty((2, most)), np.empty(length)
    for c in range(x.shape[0]):
        counts[c] = _decompose_one(x[c], most_sifts, rows[c], at, value, work, mean)


@compiled(nogil=True, error_model="numpy")
def _decompose_one(x, most_sifts, rows, at, value, work, mean):  # type: ignore[no-untyped-def]
    """One channel into ``(M, T)``, what remains after the modes; returns the number of modes."""
    rows[0] = x
    least = SPENT * _energy(x)
    for m in range(rows.shape[0] - 1):
        mode, rest = rows[m], rows[m + 1]
        if _energy(mode) < least or not _mean_envelope(mode, at, value, work, mean):
            return m
        rest[:] = mode
        for _ in range(most_sifts):
            for t in range(len(x)):
                mode[t] -= mean[t]
            if _energy(mean) < SETTLED * _energy(mode) or not _mean_envelope(mode, at, value, work, mean):
                break
        for t in range(len(x)):
            rest[t] -= mode[t]
    return rows.shape[0] - 1


@compiled(nogil=True, error_model="numpy", fastmath={"reassoc"})
def _energy(x):  # type: ignore[no-untyped-def]
    """In any order of summation, so that it goes several samples at a time: it is only compared with thresholds."""
    total = 0.0
    for t in range(len(x)):
        total += x[t] * x[t]
    return total


@compiled(nogil=True, error_model="numpy")
def _mean_envelope(x, at, value, work, mean):  # type: ignore[no-untyped-def]
    """Writes the mean of both envelopes of ``x``; False where there are fewer than two maxima or two minima.

    In ``at`` and ``value``, both ``(2, K)``, are place and height of the maxima and of the minima; K leaves room for
    those that are mirrored at the ends.
    """
    maxima, minima = _extrema(x, at, value)
    if min(maxima, minima) < 2:
        return False
    first, last = MIRRORED, MIRRORED - 1
    high, low = _mirror(x[0], 0.0, at, value, first, first, maxima, minima, 1)
    higher, lower = _mirror(x[-1], len(x) - 1.0, at, value, last + maxima, last + minima, maxima, minima, -1)
    mean[:] = 0.0
    upper = slice(first - high, first + maxima + higher)
    _add_half_of_spline(at[0, upper], value[0, upper], work[0], work[1], mean)
    under = slice(first - low, first + minima + lower)
    _add_half_of_spline(at[1, under], value[1, under], work[0], work[1], mean)
    return True


@compiled(nogil=True, error_model="numpy")
def _extrema(x, at, value):  # type: ignore[no-untyped-def]
    """Writes place and height of maxima and minima, from column ``MIRRORED`` on; returns how many of each."""
    maxima = minima = 0
    falling, level_since = -1, 0  # neither falling (1) nor rising (0) before the signal first changes
    for t in range(1, len(x)):
        if x[t] == x[t - 1]:
            continue
        falls = 1 if x[t] < x[t - 1] else 0
        if falls + falling == 1:
            middle = (level_since + t - 1) // 2
            column = MIRRORED + (minima if falling else maxima)
            at[falling, column], value[falling, column] = middle, x[middle]
            maxima, minima = maxima + 1 - falling, minima + falling
        falling, level_since = falls, t
    return maxima, minima


@compiled(nogil=True, error_model="numpy")
def _mirror(height, end, at, value, maximum, minimum, maxima, minima, inwards):  # type: ignore[no-untyped-def]
    """Mirrors the outermost extrema beyond one end; returns how many maxima and minima it added.

    Args:
        height: of the signal at the end.
        end: where that is.
        at: see ``_mean_envelope``.
        value: see ``_mean_envelope``.
        maximum: column of the outermost maximum.
        minimum: column of the outermost minimum.
        maxima: how many there are.
        minima: how many there are.
        inwards: the step from a column to the next one towards the middle.
    """
    maximum_first = inwards * (at[0, maximum] - at[1, minimum]) < 0
    # ``near`` is the kind of the outermost extremum, at column ``n``; ``far`` that of the next, at ``f``.
    near, far = (0, 1) if maximum_first else (1, 0)
    n, f, count = (maximum, minimum, maxima) if maximum_first else (minimum, maximum, minima)
    # A minimum that comes first is treated as ``emd`` treats it: see the top of this file.
    below = maximum_first or inwards > 0
    at_end = height <= value[far, f] if below else height >= value[far, f]
    axis, others = at[near, n], min(2, count - 1)
    reach = max(inwards * (2 * axis - at[near, n + inwards * others]), inwards * (2 * axis - at[far, f + inwards]))
    skipped = 1
    if at_end or reach >= inwards * end:  # or those about the extremum would not reach beyond the end
        axis, skipped, others = end, 0, 2
    taken = 1 if at_end else 0
    if at_end:
        at[far, f - inwards], value[far, f - inwards] = end, height
    for k in range(2 - taken):
        _reflect(at[far], value[far], f + inwards * k, f - inwards * (k + 1 + taken), axis)
    for k in range(others):
        _reflect(at[near], value[near], n + inwards * (k + skipped), n - inwards * (k + 1), axis)
    return (others, 2) if maximum_first else (2, others)


@compiled(nogil=True, error_model="numpy")
def _reflect(at, value, source, target, axis):  # type: ignore[no-untyped-def]
    at[target], value[target] = 2 * axis - at[source], value[source]


@compiled(nogil=True, error_model="numpy")
def _add_half_of_spline(at, value, ratio, bend, total):  # type: ignore[no-untyped-def]
    """Adds half of the cubic spline through four points or more to ``total``, ``(T,)``.

    The second derivatives come from the tridiagonal system of every textbook (de Boor, "A practical guide to
    splines", chapter IV), without its first and last unknown: not-a-knot ends make them a sum of their neighbours.

    Args:
        at: ``(K,)`` whole numbers, ascending.
        value: ``(K,)``.
        ratio: ``(K,)`` or longer, work.
        bend: ``(K,)`` or longer, work: the second derivatives.
        total: ``(T,)``, changed.
    """
    last = len(at) - 1
    before = at[1] - at[0]
    slope = (value[1] - value[0]) / before
    pivot = curve = above_before = 0.0  # kept out of memory: each step waits for the one before
    for k in range(1, last):
        after = at[k + 1] - at[k]
        next_slope = (value[k + 1] - value[k]) / after
        below, middle, above = before, 2 * (before + after), after
        if k == 1:
            middle += before + before * before / after
            above -= before * before / after
        if k == last - 1:
            middle += after + after * after / before
            below -= after * after / before
        pivot = 1 / (middle - (below * above_before) * pivot)
        curve = (6 * (next_slope - slope) - below * curve) * pivot
        ratio[k], bend[k] = above * pivot, curve
        before, slope, above_before = after, next_slope, above
    for k in range(last - 2, 0, -1):
        curve = bend[k] - ratio[k] * curve
        bend[k] = curve
    bend[0] = bend[1] + (bend[1] - bend[2]) * (at[1] - at[0]) / (at[2] - at[1])
    bend[last] = bend[last - 1] + (bend[last - 1] - bend[last - 2]) * before / (at[last - 1] - at[last - 2])
    for k in range(last):
        _add_half_of_cubic(at[k], at[k + 1], value[k], value[k + 1], bend[k], bend[k + 1], total)


@compiled(nogil=True, error_model="numpy")
def _add_half_of_cubic(start, stop, first, last, bend, next_bend, total):  # type: ignore[no-untyped-def]
    """One piece of the spline: every sample from ``start`` to before ``stop``."""
    width = stop - start
    a = 0.5 * first
    b = 0.5 * ((last - first) / width - width * (2 * bend + next_bend) / 6)
    c = 0.25 * bend
    d = (next_bend - bend) / (12 * width)
    begin, end = max(0, int(start)), min(len(total), int(stop))
    for n in range(end - begin):  # several samples at a time, as no one waits for the one before
        u = begin - start + n
        total[begin + n] += a + u * (b + u * (c + u * d))
