"""Chunks in, windows out. However the stream is cut, every window is the same, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dsp.design import Design, DspSpec
from dsp.flow import Chunk, Samples, Window
from dsp.kernels import advance, aligned_zeros, kernel_for

BRIDGE_MS = 100.0
"""The longest gap that is bridged. Longer than a lost packet or a stumbling radio link, and short against a window:
what was invented is then always the smaller part of what is judged."""


class Pipeline:
    """Filters a stream and cuts it into windows; the same code live and offline.

    The first sample finds the filter at rest, as if it had been there forever: an offset of a million microvolts
    leaves no transient, and the output does not depend on how the stream is cut. The first window ends after
    ``spec.window`` samples, the others follow every ``spec.hop``.

    A jump of ``Chunk.first`` is a gap. One of at most ``bridge_ms`` is bridged: in each channel a straight line runs
    from the last sample before it to the first one after it and passes the filter as if it had been measured, so that
    no step excites the filter and windows go on where they would have ended. Every window that holds a bridged sample
    is marked as not intact. After a longer gap everything starts anew, as at the first sample; no window spans it.

    State is plain arrays, above all ``(S, 2, C)`` float64 and ``(2 N, C)`` float32; nothing is allocated for a window.

    Args:
        design: spec and coefficients.
        bridge_ms: the longest gap that is bridged; 0 bridges none.

    Attributes:
        design: spec and coefficients.
        lost: samples missing in the jumps of ``Chunk.first`` so far.
        bridged: those of them that were bridged.
        marred: windows that were not intact.
    """

    def __init__(self, design: Design, bridge_ms: float = BRIDGE_MS) -> None:
        spec = design.spec
        self.design = design
        self.lost = 0
        self.bridged = 0
        self.marred = 0
        self._longest = longest_bridge(design, bridge_ms)
        self._sections, self._rest = design.arrays()
        self._gain = _gain(spec)
        self._state = aligned_zeros((len(self._sections), 2, spec.channels), np.float64)
        self._history = aligned_zeros((2 * spec.window, spec.channels), np.float32)
        self._window, self._hop = spec.window, spec.hop
        self._last = np.zeros(spec.channels, np.float32)
        self._advance = kernel_for(spec.channels)
        self.reset()

    @property
    def spec(self) -> DspSpec:
        """What this pipeline was built for."""
        return self.design.spec

    def reset(self) -> None:
        """Forgets the past: the next chunk begins a stream, at any index."""
        self._next: int | None = None
        self._position = 0
        self._due = self._window
        self._real = 0

    def warm_up(self) -> None:
        """Compiles the kernel (or loads it from its cache), so that the first sample does not wait for it."""
        for _ in Pipeline(self.design).feed(Chunk(np.zeros((1, self.spec.channels), np.float32), 0)):
            pass

    def feed(self, chunk: Chunk) -> Iterator[Window]:
        """Takes a chunk and yields the windows that end in it, oldest first.

        Iterate to the end: what is not iterated is not filtered, and counts as lost.

        Args:
            chunk: ``(T, C)`` float32 microvolts, T from 0 to anything.

        Yields:
            One window for each hop. Its samples are a view that the next step overwrites.

        Raises:
            ValueError: the channels or the stamps do not fit, or the chunk begins before the end of the last one.
        """
        samples = self._admit(chunk)
        if not len(samples):
            return
        if self._next is not None and chunk.first != self._next:
            yield from self._cross(self._next, chunk, samples[0])
        if self._next is None:
            self._state[:] = self._rest[:, :, None] * samples[0].astype(np.float64)
            self._real = chunk.first
        yield from self._run(samples, chunk.first, chunk.stamps, chunk.arrived)

    def _run(
        self,
        samples: Samples,
        first: int,
        stamps: NDArray[np.float64] | None,
        arrived: NDArray[np.float64] | None,
    ) -> Iterator[Window]:
        begin, total = 0, len(samples)
        while begin < total:
            stop = min(total, begin + self._due)
            self._position = self._advance(
                samples, begin, stop, self._sections, self._state, self._gain, self._history, self._position
            )
            self._due -= stop - begin
            begin = stop
            end = self._next = first + stop
            self._last[:] = samples[stop - 1]
            if self._due == 0:
                self._due = self._hop
                view = self._history[self._position : self._position + self._window]
                intact = end - self._window >= self._real
                self.marred += not intact
                yield Window(view, end - self._window, end, intact, _at(stamps, stop - 1), _at(arrived, stop - 1))

    def _cross(self, first: int, chunk: Chunk, after: NDArray[np.float32]) -> Iterator[Window]:
        """Bridges the gap from ``first`` to a chunk, or starts anew where it is too long."""
        gap = chunk.first - first
        self.lost += gap
        if gap > self._longest:
            self.reset()
            return
        self.bridged += gap
        self._real = chunk.first
        step = after.astype(np.float64) - self._last
        line = self._last + step * np.arange(1, gap + 1)[:, None] / (gap + 1)
        # What is bridged is known once the sample after it is there, and not before.
        stamps = None if chunk.stamps is None else np.full(gap, chunk.stamps[0])
        arrived = None if chunk.arrived is None else np.full(gap, chunk.arrived[0])
        yield from self._run(np.ascontiguousarray(line, np.float32), first, stamps, arrived)

    def _admit(self, chunk: Chunk) -> Samples:
        samples = np.ascontiguousarray(chunk.samples, np.float32)
        if not samples.flags.writeable:  # to numba another type, which it would compile a kernel for in mid-stream
            samples = samples.copy()
        if samples.ndim != 2 or samples.shape[1] != self.spec.channels:
            raise ValueError(
                f"a chunk of shape {samples.shape} arrived, but the pipeline was built for "
                f"(samples, {self.spec.channels}); choose {self.spec.channels} channels"
            )
        if chunk.stamps is not None and len(chunk.stamps) != len(samples):
            raise ValueError(f"a chunk has {len(samples)} samples but {len(chunk.stamps)} stamps; give one for each")
        if len(samples) and self._next is not None and chunk.first < self._next:
            raise ValueError(
                f"a chunk begins at sample {chunk.first}, but the stream had already reached {self._next}; "
                "a source numbers its samples upwards, and reset() begins a new stream"
            )
        return samples


def _at(times: NDArray[np.float64] | None, row: int) -> float:
    return float("nan") if times is None else float(times[row])


def longest_bridge(design: Design, bridge_ms: float = BRIDGE_MS) -> int:
    """How many samples the longest gap has that is bridged."""
    return int(bridge_ms * 1e-3 * design.spec.rate_hz)


def filtered(design: Design, samples: Samples) -> Samples:
    """A whole recording, filtered and scaled by the kernel that runs live.

    ``filtered(design, x)[k * hop : k * hop + window]`` is window k of ``Pipeline.feed``, bit for bit.

    Args:
        design: spec and coefficients.
        samples: ``(T, C)`` float32 microvolts.

    Returns:
        ``(T, C)`` float32.

    Raises:
        ValueError: the channels do not fit.
    """
    whole = Pipeline(design)
    rows = whole._admit(Chunk(samples, 0))
    history = np.empty((2 * len(rows), design.spec.channels), np.float32)
    if len(rows):
        whole._state[:] = whole._rest[:, :, None] * rows[0].astype(np.float64)
        advance(rows, 0, len(rows), whole._sections, whole._state, whole._gain, history, 0)
    return history[: len(rows)].copy()


def _gain(spec: DspSpec) -> NDArray[np.float64]:
    scale = np.array(spec.scale_uv or (1.0,), np.float64)
    return np.ascontiguousarray(np.broadcast_to(1.0 / scale, (spec.channels,)))
