"""Recordings and programs that read a line, for the tests of the emulators."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from serial import Serial

from devices.recording import Recording
from dsp.flow import StreamInfo


def noise(seconds: float = 2.0, rate_hz: float = 250.0, channels: int = 8, *, scale_uv: float = 100.0) -> Recording:
    """A recording in which every sample differs from every other."""
    samples = np.random.default_rng(7).normal(0, scale_uv, (round(seconds * rate_hz), channels)).astype(np.float32)
    return Recording(StreamInfo("noise", rate_hz, tuple(f"ch{n + 1}" for n in range(channels))), samples)


def read_until(port: Serial, enough: Callable[[bytes], bool], within_s: float = 10.0) -> bytes:
    """What a program reads until it has enough; fails if that takes too long."""
    until = time.perf_counter() + within_s
    got = b""
    while not enough(got):
        assert time.perf_counter() < until, f"after {within_s} s there are {len(got)} bytes, ending in {got[-80:]!r}"
        got += port.read(max(port.in_waiting, 1))
    return got


def rest(port: Serial) -> bytes:
    """What is left of a device that has fallen silent."""
    got = b""
    port.timeout = 0.1
    while more := port.read(65536):
        got += more
    return got


def wait_for(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Waits, and fails if that takes too long."""
    until = time.perf_counter() + within_s
    while not condition():
        assert time.perf_counter() < until, "it did not happen"
        time.sleep(0.002)
