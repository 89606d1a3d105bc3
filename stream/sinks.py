"""Where decisions go: JSON lines, plain lines, the score. A sink is called with each decision once, in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from time import monotonic, perf_counter, time
from typing import IO, Any

from models.decision import Decision
from stream.score import ABSTAINED, Score, is_right

Truth = Callable[[int, int], str | None]
"""The true label of the samples ``[first, end)``, or None where it is unknown; ``Recording.label`` is one."""

TimeOf = Callable[[int], float]
"""When the sample of this index was taken, seconds on ``time.perf_counter``; NaN where that is unknown."""


def unknown(first: int, end: int) -> str | None:  # noqa: ARG001 - the signature of Truth
    """The truth of a stream that nobody has labelled."""
    return None


class Scored:
    """Counts each decision against the truth.

    Args:
        score: where they are counted.
        truth: the true labels.
    """

    def __init__(self, score: Score, truth: Truth) -> None:
        self._score, self._truth = score, truth

    def __call__(self, decision: Decision) -> None:
        """Count a decision."""
        self._score.add(self._truth(decision.first, decision.end), decision.label)


def as_line(decision: Decision, labels: tuple[str, ...], truth: Truth, time_of: TimeOf | None = None) -> dict[str, Any]:
    """A decision as plain values for one line of JSON: the form in which everybody gets it who gets JSON.

    Keys: ``first`` and ``last`` (indices of the first and last sample, both inclusive), ``label`` (null for an
    abstention), ``confidence``, ``probabilities`` (by gesture) and ``true`` (null where unknown); where ``time_of`` is
    given, ``time``, when the last sample was taken, in seconds since 1970 (null where unknown); and where there was no
    time for everything, also ``reduced``, what was spent on it, in words.

    Args:
        decision: to be told.
        labels: the gestures, in the order of the probabilities.
        truth: the true labels.
        time_of: when a sample was taken; None tells no time, and so nothing that differs from run to run.
    """
    line = {
        "first": int(decision.first),
        "last": int(decision.end) - 1,
        "label": decision.label,
        "confidence": float(decision.confidence),
        "probabilities": {
            label: value if isfinite(value) else None
            for label, value in zip(labels, decision.probabilities.tolist(), strict=True)
        },
        "true": truth(decision.first, decision.end),
    }
    if time_of is not None:
        line["time"] = unix_s(time_of(decision.end - 1))
    return line | {"reduced": decision.reduced} if decision.reduced else line


def unix_s(at_s: float) -> float | None:
    """A time on ``time.perf_counter`` as seconds since 1970 by this machine's clock; None for NaN."""
    return round(time() - perf_counter() + at_s, 6) if isfinite(at_s) else None


class JsonLines:
    """Writes one line of JSON for each decision (``as_line``); it holds nothing that differs from run to run.

    Args:
        out: a text file.
        labels: the gestures, in the order of the probabilities.
        truth: the true labels.
    """

    def __init__(self, out: IO[str], labels: tuple[str, ...], truth: Truth) -> None:
        self._out, self._labels, self._truth = out, labels, truth

    def __call__(self, decision: Decision) -> None:
        """Write a decision and flush it, so that a reader on a pipe has it at once."""
        self._out.write(json.dumps(as_line(decision, self._labels, self._truth)) + "\n")
        self._out.flush()


class PlainLines:
    """Writes one readable line for each decision.

    Args:
        out: a text file.
        labels: the gestures.
        truth: the true labels.
        rate_hz: turns indices into seconds.
    """

    def __init__(self, out: IO[str], labels: tuple[str, ...], truth: Truth, rate_hz: float) -> None:
        self._out, self._labels, self._truth, self._rate_hz = out, labels, truth, rate_hz
        self._width = max(len(name) for name in (*labels, ABSTAINED))

    def __call__(self, decision: Decision) -> None:
        """Write a decision and flush it."""
        truth = self._truth(decision.first, decision.end)
        label = decision.label or ABSTAINED
        line = f"{decision.end / self._rate_hz:9.3f} s  {label:<{self._width}}  {decision.confidence:4.0%}"
        if truth is not None:
            line += f"  {'right' if is_right(truth, decision.label, self._labels) else 'wrong'}, true {truth}"
        if decision.reduced:
            line += f"  ({decision.reduced})"
        self._out.write(line + "\n")
        self._out.flush()


class Progress:
    """Says now and then how far a recording is, for a run whose decisions nobody watches.

    Args:
        out: a text file, such as stderr.
        rate_hz: of the stream.
        length: samples in all.
    """

    QUIET_S = 10.0
    """Seconds between two lines; shorter runs say nothing."""

    def __init__(self, out: IO[str], rate_hz: float, length: int) -> None:
        self._out, self._rate_hz, self._length = out, rate_hz, length
        self._due = monotonic() + self.QUIET_S

    def __call__(self, decision: Decision) -> None:
        """Write a line if one is due."""
        if monotonic() < self._due:
            return
        self._due = monotonic() + self.QUIET_S
        of = f" of {self._length / self._rate_hz:.0f}" if self._length else ""
        print(f"replaying: {decision.end / self._rate_hz:.0f}{of} s", file=self._out, flush=True)
