"""Many armbands, one classifier: at every tick one batch of windows, one from each, and whether that is in time.

The armbands send their samples in step, a hop at a time, on a clock that does not wait: a tick that comes late counts
from when it was due.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsp.bank import Bank
from dsp.flow import Samples
from models.classifier import Classifier
from models.decision import DecideAll
from stream.latency import Histogram

LEGS = ("filter", "copy", "classify", "decide", "total")
"""Of a tick; the total is from the moment it was due."""

MEMORY = 2**28
"""Bytes of samples that are prepared; a longer trial goes through them again."""

HOPELESS = 20
"""Hops of lateness after which a trial is over."""

IN_TIME = 0.99
"""Share of ticks that must be over before the next is due, for a trial to have held."""

NEARLY = 0.95
"""Share that makes it worth a second trial: somebody else may have been busy."""


@dataclass(slots=True)
class Trial:
    """What so many armbands came to.

    Attributes:
        streams: S.
        hop_s: seconds between two ticks.
        ticks: that were made.
        late: those of them that ended after the next was due.
        over: it was broken off, hopelessly late.
        legs: histograms by leg.
    """

    streams: int
    hop_s: float
    ticks: int = 0
    late: int = 0
    over: bool = False
    legs: dict[str, Histogram] = field(default_factory=lambda: {name: Histogram() for name in LEGS})

    @property
    def holds(self) -> bool:
        """Whether the deadlines were held."""
        return self._in_time(IN_TIME)

    @property
    def nearly(self) -> bool:
        """Whether they were not held, but nearly."""
        return not self.holds and self._in_time(NEARLY)

    def _in_time(self, share: float) -> bool:
        return not self.over and self.ticks > 0 and self.late <= (1 - share) * self.ticks


def blocks(samples: Samples, streams: int, window: int, hop: int, ticks: int) -> Iterator[NDArray[np.float32]]:
    """What the armbands send: first a window, then hops, ``(S, T, C)``; each is at another place of one recording.

    Args:
        samples: ``(L, C)`` of the recording, which goes round.
        streams: S.
        window: samples of the first block.
        hop: of every other.
        ticks: how many others.
    """
    starts = np.arange(streams)[:, None] * 977  # a prime, so that no two are alike for long
    yield samples.take(starts + np.arange(window), axis=0, mode="wrap")
    size = streams * hop * samples.shape[1] * 4
    several = [
        samples.take(starts + window + tick * hop + np.arange(hop), axis=0, mode="wrap")
        for tick in range(min(ticks, max(1, MEMORY // size)))
    ]
    for tick in range(ticks):
        yield several[tick % len(several)]


def hold(classifier: Classifier, samples: Samples, streams: int, seconds: float) -> Trial:
    """Runs so many armbands in real time.

    Args:
        classifier: made for so many streams (``models.loading.Wanted.streams``).
        samples: ``(L, C)`` microvolts of a recording that the armbands send.
        streams: S.
        seconds: how long.
    """
    spec = classifier.design.spec
    hop_s = spec.hop / spec.rate_hz
    coming = blocks(samples, streams, spec.window, spec.hop, max(1, round(seconds / hop_s)) + 1)
    room = _Room(classifier, streams)
    for fresh in (spec.window, spec.hop):  # the first windows, and once more to have everything at hand
        room.tick(next(coming), fresh, time.perf_counter(), Trial(streams, hop_s))
    trial = Trial(streams, hop_s)
    start = time.perf_counter() + hop_s
    for number, block in enumerate(coming):
        due = start + number * hop_s
        while (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        if room.tick(block, spec.hop, due, trial) > HOPELESS * hop_s:
            trial.over = True
            break
    return trial


GROWTH = (1.5, 8.0)
"""By how much the number grows from trial to trial: at least, and at most."""

ROOM = 0.9
"""Share of a hop that the next number is meant to fill, as the last one foretells."""


def largest(
    most: int, trial_of: Callable[[int], Trial], first: int = 1, resolution: float = 0.05
) -> tuple[int, list[Trial]]:
    """How many armbands hold their deadlines: more and more until they do not, then by bisection.

    A number that fails narrowly is tried once more, since a single stumble would else halve the answer.

    Args:
        most: armbands.
        trial_of: runs so many.
        first: to begin with.
        resolution: share of the answer to which it is found.

    Returns:
        The largest number that held (0 for none), and every trial.
    """
    trials: list[Trial] = []

    def holds(streams: int) -> bool:
        trials.append(trial_of(streams))
        if trials[-1].nearly:
            trials.append(trial_of(streams))
        return trials[-1].holds

    held, failed, number = 0, most + 1, first
    while failed - held > max(1, resolution * held) or held < most < failed:
        if holds(number):
            held = number
            number = _more(trials[-1]) if failed > most else (held + failed) // 2
        else:
            failed = number
            number = (held + failed) // 2
        number = max(held + 1, min(number, failed - 1))
    return held, trials


def _more(trial: Trial) -> int:
    """The number to be tried after one that held, and before any that did not."""
    least, most = GROWTH
    took_s = trial.legs["total"].quantile(0.5)
    return round(trial.streams * (min(max(ROOM * trial.hop_s / took_s, least), most) if took_s > 0 else 2))


class _Room:
    """Everything that a tick passes through."""

    def __init__(self, classifier: Classifier, streams: int) -> None:
        self._engine, self._effort = classifier.engine, classifier.efforts[0]
        self._bank = Bank(classifier.design, streams)
        spec, decision, labels = classifier.design.spec, classifier.decision, classifier.labels
        hop_ms = spec.hop * 1e3 / spec.rate_hz
        self._decide = DecideAll(len(labels), streams, decision, rest=decision.resting(labels), hop_ms=hop_ms)

    def tick(self, block: NDArray[np.float32], fresh: int, due: float, trial: Trial) -> float:
        """One decision for each armband; counts it, and returns how late it ended, in seconds."""
        began = time.perf_counter()
        self._bank.advance(block)
        filtered = time.perf_counter()
        self._engine.take(self._bank.windows, fresh)
        copied = time.perf_counter()
        probabilities = self._engine.answer(self._effort)
        classified = time.perf_counter()
        self._decide(probabilities)
        done = time.perf_counter()
        legs = (filtered - began, copied - filtered, classified - copied, done - classified, done - due)
        for name, seconds in zip(LEGS, legs, strict=True):
            trial.legs[name].add(seconds)
        trial.ticks += 1
        trial.late += done - due > trial.hop_s
        return done - due
