"""From another program's push to the ring, through LSL on the loopback: latency, losses, memory.

The sender is a process of its own. It stamps each sample when it is pushed, and what the ring got is stamped right
after the ring has it; both clocks are one on this machine, as far as ``devices.lsl.library.offset_s`` tells. Each
sample carries its number, so a loss, a repetition or a wrong index is seen for certain.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from devices.lsl.inlet import open_lsl
from devices.lsl.outlet import Outlet
from devices.recording import Recording
from devices.replay import Replay
from devices.watched import Watched
from dsp.flow import Chunk, StreamInfo
from dsp.ring import Ring
from stream.acquire import Acquisition, chunks
from tests.loopback import stay_on_the_loopback

CHANNELS = 8
WRAP = 1 << 20
"""Numbers below this are exact in float32."""


def measure(seconds: float = 5.0, rate_hz: float = 1000.0) -> dict[str, Any]:
    """Eight channels in one-sample chunks for so long."""
    stay_on_the_loopback()
    name = f"bench-{uuid.uuid4().hex[:8]}"
    command = [sys.executable, "-m", "tests.bench.acquisition", name, str(seconds), str(rate_hz)]
    with subprocess.Popen(command) as sender:
        try:
            return _receive(name, seconds, rate_hz)
        finally:
            sender.terminate()


def _warm_up() -> None:
    """Compiles what looks at the first chunk, as a live program does before it opens its device."""
    silence = Recording(StreamInfo("silence", 1000.0, ("a",)), np.zeros((1, 1), np.float32))
    Watched(Replay(silence, speed=None)).read()


def _receive(name: str, seconds: float, rate_hz: float) -> dict[str, Any]:
    _warm_up()
    expected = round(seconds * rate_hz)
    arrivals = Arrivals(Watched(open_lsl(name=name)), expected)
    ring = Ring(CHANNELS, round(4 * rate_hz))
    memory: list[float] = []
    wrong = read = 0
    ahead: int | None = None
    until = time.perf_counter() + seconds + 10
    with Acquisition(arrivals.source, ring, arrivals):
        for chunk in chunks(ring, idle=lambda: _stop_late(until)):
            numbers = chunk.samples[:, 0].astype(np.int64)
            ahead = int(numbers[0]) - chunk.first if ahead is None else ahead
            wrong += int(((np.arange(chunk.first, chunk.end) + ahead) % WRAP != numbers).sum())
            read += len(numbers)
            if read // rate_hz >= len(memory):  # once a second
                memory.append(_memory_mb())
            if read >= expected:
                break
    integrity = arrivals.source.integrity
    return {
        "seconds": seconds,
        "rate_hz": rate_hz,
        "channels": CHANNELS,
        "push_to_ring_ms": arrivals.figures(),
        "samples": read,
        "lost": integrity.lost,
        "duplicates": integrity.duplicates,
        "dropped_by_ring": ring.dropped,
        "wrong_index": wrong,
        "memory_mb": {"after_a_tenth": round(memory[len(memory) // 10], 1), "at_the_end": round(memory[-1], 1)},
    }


class Arrivals:
    """How long each sample took; called when the ring has a chunk.

    Args:
        source: that is read.
        expected: samples.
    """

    def __init__(self, source: Watched, expected: int) -> None:
        self.source = source
        self._waits_ms = np.full(expected, np.nan)  # written to now, so that it does not grow into memory meanwhile
        self._count = 0

    def __call__(self, chunk: Chunk) -> None:
        now = time.perf_counter()
        pushed = (np.empty(0) if chunk.raw is None else chunk.raw) + self.source.integrity.clock_offset_s
        room = self._waits_ms[self._count : self._count + len(pushed)]
        room[:] = (now - pushed[: len(room)]) * 1e3
        self._count += len(room)

    def figures(self) -> dict[str, float]:
        """Milliseconds."""
        waits = self._waits_ms[: self._count]
        shares = {f"p{share}": float(np.percentile(waits, share)) for share in (50, 90, 99, 99.9)}
        return {name: round(value, 3) for name, value in {**shares, "max": float(waits.max())}.items()}


def _stop_late(until: float) -> None:
    if time.perf_counter() > until:
        raise ValueError("the sender has stopped before its time; run the benchmark again")


def _memory_mb() -> float:
    """Resident memory of this process, or 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    lines = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmRSS")]
    return int(lines[0].split()[1]) / 1024


def send(name: str, seconds: float, rate_hz: float) -> None:
    """The sender: one sample at a time, each at its absolute time, until somebody has listened for so long."""
    outlet = Outlet(StreamInfo(name, rate_hz, tuple(f"ch{n + 1}" for n in range(CHANNELS))))
    until = time.perf_counter() + 20
    while not outlet.heard:
        if time.perf_counter() > until:
            raise ValueError("nobody listens")
        time.sleep(0.01)
    start = time.perf_counter()
    sample, stamp = np.zeros((1, CHANNELS), np.float32), np.zeros(1)
    for number in range(round((seconds + 2) * rate_hz)):
        while (wait := start + number / rate_hz - time.perf_counter()) > 0:
            time.sleep(wait)
        sample[:] = number % WRAP
        stamp[0] = time.perf_counter()
        outlet.push(sample, stamp)
    outlet.close()


if __name__ == "__main__":
    if len(sys.argv) == 4:
        send(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
    else:
        print(json.dumps(measure()))
