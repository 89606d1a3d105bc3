"""The slow, obvious twin of every kernel: plain Python, one sample at a time, nothing clever."""

from __future__ import annotations

import math

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import hilbert

from dsp.design import Design
from dsp.flow import Samples


def filtered(design: Design, samples: Samples) -> Samples:
    """Second-order sections in direct form II transposed, started at rest, then the scale."""
    sections, rest = [list(row) for row in design.sections], design.rest
    scale = design.spec.scale_uv or (1.0,)
    out = np.zeros(samples.shape, np.float32)
    for c in range(samples.shape[1]):
        gain = 1.0 / (scale[c] if len(scale) > 1 else scale[0])
        column = [float(v) for v in samples[:, c]]
        state = [[a * column[0], b * column[0]] for a, b in rest] if column else []
        for t, x in enumerate(column):
            for (b0, b1, b2, _, a1, a2), z in zip(sections, state, strict=True):
                y = b0 * x + z[0]
                z[0] = b1 * x - a1 * y + z[1]
                z[1] = b2 * x - a2 * y
                x = y
            out[t, c] = x * gain
    return out


def windows(design: Design, samples: Samples) -> list[tuple[int, int, Samples]]:
    """Every (first, end, samples) that a stream must give."""
    signal, spec = filtered(design, samples), design.spec
    ends = range(spec.window, len(samples) + 1, spec.hop)
    return [(end - spec.window, end, signal[end - spec.window : end]) for end in ends]


def gapped_windows(
    design: Design, pieces: list[tuple[int, Samples]], longest: int
) -> list[tuple[int, int, bool, Samples]]:
    """Every (first, end, intact, samples) of a stream with gaps: pieces of (first index, samples), some apart.

    A gap of at most ``longest`` samples is filled with a straight line; after a longer one a new stream begins.
    """
    runs: list[tuple[int, list[np.ndarray], set[int]]] = []
    end = 0
    for first, samples in pieces:
        gap = first - end
        if not runs or gap > longest:
            runs.append((first, [], set()))
            gap = 0
        _, rows, invented = runs[-1]
        before = [float(v) for v in rows[-1]] if rows else []
        for k in range(1, gap + 1):
            line = [a + (float(b) - a) * k / (gap + 1) for a, b in zip(before, samples[0], strict=True)]
            rows.append(np.array(line, np.float32))
            invented.add(end + k - 1)
        rows.extend(samples)
        end = first + len(samples)
    return [
        (start + first, start + stop, not invented & set(range(start + first, start + stop)), window)
        for start, rows, invented in runs
        for first, stop, window in windows(design, np.array(rows, np.float32))
    ]


def decomposed(x: list[float], most_modes: int = 10, most_sifts: int = 100) -> list[list[float]]:
    """Every mode of one channel, and what remains."""
    modes, rest = [], list(x)
    while len(modes) < most_modes and _energy(rest) >= 10**-2.5 * _energy(x) and mean_envelope(rest) is not None:
        mode = rest
        for _ in range(most_sifts):
            mean = mean_envelope(mode)
            if mean is None:
                break
            mode = [a - b for a, b in zip(mode, mean, strict=True)]
            if _energy(mean) < 0.1 * _energy(mode):
                break
        modes.append(mode)
        rest = [a - b for a, b in zip(rest, mode, strict=True)]
    return [*modes, rest]


def _energy(x: list[float]) -> float:
    return sum(v * v for v in x)


def mean_envelope(x: list[float]) -> list[float] | None:
    """The mean of the splines through maxima and minima, or None where there are fewer than two of either."""
    maxima, minima = extrema(x), extrema([-v for v in x])
    if len(maxima) < 2 or len(minima) < 2:
        return None
    before = mirrored(x, maxima, minima, start=True)
    turned = [[len(x) - 1 - t for t in reversed(kind)] for kind in (maxima, minima)]
    after = mirrored(list(reversed(x)), *turned, start=False)
    means = [0.0] * len(x)
    for inner, left, right in zip((maxima, minima), before, after, strict=True):
        points = dict(left) | {t: x[t] for t in inner} | {len(x) - 1 - t: v for t, v in right}
        spline = CubicSpline(sorted(points), [points[t] for t in sorted(points)], bc_type="not-a-knot")
        means = [mean + float(v) / 2 for mean, v in zip(means, spline(range(len(x))), strict=True)]
    return means


def extrema(x: list[float]) -> list[int]:
    """Where the maxima are, the middle of level ones."""
    found, begin = [], 0
    while begin < len(x):
        end = begin
        while end + 1 < len(x) and x[end + 1] == x[begin]:
            end += 1
        if begin > 0 and end + 1 < len(x) and x[begin - 1] < x[begin] > x[end + 1]:
            found.append((begin + end) // 2)
        begin = end + 1
    return found


Points = list[tuple[int, float]]


def mirrored(x: list[float], maxima: list[int], minima: list[int], *, start: bool) -> tuple[Points, Points]:
    """Maxima and minima before the first sample; ``start`` is False where the signal has been turned round."""
    if maxima[0] < minima[0]:
        near, far = maxima, minima
        at_end = x[0] <= x[minima[0]]
    else:
        near, far = minima, maxima
        at_end = x[0] <= x[maxima[0]] if start else x[0] >= x[maxima[0]]
    nears = [(2 * near[0] - t, x[t]) for t in near[1:3]]
    fars = [(2 * near[0] - t, x[t]) for t in far[:2]]
    if at_end or nears[-1][0] >= 0 or fars[-1][0] >= 0:
        nears, fars = [(-t, x[t]) for t in near[:2]], [(-t, x[t]) for t in far[:2]]
    if at_end:
        fars = [(0, x[0]), fars[0]]
    return (nears, fars) if near is maxima else (fars, nears)


def energy_and_frequency(mode: list[float], rate: float) -> tuple[list[float], list[float]]:
    """Of the analytic signal, sample by sample."""
    z = hilbert(mode)
    phase = np.unwrap(np.angle(z))
    inner = [float(phase[t + 1] - phase[t - 1]) / 2 * rate / (2 * math.pi) for t in range(1, len(mode) - 1)]
    return [float(abs(v)) ** 2 for v in z], [inner[0], *inner, inner[-1]]


def hilbert_huang(x: list[float], size: int, most_modes: int = 8) -> np.ndarray:
    """The matrix of one channel, each sample cut into ``size`` equal parts, each of which lies in one column."""
    matrix = np.zeros((size, size))
    for mode in decomposed(x, most_modes)[:-1]:
        for t, (energy, frequency) in enumerate(zip(*energy_and_frequency(mode, 2.0), strict=True)):
            if frequency >= 0:
                for part in range(size):
                    matrix[min(int(frequency * size), size - 1), (t * size + part) // len(x)] += energy / size
    return matrix
