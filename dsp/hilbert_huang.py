"""The Hilbert-Huang matrix: how much energy a signal has at which time and frequency.

The signal is decomposed into modes (``dsp/modes.py``). Each mode becomes an analytic signal ``a exp(i phi)``; its
energy ``a^2`` is put where its instantaneous frequency, the slope of ``phi``, is at that time. Huang et al., Proc. R.
Soc. Lond. A 454 (1998) 903-995, sections 2 and 7. As there, what remains after the modes takes no part.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dsp.compiled import compiled
from dsp.modes import channel_modes

SIZE = 256
"""Rows and columns of a matrix, as the ones that were made elsewhere have."""

MODES = 8
"""Windows of 400 ms have five or six; in a long recording, slower ones would only be drift."""

Scaling = Literal["none", "each", "together"]
"""Energies as they are; every matrix to [0, 1] by its own maximum; all by the one they have in common."""


def analytic(x: NDArray[np.floating[Any]]) -> NDArray[np.complex128]:
    """The signal, plus i times its Hilbert transform.

    The definition is that of Marple, "Computing the discrete-time analytic signal via FFT", IEEE Trans. Signal Process.
    47 (1999) 2600-2603, and of ``scipy.signal.hilbert``: nothing at negative frequencies, twice as much at positive
    ones, zero and half the rate as they are. The signal is taken to be periodic, so both ends are less sure.

    Args:
        x: ``(..., T)``.

    Returns:
        ``(..., T)`` complex128.
    """
    wide = np.asarray(x, np.float64)
    return np.asarray(wide + 1j * _quadrature(wide))


def instantaneous(modes: NDArray[np.floating[Any]], rate_hz: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energy and frequency of each mode at each sample.

    The frequency is half the step of the unwrapped phase from the sample before to the one after; the outermost two
    have that of their neighbours. It is not smoothed, and negative where the phase runs back, as it does where a mode
    is weak for a moment.

    Args:
        modes: ``(..., T)``, T at least 4; ``decompose(x)`` of one channel is of that kind.
        rate_hz: of the samples.

    Returns:
        Both ``(..., T)`` float64: the square of the amplitude, and Hz from ``-rate_hz / 2`` to ``rate_hz / 2``.

    Raises:
        ValueError: there are fewer than four samples.
    """
    if modes.ndim < 1 or modes.shape[-1] < 4:
        raise ValueError(f"modes of shape {modes.shape} came; give (..., T), T at least 4")
    energy, steps = _energy_and_steps(np.array(modes, np.float64, order="C"))
    return energy, steps * (rate_hz / (2 * np.pi))


def hilbert_huang(
    window: NDArray[np.floating[Any]],
    *,
    size: int = SIZE,
    most_modes: int = MODES,
    summed: bool = False,
    scaling: Scaling = "none",
) -> NDArray[np.float32]:
    """The Hilbert-Huang matrices of a window or of a whole recording.

    Rows are frequencies, from zero at the first to half the rate at the end of the last; columns are times. A sample's
    energy is shared among the columns that it lasts into, so a window of any length fills the matrix without stripes.
    Energy at negative frequencies is left out; all other is there, so the sum of a matrix that is not scaled is the sum
    of ``instantaneous`` energies at frequencies that are not negative.

    Args:
        window: ``(T, C)``, T at least 4.
        size: rows and columns. The rate does not matter: a row is a share of it.
        most_modes: see ``decompose``; what is slower is left out.
        summed: one matrix, the sum over the channels.
        scaling: see ``Scaling``. A matrix without energy stays zero.

    Returns:
        ``(C, size, size)`` float32, or ``(1, size, size)`` where they are summed; energies are squares of the window's
        unit.

    Raises:
        ValueError: the window cannot be decomposed (see ``decompose``), there is no such size or scaling, or the
            energies are beyond float32.
    """
    if scaling not in ("none", "each", "together"):
        raise ValueError(f"there is no scaling {scaling!r}; there are 'none', 'each' and 'together'")
    if size < 1:
        raise ValueError(f"a matrix of {size} rows was asked for; ask for at least one")
    rows, counts = channel_modes(window, most_modes=most_modes)
    matrices = np.zeros((1 if summed else len(rows), size, size), np.float32)
    energy, steps = _energy_and_steps(rows[:, : max(1, counts.max(initial=1))])
    peaks = np.zeros(len(matrices), np.float32)
    _fill(energy, steps, counts, matrices, peaks)
    if not np.isfinite(peaks).all():
        raise ValueError("the energies of the window are beyond float32; give it in another unit, such as microvolts")
    if scaling == "together":
        peaks[:] = peaks.max(initial=0)
    if scaling != "none":
        _divide(matrices, peaks)
    return matrices


def _quadrature(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Hilbert transform along the last axis: every frequency a quarter of a turn later."""
    return np.fft.irfft(-1j * np.fft.rfft(x), x.shape[-1])


def _energy_and_steps(modes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared amplitude, and radians a sample, of ``(..., T)``."""
    flat = np.ascontiguousarray(modes).reshape(-1, modes.shape[-1])
    energy, steps = np.empty_like(flat), np.empty_like(flat)
    _follow(flat, _quadrature(flat), energy, steps)
    return energy.reshape(modes.shape), steps.reshape(modes.shape)


@compiled(nogil=True, error_model="numpy")
def _follow(real, imaginary, energy, steps):  # type: ignore[no-untyped-def]
    """Energy and phase steps of ``(R, T)``."""
    last = real.shape[1] - 1
    for r in range(real.shape[0]):
        phase = step = 0.0
        for t in range(last + 1):
            x, y = real[r, t], imaginary[r, t]
            energy[r, t] = x * x + y * y
            phase_before, step_before = phase, step
            phase = math.atan2(y, x)
            step = phase - phase_before
            if step > math.pi:
                step -= 2 * math.pi
            elif step < -math.pi:
                step += 2 * math.pi
            if t > 1:
                steps[r, t - 1] = 0.5 * (step_before + step)
        steps[r, 0], steps[r, last] = steps[r, 1], steps[r, last - 1]


@compiled(nogil=True, error_model="numpy")
def _fill(energy, steps, counts, matrices, peaks):  # type: ignore[no-untyped-def]
    """Adds the first ``counts[c]`` modes of each channel, ``(C, M, T)``, to ``(C, size, size)`` or ``(1, size, size)``.

    Sample ``t`` lasts from ``t * size / T`` to ``(t + 1) * size / T`` columns; in parts of ``1 / T`` these are whole
    numbers. ``peaks`` is the largest cell of each matrix: cells only grow.
    """
    length, size = energy.shape[2], matrices.shape[1]
    for c in range(energy.shape[0]):
        which = min(c, matrices.shape[0] - 1)
        matrix, peak = matrices[which], peaks[which]
        for t in range(length):
            begin, end = t * size, (t + 1) * size
            for m in range(counts[c]):
                if steps[c, m, t] < 0:
                    continue
                row = min(int(steps[c, m, t] / math.pi * size), size - 1)
                part = energy[c, m, t] / size
                for column in range(begin // length, (end - 1) // length + 1):
                    share = min(end, (column + 1) * length) - max(begin, column * length)
                    cell = np.float32(matrix[row, column] + part * share)
                    matrix[row, column] = cell
                    peak = max(peak, cell)
        peaks[which] = peak


@compiled(nogil=True, error_model="numpy")
def _divide(matrices, peaks):  # type: ignore[no-untyped-def]
    for k in range(matrices.shape[0]):
        if peaks[k] > 0:
            matrix = matrices[k].ravel()
            for n in range(len(matrix)):
                matrix[n] /= peaks[k]
