"""Chunks in, windows out. However the stream is cut, every window is the same, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dsp.design import Design, DspSpec
from dsp.flow import Chunk, Samples, Window
from dsp.kernels import advance, aligned_zeros, kernel_for


class Pipeline:
    """Filters a stream and cuts it into windows; the same code live and offline.

    The first sample finds the filter at rest, as if it had been there forever: an offset of a million microvolts
    leaves no transient, and the output does not depend on how the stream is cut. The first window ends after
    ``spec.window`` samples, the others follow every ``spec.hop``. A jump of ``Chunk.first`` starts everything anew.

    State is two plain arrays, ``(S, 2, C)`` float64 and ``(2 N, C)`` float32; nothing is allocated for a window.

    Attributes:
        design: spec and coefficients.
        lost: samples missing in the jumps of ``Chunk.first`` so far.
    """

    def __init__(self, design: Design) -> None:
        spec = design.spec
        self.design = design
        self.lost = 0
        self._sections, self._rest = design.arrays()
        self._gain = _gain(spec)
        self._state = aligned_zeros((len(self._sections), 2, spec.channels), np.float64)
        self._history = aligned_zeros((2 * spec.window, spec.channels), np.float32)
        self._window, self._hop = spec.window, spec.hop
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
        begin, total = 0, len(samples)
        while begin < total:
            stop = min(total, begin + self._due)
            self._position = self._advance(
                samples, begin, stop, self._sections, self._state, self._gain, self._history, self._position
            )
            self._due -= stop - begin
            begin = stop
            end = self._next = chunk.first + stop
            if self._due == 0:
                self._due = self._hop
                view = self._history[self._position : self._position + self._window]
                stamp = float("nan") if chunk.stamps is None else float(chunk.stamps[stop - 1])
                yield Window(view, end - self._window, end, True, stamp)

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
        if not len(samples):
            return samples
        if self._next is not None and chunk.first != self._next:
            if chunk.first < self._next:
                raise ValueError(
                    f"a chunk begins at sample {chunk.first}, but the stream had already reached {self._next}; "
                    "a source numbers its samples upwards, and reset() begins a new stream"
                )
            self.lost += chunk.first - self._next
            self.reset()
        if self._next is None:
            self._next = chunk.first
            self._state[:] = self._rest[:, :, None] * samples[0].astype(np.float64)
        return samples


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
        advance(rows, 0, len(rows), whole._sections, whole._state, whole._gain, history, 0)
    return history[: len(rows)].copy()


def _gain(spec: DspSpec) -> NDArray[np.float64]:
    scale = np.array(spec.scale_uv or (1.0,), np.float64)
    return np.ascontiguousarray(np.broadcast_to(1.0 / scale, (spec.channels,)))
