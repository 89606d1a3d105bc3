"""The one loop, live and offline: chunks become windows, windows become decisions, decisions go to the sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isnan
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.design import DspSpec
from dsp.flow import Chunk, StreamInfo, Window
from models.decision import Decision
from stream.latency import Stages
from stream.overrun import Backlog, NoBacklog, Overrun
from stream.pace import Pace


class Feed(Protocol):
    """Filters and cuts windows, as ``dsp.pipeline.Pipeline`` does."""

    def feed(self, chunk: Chunk) -> Iterator[Window]:
        """The windows that end in this chunk."""


class Classify(Protocol):
    """Takes a window, then gives its probabilities, as ``models.classifier.Classifier`` does."""

    def take(self, window: Window) -> None:
        """Copies what it needs of the window."""

    def answer(self, effort: int = 0) -> NDArray[np.float32]:
        """``(K,)`` float32 probabilities, at full effort (0) or a smaller one."""

    def learn(self) -> None:
        """Does what can wait until the decision is out."""

    def in_words(self, effort: int) -> str:
        """What a reduced effort is, for people."""


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
    pace: Pace | None = None,
    hop: int = 1,
    backlog: Backlog | None = None,
    watch: Callable[[Window], object] | None = None,
) -> int:
    """Make exactly one decision for each hop, and hand it to every sink; under a strict pace, skip what is too late.

    Args:
        chunks: from the acquisition thread (``stream.acquire.chunks``) or straight from a source.
        pipeline: gives the windows of each chunk.
        classify: window -> probabilities.
        decide: probabilities -> decision.
        sinks: called in order with each decision.
        stages: counts the time of each leg, if given.
        pace: chooses the effort of each window, if given; else all get the full one.
        hop: samples between windows, by which the pace is told that a newer one is there.
        backlog: of the ring behind the chunks, if there is one.
        watch: sees each window just before its decision goes to the sinks (for a display); it must not keep the view.

    Returns:
        The number of decisions.
    """
    stages, backlog = stages or Stages(), backlog or NoBacklog()
    overrun = Overrun(hop, backlog, stages, pace)
    decisions = 0
    try:
        for chunk in chunks:
            asked = perf_counter()
            for window in pipeline.feed(chunk):
                ready = perf_counter()
                taken = asked if isnan(window.stamp) else window.stamp
                overrun.saw(window, taken, ready)
                stages.begin(taken)
                effort: int | None = 0
                if pace is not None:
                    newer = chunk.end - window.end + backlog.waiting() >= hop
                    effort = pace.choose(window.arrived, ready, newer, window.stamp)
                if effort is None:
                    stages.skip(taken)
                    asked = perf_counter()
                    continue
                classify.take(window)
                copied = perf_counter()
                probabilities = classify.answer(effort)
                classified = perf_counter()
                decision = decide(probabilities, window)
                if effort:
                    decision = decision._replace(reduced=classify.in_words(effort))
                decided = perf_counter()
                if watch is not None:
                    watch(window)
                for sink in sinks:
                    sink(decision)
                delivered = perf_counter()
                stages.add(taken, window.arrived, ready, copied, classified, decided, delivered)
                if pace is not None:
                    pace.done(effort, ready, decided, delivered)
                classify.learn()
                decisions += 1
                asked = perf_counter()
    finally:
        stages.close(perf_counter())
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
