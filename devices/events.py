"""Decisions scored by events: was each gesture noticed, named, and how soon; and what was announced without one.

An *announcement* is a decision that names a gesture where the decision before it did not name the same one; rest and an
abstention name none. It begins at the end of its window, since nobody can know earlier.

An announcement belongs to the event, from ``onset - EARLY_S`` to ``offset + LATE_S``, in which it begins. ``EARLY_S``
allows for an onset that was placed late, ``LATE_S`` for windows that still hold the gesture. Where the next event has
begun by then, it belongs to that one.

* An event is *detected* if anything is announced from ``onset - EARLY_S`` to ``offset``; else it is *missed*. One
  that was already announced before that, and just goes on, is missed: it was a false activation by then.
* It is *named* if the first announcement that detects it is the right one, and *held* if from ``onset`` to ``offset``
  the right gesture stood announced longer than any other.
* Announcements of another gesture that belong to it are *wrong*, in its tail too.
* *Delay*: from the onset to the first right announcement; only where the onset was found in the signal, and negative
  where the announcement came before it.
* An announcement that belongs to no event is a *false activation*. Their rate is per minute of the time in no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.onsets import Event

EARLY_S = 0.2
LATE_S = 0.6


class Outcome(NamedTuple):
    """What became of one event.

    Attributes:
        label: what was shown, as an index.
        detected: anything was announced.
        named: the first announcement was right.
        held: the right gesture stood announced for longer than any other.
        right: there was a right announcement, be it the first or not.
        wrong: announcements of other gestures.
        delay_s: to the first right announcement; NaN without one, or without an onset to measure from.
    """

    label: int
    detected: bool
    named: bool
    held: bool
    right: bool
    wrong: int
    delay_s: float


class Scored(NamedTuple):
    """One recording.

    Attributes:
        outcomes: one for each event.
        false: announcements that belong to none.
        idle_s: seconds that belong to none.
    """

    outcomes: tuple[Outcome, ...]
    false: int
    idle_s: float


def announcements(said: NDArray[np.int64], idle: int) -> NDArray[np.int64]:
    """Positions of the decisions that announce something.

    Args:
        said: ``(W,)`` label of each decision, -1 where it abstains.
        idle: the label that names no gesture; -1 if all do.
    """
    named = np.where(said == idle, -1, said)
    before = np.concatenate([[-1], named[:-1]])
    return np.flatnonzero((named >= 0) & (named != before))


def score(
    said: NDArray[np.int64], ends: NDArray[np.int64], shown: Sequence[Event], samples: int, rate_hz: float, idle: int
) -> Scored:
    """Scores the decisions on one recording.

    Args:
        said: ``(W,)`` label of each decision, -1 where it abstains.
        ends: ``(W,)`` index after the last sample that it saw, ascending.
        shown: the events, in order; their labels are indices like those of ``said``.
        samples: in the recording.
        rate_hz: of it.
        idle: the label that names no gesture; -1 if all do.
    """
    named, at = np.where(said == idle, -1, said), announcements(said, idle)
    when, what = ends[at], said[at]
    outcomes, false, busy_samples = [], np.ones(len(at), bool), 0
    for event, (begin, end) in zip(shown, _spans(shown, samples, rate_hz), strict=True):
        mine = (when >= begin) & (when < end)
        false &= ~mine
        busy_samples += end - begin
        during = named[(ends >= event.onset) & (ends <= event.offset)]
        outcomes.append(_outcome(event, what[mine], when[mine], _longest(during), rate_hz))
    return Scored(tuple(outcomes), int(false.sum()), (samples - busy_samples) / rate_hz)


def _spans(shown: Sequence[Event], samples: int, rate_hz: float) -> list[tuple[int, int]]:
    """From where to where announcements belong to each event; the spans do not overlap."""
    early, late = round(EARLY_S * rate_hz), round(LATE_S * rate_hz)
    begins = [max(0, event.onset - early) for event in shown]
    nexts = [*begins, samples + 1][1:]
    ends = [min(event.offset + late + 1, following) for event, following in zip(shown, nexts, strict=True)]
    return [(begin, max(begin, min(end, samples + 1))) for begin, end in zip(begins, ends, strict=True)]


def _longest(during: NDArray[np.int64]) -> int:
    """The gesture that most decisions name, -1 where none does."""
    spoken = during[during >= 0]
    return int(np.bincount(spoken).argmax()) if len(spoken) else -1


def _outcome(event: Event, what: NDArray[np.int64], when: NDArray[np.int64], longest: int, rate_hz: float) -> Outcome:
    """The outcome of an event to which the announcements ``what`` at ``when`` belong."""
    detects = when <= event.offset
    right = when[detects & (what == event.label)]
    first = what[detects][:1]
    return Outcome(
        label=event.label,
        detected=len(first) > 0,
        named=bool((first == event.label).any()),
        held=longest == event.label,
        right=len(right) > 0,
        wrong=int((what != event.label).sum()),
        delay_s=(int(right[0]) - event.onset) / rate_hz if event.found and len(right) else float("nan"),
    )
