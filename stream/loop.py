"""The one loop, live and offline: chunks become windows, windows become decisions, decisions go to the sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isnan
from time import perf_counter_ns
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.design import DspSpec
from dsp.flow import Chunk, StreamInfo, Window
from models.decision import Decision
from stream.latency import Stages


class Feed(Protocol):
    """Filters and cuts windows, as ``dsp.pipeline.Pipeline`` does."""

    def feed(self, chunk: Chunk) -> Iterator[Window]:
        """The windows that end in this chunk."""


Classify = Callable[[Window], NDArray[np.float32]]
"""``(K,)`` float32 probabilities of one window."""

DecideOn = Callable[[NDArray[np.float32], Window], Decision]

Sink = Callable[[Decision], object]
"""Takes each decision once, in order. It runs in the loop: a slow one holds it up."""


def run(
    chunks: Iterable[Chunk],
    pipeline: Feed,
    classify: Classify,
    decide: DecideOn,
    sinks: Sequence[Sink],
    *,
    stages: Stages | None = None,
    watch: Callable[[Window], object] | None = None,
) -> int:
    """Make exactly one decision for each hop, and hand it to every sink.

    Args:
        chunks: from the acquisition thread (``stream.acquire.chunks``) or straight from a source.
        pipeline: gives the windows of each chunk.
        classify: window -> probabilities.
        decide: probabilities -> decision.
        sinks: called in order with each decision.
        stages: counts the time of each leg, if given.
        watch: sees each window just before its decision goes to the sinks (for a display); it must not keep the view.

    Returns:
        The number of decisions.
    """
    stages = stages or Stages()
    decisions = 0
    for chunk in chunks:
        asked = perf_counter_ns()
        for window in pipeline.feed(chunk):
            ready = perf_counter_ns()
            probabilities = classify(window)
            classified = perf_counter_ns()
            decision = decide(probabilities, window)
            decided = perf_counter_ns()
            if watch is not None:
                watch(window)
            for sink in sinks:
                sink(decision)
            delivered = perf_counter_ns()
            stages.add(asked * 1e-9 if isnan(window.stamp) else window.stamp, ready, classified, decided, delivered)
            decisions += 1
            asked = perf_counter_ns()
    return decisions


def check_match(info: StreamInfo, spec: DspSpec) -> None:
    """Refuse a stream that the checkpoint was not trained for.

    Raises:
        ValueError: the number of channels or the rate differs; names both sides and the way out.
    """
    if len(info.channels) == spec.channels and info.rate_hz == spec.rate_hz:
        return
    raise ValueError(
        f"{info.name!r} streams {len(info.channels)} channels at {info.rate_hz:g} Hz, but this checkpoint was trained "
        f"on {spec.channels} at {spec.rate_hz:g} Hz; {_way_out(info, spec)}"
    )


def _way_out(info: StreamInfo, spec: DspSpec) -> str:
    if len(info.channels) != spec.channels:
        return (
            f"train one on {len(info.channels)} channels, or pass a recording of {spec.channels} at {spec.rate_hz:g} Hz"
        )
    return (
        f"train one with dsp.rate_hz={info.rate_hz:g} on recordings of this device "
        f"('python -m devices record'), or pass a source at {spec.rate_hz:g} Hz"
    )
