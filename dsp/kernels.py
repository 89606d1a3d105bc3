"""The innermost loop: second-order sections, scaling and the mirrored window memory, in one call.

Every kernel has a slow, obvious twin in ``tests/naive.py`` that it must equal bit for bit. That rules out
``fastmath`` and fused multiply-adds: the arithmetic is float64 in exactly the order written here, which is also the
order of ``scipy.signal.sosfilt`` (direct form II transposed).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.compiled import compiled, config

# Eight channels are written out as eight lanes below; with this pass LLVM packs them into vector registers
# (three times as fast for long chunks), without it they stay scalar. It reorders nothing within a lane.
config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]

LANES = 8

LINE = 64
"""Bytes of a cache line, which is also eight lanes of float64."""


def aligned_zeros(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Zeros that begin at a cache line; where rows of lanes lie across two lines, the kernel takes a quarter longer."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE, np.uint8)
    begin = -raw.ctypes.data % LINE
    return raw[begin : begin + size].view(dtype).reshape(shape)


def advance(
    samples: NDArray[np.float32],
    begin: int,
    stop: int,
    sections: NDArray[np.float64],
    state: NDArray[np.float64],
    gain: NDArray[np.float64],
    history: NDArray[np.float32],
    position: int,
) -> int:
    """Filters ``samples[begin:stop]``, scales them and writes them into the mirrored history.

    Args:
        samples: ``(T, C)`` C-contiguous float32.
        begin: first row to take.
        stop: row after the last one.
        sections: ``(S, 6)`` float64, rows ``b0 b1 b2 1 a1 a2``; S may be 0.
        state: ``(S, 2, C)`` float64, changed in place.
        gain: ``(C,)`` float64 factor after the filter.
        history: ``(2 N, C)`` float32, changed in place. Each sample is written at ``position`` and
            ``position + N``, so the last N samples are always the contiguous rows ``position : position + N``.
        position: next row to write, below N.

    Returns:
        The next position.
    """
    return int(kernel_for(history.shape[1])(samples, begin, stop, sections, state, gain, history, position))


def kernel_for(channels: int) -> Callable[..., int]:
    """The compiled form of ``advance`` for this many channels; callers in a hurry keep it."""
    kernel: Callable[..., int] = _advance_lanes if channels == LANES else _advance_any
    return kernel


def kernel_for_many(channels: int) -> Callable[..., int]:
    """The compiled form of ``advance`` for S streams in step.

    It takes all of ``(S, T, C)`` samples, the sections, ``(S, sections, 2, C)`` state, the gain, ``(S, 2 N, C)``
    history and the position that all streams have in common, and returns the next one.
    """
    kernel: Callable[..., int] = _advance_many_lanes if channels == LANES else _advance_many_any
    return kernel


@compiled(nogil=True, error_model="numpy")
def _advance_any(samples, begin, stop, sections, state, gain, history, position):  # type: ignore[no-untyped-def]
    """``advance`` for any number of channels."""
    length = history.shape[0] // 2
    for t in range(begin, stop):
        for c in range(history.shape[1]):
            x = np.float64(samples[t, c])
            for s in range(sections.shape[0]):
                y = sections[s, 0] * x + state[s, 0, c]
                state[s, 0, c] = sections[s, 1] * x - sections[s, 4] * y + state[s, 1, c]
                state[s, 1, c] = sections[s, 2] * x - sections[s, 5] * y
                x = y
            scaled = np.float32(x * gain[c])
            history[position, c] = scaled
            history[position + length, c] = scaled
        position += 1
        if position == length:
            position = 0
    return position


@compiled(nogil=True, error_model="numpy")
def _advance_lanes(samples, begin, stop, sections, state, gain, history, position):  # type: ignore[no-untyped-def]
    """``advance`` for eight channels, side by side."""
    length = history.shape[0] // 2
    for t in range(begin, stop):
        x0 = np.float64(samples[t, 0])
        x1 = np.float64(samples[t, 1])
        x2 = np.float64(samples[t, 2])
        x3 = np.float64(samples[t, 3])
        x4 = np.float64(samples[t, 4])
        x5 = np.float64(samples[t, 5])
        x6 = np.float64(samples[t, 6])
        x7 = np.float64(samples[t, 7])
        for s in range(sections.shape[0]):
            b0 = sections[s, 0]
            b1 = sections[s, 1]
            b2 = sections[s, 2]
            a1 = sections[s, 4]
            a2 = sections[s, 5]
            y0 = b0 * x0 + state[s, 0, 0]
            y1 = b0 * x1 + state[s, 0, 1]
            y2 = b0 * x2 + state[s, 0, 2]
            y3 = b0 * x3 + state[s, 0, 3]
            y4 = b0 * x4 + state[s, 0, 4]
            y5 = b0 * x5 + state[s, 0, 5]
            y6 = b0 * x6 + state[s, 0, 6]
            y7 = b0 * x7 + state[s, 0, 7]
            p0 = b1 * x0 - a1 * y0 + state[s, 1, 0]
            p1 = b1 * x1 - a1 * y1 + state[s, 1, 1]
            p2 = b1 * x2 - a1 * y2 + state[s, 1, 2]
            p3 = b1 * x3 - a1 * y3 + state[s, 1, 3]
            p4 = b1 * x4 - a1 * y4 + state[s, 1, 4]
            p5 = b1 * x5 - a1 * y5 + state[s, 1, 5]
            p6 = b1 * x6 - a1 * y6 + state[s, 1, 6]
            p7 = b1 * x7 - a1 * y7 + state[s, 1, 7]
            q0 = b2 * x0 - a2 * y0
            q1 = b2 * x1 - a2 * y1
            q2 = b2 * x2 - a2 * y2
            q3 = b2 * x3 - a2 * y3
            q4 = b2 * x4 - a2 * y4
            q5 = b2 * x5 - a2 * y5
            q6 = b2 * x6 - a2 * y6
            q7 = b2 * x7 - a2 * y7
            state[s, 0, 0] = p0
            state[s, 0, 1] = p1
            state[s, 0, 2] = p2
            state[s, 0, 3] = p3
            state[s, 0, 4] = p4
            state[s, 0, 5] = p5
            state[s, 0, 6] = p6
            state[s, 0, 7] = p7
            state[s, 1, 0] = q0
            state[s, 1, 1] = q1
            state[s, 1, 2] = q2
            state[s, 1, 3] = q3
            state[s, 1, 4] = q4
            state[s, 1, 5] = q5
            state[s, 1, 6] = q6
            state[s, 1, 7] = q7
            x0 = y0
            x1 = y1
            x2 = y2
            x3 = y3
            x4 = y4
            x5 = y5
            x6 = y6
            x7 = y7
        scaled0 = np.float32(x0 * gain[0])
        scaled1 = np.float32(x1 * gain[1])
        scaled2 = np.float32(x2 * gain[2])
        scaled3 = np.float32(x3 * gain[3])
        scaled4 = np.float32(x4 * gain[4])
        scaled5 = np.float32(x5 * gain[5])
        scaled6 = np.float32(x6 * gain[6])
        scaled7 = np.float32(x7 * gain[7])
        history[position, 0] = scaled0
        history[position, 1] = scaled1
        history[position, 2] = scaled2
        history[position, 3] = scaled3
        history[position, 4] = scaled4
        history[position, 5] = scaled5
        history[position, 6] = scaled6
        history[position, 7] = scaled7
        history[position + length, 0] = scaled0
        history[position + length, 1] = scaled1
        history[position + length, 2] = scaled2
        history[position + length, 3] = scaled3
        history[position + length, 4] = scaled4
        history[position + length, 5] = scaled5
        history[position + length, 6] = scaled6
        history[position + length, 7] = scaled7
        position += 1
        if position == length:
            position = 0
    return position


@compiled(nogil=True, error_model="numpy")
def _advance_many_any(samples, sections, state, gain, history, position):  # type: ignore[no-untyped-def]
    """``_advance_any`` for one stream after the other."""
    end = position
    for s in range(samples.shape[0]):
        end = _advance_any(samples[s], 0, samples.shape[1], sections, state[s], gain, history[s], position)
    return end


@compiled(nogil=True, error_model="numpy")
def _advance_many_lanes(samples, sections, state, gain, history, position):  # type: ignore[no-untyped-def]
    """``_advance_lanes`` for one stream after the other."""
    end = position
    for s in range(samples.shape[0]):
        end = _advance_lanes(samples[s], 0, samples.shape[1], sections, state[s], gain, history[s], position)
    return end
