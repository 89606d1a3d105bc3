"""What became of each gesture of a recording: ``devices.events`` on a replay, where there is rest between gestures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from devices.events import EARLY_S, Outcome, Scored, score
from devices.onsets import Event, events
from devices.recording import UNLABELLED, Recording
from devices.tally import Figures, figures, tally
from dsp.flow import Samples
from models.decision import Settings
from stream.report.kept import NONE, Decisions


class Occurred(NamedTuple):
    """A recording by events.

    Attributes:
        shown: gestures that were made, labels as indices into the recogniser's, ``NONE`` for foreign ones.
        outcomes: what became of each.
        figures: of all.
        per_gesture: of each gesture that was shown, by name.
        false: announcements in no gesture.
        idle_s: seconds in no gesture.
        cut: a gesture that was still going on when the replay was interrupted is left out.
    """

    shown: tuple[Event, ...]
    outcomes: tuple[Outcome, ...]
    figures: Figures
    per_gesture: dict[str, Figures]
    false: int
    idle_s: float
    cut: bool

    def to_json(self) -> dict[str, Any]:
        """As plain values; shares from 0 to 1, None where there was nothing to count."""
        return {
            **self.figures,
            "false": self.false,
            "idle_s": self.idle_s,
            "cut": self.cut,
            "per_gesture": self.per_gesture,
        }


def occurred(
    recording: Recording,
    signal: Samples,
    made: Decisions,
    labels: tuple[str, ...],
    settings: Settings,
    seen: int,
) -> Occurred | None:
    """Scores a replay by events.

    Args:
        recording: that was replayed, with labels that the recogniser can be judged by.
        signal: of it as the recogniser saw it, NaN in gaps and after the last window. In it onsets and ends are looked
            for: a drift or hum of the raw one, which no decision depends on, would hide them.
        made: the decisions.
        labels: of the recogniser.
        settings: of its decision layer, which say what is rest.
        seen: samples that the replay came to.

    Returns:
        None where nothing says that no gesture was made, since there nothing can begin.
    """
    recording = _as_seen(recording, signal)
    if not _rests(recording, settings.rest):
        return None
    names = [labels.index(name) if name in labels else NONE for name in recording.names]
    everything = events(recording, settings.rest)
    rate = recording.info.rate_hz
    shown = [event for event in everything if event.offset <= seen]
    begun = [event.onset for event in everything if event.offset > seen]
    until = max(0, min([seen, *(onset - round(EARLY_S * rate) for onset in begun)]))
    known = made.ends <= until
    scored = score(
        made.said[known],
        made.ends[known],
        [event._replace(label=names[event.label]) for event in shown],
        until,
        rate,
        settings.resting(labels),
    )
    return Occurred(
        tuple(event._replace(label=names[event.label]) for event in shown),
        scored.outcomes,
        figures(tally([scored])),
        _per_gesture(scored, [recording.names[event.label] for event in shown]),
        scored.false,
        scored.idle_s,
        until < seen,
    )


def _per_gesture(scored: Scored, names: Sequence[str]) -> dict[str, Figures]:
    """The figures of each gesture alone; ``names`` are those of the outcomes."""
    by_name: dict[str, list[Outcome]] = {}
    for name, outcome in zip(names, scored.outcomes, strict=True):
        by_name.setdefault(name, []).append(outcome)
    return {name: figures(tally([scored._replace(outcomes=tuple(mine))])) for name, mine in sorted(by_name.items())}


def _as_seen(recording: Recording, signal: Samples) -> Recording:
    """The filtered one, with each gap labelled as the sample before it: what was lost on the way is no rest."""
    if recording.labels is None:
        return recording
    labels, end = recording.labels.copy(), _end(signal)
    for first, count in recording.gaps:
        if first:
            labels[first : first + count] = labels[first - 1]
    whole = tuple((first, count) for first, count in recording.gaps if first + count <= end)
    return replace(recording, samples=np.nan_to_num(signal[:end]), labels=labels[:end], gaps=whole)


def _end(signal: Samples) -> int:
    """Behind the last sample that is known."""
    known = np.flatnonzero(np.isfinite(signal[:, 0]))
    return int(known[-1]) + 1 if len(known) else 0


def _rests(recording: Recording, rest: str) -> bool:
    """Whether some of it is no gesture, and some of it is labelled."""
    if recording.labels is None:
        return False
    idle = recording.labels == UNLABELLED
    if rest in recording.names:
        idle |= recording.labels == recording.names.index(rest)
    return bool(idle.any()) and bool(np.any(recording.labels != UNLABELLED))
