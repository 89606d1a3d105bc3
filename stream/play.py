"""One run of the loop with everything around it: warm-up, acquisition, and the tally that an interrupted run leaves."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from devices.integrity import Integrity
from devices.source import Source
from dsp.design import DspSpec
from dsp.flow import Chunk, Window
from dsp.pipeline import Pipeline, longest_bridge
from dsp.ring import Ring
from models.adaptation import Adaptation
from models.classifier import Classifier
from models.decision import Decide, Decision
from stream import wearing
from stream.acquire import Acquisition, Unread, chunks, straight
from stream.behind import Behind
from stream.foresight import Foresight
from stream.latency import Stages
from stream.loop import Sink, run
from stream.pace import Pace
from stream.score import Score
from stream.sinks import Scored, Truth, unknown
from stream.urgency import urgent


@dataclass(slots=True)
class Tally:
    """What a run has come to so far; whole at every moment, so that an interrupted run can be summarised.

    Attributes:
        score: right and wrong.
        stages: time of each stage.
        truth: the true labels.
        ring: between the acquisition thread and the loop, if there is one.
        end: stream index after the last window that was decided.
        decisions: that have been made and scored.
        pipeline: through which the samples run.
        integrity: what the source has met.
        sinks: those that run behind a buffer, for what they dropped.
        pace: of decisions against their deadlines; None where time has no meaning.
        adaptation: what the classifier came to know of the wearer; None where it does not adapt.
        interrupted: the run was ended by the user.
    """

    score: Score
    stages: Stages = field(default_factory=Stages)
    truth: Truth = unknown
    ring: Ring | None = None
    end: int = 0
    decisions: int = 0
    pipeline: Pipeline | None = None
    integrity: Integrity | None = None
    sinks: list[Behind] = field(default_factory=list)
    pace: Pace | None = None
    adaptation: Adaptation | None = None
    interrupted: bool = False

    def missed(self) -> tuple[int, int]:
        """Decisions that came late, and windows that got none, since there was no time for them."""
        return (0, 0) if self.pace is None else (self.pace.late, self.pace.skipped)

    def trouble(self) -> str:
        """What the pace, the sinks and the armband's seat have to say at present; "" where all is well."""
        pace = "" if self.pace is None else self.pace.trouble()
        sinks = (sink.trouble() for sink in self.sinks)
        return "; ".join(filter(None, (pace, wearing.stance(self.adaptation), *sinks)))

    def seen(self) -> int:
        """Samples that the stream has come to so far, those that are missing included."""
        integrity = self.integrity
        return max(self.end, 0 if integrity is None else integrity.samples + integrity.lost)

    def dropped(self) -> int:
        """Samples that are missing so far: gaps of the source, and what the ring lost."""
        source = 0 if self.integrity is None else self.integrity.lost
        return source + (0 if self.ring is None else self.ring.dropped)


def warm_up(classifier: Classifier) -> Pipeline:
    """Compile and run everything once, so that the first sample does not pay for it.

    Then freeze the garbage collector: what is there by now stays, and need not be looked at again.

    Returns:
        A fresh pipeline for the classifier's design.
    """
    spec = classifier.design.spec
    _rehearse(Pipeline(classifier.design), spec)
    Stages().warm_up()
    classifier.warm_up()
    gc.collect()
    gc.freeze()
    return Pipeline(classifier.design)


def _rehearse(pipeline: Pipeline, spec: DspSpec) -> None:
    samples = np.zeros((spec.window + spec.hop, spec.channels), np.float32)
    for _ in pipeline.feed(Chunk(samples, 0, np.zeros(len(samples)))):
        pass


def play(
    source: Source,
    pipeline: Pipeline,
    classifier: Classifier,
    tally: Tally,
    sinks: Sequence[Sink],
    *,
    ring_samples: int | None = None,
    speed: float = 1.0,
    strict: bool = False,
    watch: Callable[[Window], object] | None = None,
    tap: Callable[[Chunk], object] | None = None,
    idle: Callable[[], object] | None = None,
) -> None:
    """Run the loop until the source ends; however it ends, the source is closed and the thread is gone.

    Args:
        source: opened, its integrity counted (``devices.watched``); its stream fits the classifier
            (``stream.loop.check_match``).
        pipeline: warm.
        classifier: warm.
        tally: counts what happens; scored before the other sinks see a decision.
        sinks: where the decisions go.
        ring_samples: capacity of the ring behind the acquisition thread; None reads the source in this thread, where
            time has no meaning.
        speed: times real time, by which windows are due.
        strict: see ``stream.pace.Pace``; else every window gets everything, however late.
        watch: see ``stream.loop.run``.
        tap: see ``stream.acquire.Acquisition``.
        idle: see ``stream.acquire.chunks``.
    """

    def note(decision: Decision) -> None:
        tally.end = decision.end
        tally.decisions += 1

    tally.pipeline, tally.integrity, tally.adaptation = pipeline, source.integrity, classifier.adaptation
    spec = classifier.design.spec
    foresight: Foresight | None = None
    if ring_samples is not None:
        hop_s, costs_s = spec.hop / spec.rate_hz / speed, classifier.costs_s
        tally.pace = Pace(hop_s, costs_s, strict=strict, words=classifier.in_words)
        foresight = Foresight(hop_s, classifier.rehearse, costs_s[0], costs_s[-1])
    classifier.reset()
    decide = Decide(classifier.labels, classifier.decision, classifier.design.spec.rate_hz)
    everything: list[Sink] = [Scored(tally.score, tally.truth), note, *sinks]
    if foresight is not None:
        awake = foresight
        everything.insert(0, lambda _: awake.decided(perf_counter()))

    def look(window: Window) -> None:
        if foresight is not None:
            foresight.saw(window.arrived)
        if watch is not None:
            watch(window)

    timely = ring_samples is not None and speed <= 1  # a replay that races may take no core for itself
    with (
        urgent() if timely else nullcontext(),
        _arrivals(source, ring_samples, tally, tap, idle, foresight) as arriving,
    ):
        run(
            arriving,
            pipeline,
            classifier,
            decide,
            everything,
            stages=tally.stages,
            pace=tally.pace,
            hop=spec.hop,
            backlog=None if tally.ring is None else Unread(tally.ring, longest_bridge(pipeline.design)),
            watch=look,
        )


@contextmanager
def _arrivals(
    source: Source,
    ring_samples: int | None,
    tally: Tally,
    tap: Callable[[Chunk], object] | None,
    idle: Callable[[], object] | None,
    foresight: Foresight | None,
) -> Iterator[Iterator[Chunk]]:
    if ring_samples is None:
        try:
            yield straight(source, tap, idle)
        finally:
            source.close()
        return
    ring = tally.ring = Ring(len(source.info.channels), ring_samples)
    with Acquisition(source, ring, tap):
        yield chunks(ring, idle=idle, foresight=foresight)
