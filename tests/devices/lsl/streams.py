"""Streams on the loopback, for the tests of LSL."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import numpy as np
import pylsl

from devices.recording import Recording
from devices.source import Source
from dsp.flow import Chunk, StreamInfo


def unique(what: str = "test") -> str:
    """A name that no other test uses."""
    return f"{what}-{uuid.uuid4().hex[:10]}"


def noise(seconds: float = 2.0, rate_hz: float = 1000.0, channels: int = 8) -> Recording:
    """A recording in which every sample differs from every other."""
    samples = np.random.default_rng(7).normal(0, 100, (round(seconds * rate_hz), channels)).astype(np.float32)
    return Recording(StreamInfo("noise", rate_hz, tuple(f"ch{n + 1}" for n in range(channels))), samples)


def outlet(
    name: str,
    *,
    type_: str = "EMG",
    rate_hz: float = 1000.0,
    format_: int = pylsl.cf_float32,
    source_id: str = "",
    channels: list[dict[str, str]] | None = None,
    count: int = 2,
) -> pylsl.StreamOutlet:
    """A foreign program's outlet; ``channels`` is what it says of each, where it says anything."""
    count = len(channels) if channels else count
    info = pylsl.StreamInfo(name, type_, count, rate_hz, format_, source_id)
    if channels:
        described = info.desc().append_child("channels")
        for channel in channels:
            node = described.append_child("channel")
            for key, value in channel.items():
                node.append_child_value(key, value)
    return pylsl.StreamOutlet(info)


def read_until(source: Source, enough: Callable[[list[Chunk]], bool], within_s: float = 15.0) -> list[Chunk]:
    """The chunks with samples until there are enough; fails if that takes too long."""
    until = time.perf_counter() + within_s
    got: list[Chunk] = []
    while not enough(got):
        assert time.perf_counter() < until, f"after {within_s} s there are {sum(len(c.samples) for c in got)} samples"
        chunk = source.read()
        assert chunk is not None
        if len(chunk.samples):
            got.append(chunk)
    return got


def samples_of(chunks: list[Chunk]) -> int:
    """How many there are in all."""
    return sum(len(chunk.samples) for chunk in chunks)
