"""Figures of continuous use from scored recordings: of one person, of many, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from devices.events import Outcome, Scored

Figures = dict[str, float | int | None]

COUNTS = ("events", "timed")
"""Figures that are numbers of events, and no measure of anything."""

RESAMPLED = 1000
"""Bootstrap samples of people."""


class Tally(NamedTuple):
    """Counts of one person or of several.

    Attributes:
        outcomes: of all gestures that were shown.
        false: announcements between gestures.
        idle_s: seconds between gestures.
        distracted: announcements where no gesture was shown at all.
        distracted_s: seconds of that.
    """

    outcomes: tuple[Outcome, ...] = ()
    false: int = 0
    idle_s: float = 0.0
    distracted: int = 0
    distracted_s: float = 0.0


def tally(scores: Sequence[Scored]) -> Tally:
    """Adds up recordings; one without an event is distraction from end to end."""
    between = [one for one in scores if one.outcomes]
    apart = [one for one in scores if not one.outcomes]
    return Tally(
        tuple(outcome for one in between for outcome in one.outcomes),
        sum(one.false for one in between),
        sum(one.idle_s for one in between),
        sum(one.false for one in apart),
        sum(one.idle_s for one in apart),
    )


def together(tallies: Sequence[Tally]) -> Tally:
    """Adds up people."""
    return Tally(
        tuple(outcome for one in tallies for outcome in one.outcomes),
        sum(one.false for one in tallies),
        sum(one.idle_s for one in tallies),
        sum(one.distracted for one in tallies),
        sum(one.distracted_s for one in tallies),
    )


def figures(counted: Tally) -> Figures:
    """What is said of a tally; shares from 0 to 1, None where there was nothing to count.

    Returns:
        ``events``, and ``timed``, of how many there is a delay; shares of all events ``detected``, ``named`` (at once),
        ``held`` and ``right`` (at some time); ``wrong`` announcements for each event; ``delay_ms`` (median) and
        ``delay_p90_ms`` of the events with an onset and a right announcement; ``false_per_minute`` between gestures,
        and ``distracted_per_minute`` where there are none.
    """
    delays = np.array([one.delay_s for one in counted.outcomes], np.float64)
    delays = 1e3 * delays[np.isfinite(delays)]
    return {
        "events": len(counted.outcomes),
        **{name: _share(counted, name) for name in ("detected", "named", "held", "right", "wrong")},
        "timed": len(delays),
        "delay_ms": float(np.median(delays)) if len(delays) else None,
        "delay_p90_ms": float(np.percentile(delays, 90)) if len(delays) else None,
        "false_per_minute": 60 * counted.false / counted.idle_s if counted.idle_s else None,
        "distracted_per_minute": 60 * counted.distracted / counted.distracted_s if counted.distracted_s else None,
    }


def intervals(people: Sequence[Tally], seed: int = 0) -> dict[str, tuple[float, float] | None]:
    """A 95 % interval of each figure, by drawing as many people with replacement (percentile bootstrap: Efron, 1979).

    Args:
        people: the tally of each.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(people), size=(RESAMPLED, len(people)))
    drawn = [figures(together([people[k] for k in draw])) for draw in draws.tolist()]
    return {name: _between([one[name] for one in drawn]) for name in drawn[0] if name not in COUNTS}


def worst(people: Mapping[int, Figures]) -> int | None:
    """Whose gestures were named least often; None where nobody showed one."""
    known = {who: one["named"] for who, one in people.items() if one["named"] is not None}
    return min(known, key=lambda who: known[who]) if known else None


def _share(counted: Tally, name: str) -> float | None:
    return float(np.mean([getattr(one, name) for one in counted.outcomes])) if counted.outcomes else None


def _between(values: Sequence[float | int | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    return (float(np.percentile(known, 2.5)), float(np.percentile(known, 97.5))) if known else None
