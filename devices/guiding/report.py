"""What a guided recording is worth, as plain values: for the file beside it and for the tables on the screen."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from devices.checkup import timing
from devices.guiding.attempt import Attempt
from devices.guiding.leading import Leader
from devices.guiding.script import Script
from devices.source import Source

GOOD = "good"


def report(leader: Leader, script: Script, source: Source, begin: int) -> dict[str, Any]:
    """Gestures, channels and repetitions.

    Args:
        leader: at the end.
        script: that it led through.
        source: that was recorded.
        begin: stream index of the recording's first sample.
    """
    came_s, ends = np.asarray(leader.came_s, np.float64), np.asarray(leader.ends, np.int64)
    figures = [timing.rate(source.info, came_s, ends), timing.arrivals(source.info, came_s, ends)] if len(ends) else []
    attempts = leader.attempts
    return {
        "title": script.title,
        "simulated": bool(getattr(source, "simulated", False)),
        "labels": list(script.labels),
        "wanted": script.repetitions,
        "given_up": list(leader.given_up),
        "gestures": [_gesture(each.name, attempts, script, source.info.rate_hz) for each in script.gestures],
        "electrodes": [_electrode(place, name, attempts) for place, name in enumerate(source.info.channels)],
        "timing": [finding.to_json() for finding in figures],
        "unlabelled": "what was discarded is in the recording but carries no label, so training leaves it out",
        "repetitions": [attempt.to_json(source.info.rate_hz, begin) for attempt in attempts],
    }


def _gesture(name: str, attempts: Sequence[Attempt], script: Script, rate_hz: float) -> dict[str, Any]:
    mine = [attempt for attempt in attempts if attempt.gesture == name]
    good = [attempt for attempt in mine if attempt.good]
    reasons = Counter(attempt.reason for attempt in mine if not attempt.good)
    reactions_s = [(attempt.onset - attempt.first) / rate_hz for attempt in good if attempt.onset is not None]
    return {
        "gesture": name,
        "good": len(good),
        "missing": max(0, script.repetitions - len(good)),
        "discarded": len(mine) - len(good),
        "reasons": dict(reasons),
        "times_rest": _median(attempt.ratio for attempt in good),
        "reaction_s": _median(reactions_s, 3),
    }


def _electrode(place: int, name: str, attempts: Iterable[Attempt]) -> dict[str, Any]:
    """Over all repetitions, the discarded ones too: it is the electrode that is judged."""
    judged = [attempt for attempt in attempts if attempt.states]
    states = Counter(attempt.states[place] for attempt in judged)
    bad = [(count, state) for state, count in states.items() if state != GOOD]
    return {
        "channel": name,
        "contact": max(bad)[1] if bad else GOOD if states else "unknown",
        "good_share": round(states[GOOD] / len(judged), 3) if judged else None,
        "rest_uv": _median(attempt.rest_uv[place] for attempt in judged),
        "level_uv": _median(attempt.levels_uv[place] for attempt in judged),
    }


def _median(values: Iterable[float], digits: int = 2) -> float | None:
    known = [value for value in values if not np.isnan(value)]
    return round(statistics.median(known), digits) if known else None
