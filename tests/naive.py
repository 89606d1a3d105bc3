"""The slow, obvious twin of every kernel: plain Python, one sample at a time, nothing clever."""

from __future__ import annotations

import numpy as np

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
