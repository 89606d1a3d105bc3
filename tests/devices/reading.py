"""Reading a source for so long, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

from devices.source import Source
from dsp.flow import Chunk


def read_until(source: Source, enough: Callable[[list[Chunk]], bool], within_s: float = 15.0) -> list[Chunk]:
    """The chunks with samples until there are enough; fails if that takes too long, or if the stream ends."""
    until = time.perf_counter() + within_s
    got: list[Chunk] = []
    while not enough(got):
        assert time.perf_counter() < until, f"after {within_s} s there are {samples_of(got)} samples"
        chunk = source.read()
        assert chunk is not None
        if len(chunk.samples):
            got.append(chunk)
    return got


def take(source: Source, least: int) -> list[Chunk]:
    """The chunks that hold the next so many samples."""
    return read_until(source, lambda got: samples_of(got) >= least)


def samples_of(chunks: list[Chunk]) -> int:
    """How many there are in all."""
    return sum(len(chunk.samples) for chunk in chunks)


def without_a_gap(chunks: list[Chunk]) -> bool:
    """They begin with sample 0, and each with the end of the one before."""
    return [chunk.first for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]
