"""Decisions to send, sinks to send them with, and a bounded patience."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from models.decision import Decision
from stream.behind import CAPACITY, Behind
from stream.destinations import check, open_sink
from stream.outlets.outlet import Stream
from stream.sinks import unknown

LABELS = ("rest", "fist", "wave in")
PATIENCE_S = 60.0
HOP = 20


def decision(number: int, label: str | None = "fist") -> Decision:
    """The decision of this number, sure to a degree that tells it from its neighbours."""
    sure = 0.5 + number % 100 / 256
    rows = np.array([1 - sure, sure, 0], np.float32)
    return Decision(label, sure, rows, number * HOP, number * HOP + 100)


def taken_s(index: int) -> float:
    """When a sample was taken, on ``time.perf_counter``: a thousand in a second, from the import of this module."""
    return _BEGAN_S + index / 1e3


_BEGAN_S = time.perf_counter()


def stream(*, patient: bool = False, said: list[str] | None = None) -> Stream:
    """A stream of three gestures."""
    say: Callable[[str], None] = (lambda _: None) if said is None else said.append
    return Stream(LABELS, unknown, taken_s, patient, say)


@contextmanager
def sink_of(spec: str, *, patient: bool = False, said: list[str] | None = None) -> Iterator[Behind]:
    """A sink, checked and opened, and closed in the end."""
    check([spec], LABELS)
    sink = open_sink(spec, stream(patient=patient, said=said))
    try:
        yield sink
    finally:
        sink.close()


def until(so: Callable[[], object], *, meanwhile: Callable[[], object] = lambda: None, pause_s: float = 0.01) -> None:
    """Waits until something is so, bounded; does something meanwhile."""
    end = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < end, "it did not come to be so"
        meanwhile()
        time.sleep(pause_s)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of this machine that nobody uses at the moment."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


class Counting:
    """Sends decision after decision, counting, while no sink has so many waiting that it would be too slow."""

    def __init__(self, *sinks: Behind, label: str | None = "fist") -> None:
        self.sinks, self.label, self.sent = sinks, label, 0

    def __call__(self) -> None:
        if any(self.sent - sink.delivered - sink.dropped > CAPACITY // 2 for sink in self.sinks):
            return
        for sink in self.sinks:
            sink(decision(self.sent, self.label))
        self.sent += 1
