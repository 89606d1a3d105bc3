"""When the muscle really began and stopped: found in the signal near the places where a label changes.

A label that a program wrote on a schedule is neither: the hand follows it by a reaction time, or runs ahead of it.

How: the envelope is a centred moving root mean square over 50 ms and all channels, each channel divided by its own
level at rest, which counts what little a quiet electrode adds. Two thresholds after Hodges & Bui (A comparison of
computer-based methods for the determination of onset of muscle contraction using electromyography,
Electroencephalogr Clin Neurophysiol 101:511-519, 1996: mean and three standard deviations of rest, 50 ms) and Bonato,
D'Alessio & Knaflitz (IEEE Trans Biomed Eng 45:287-299, 1998: a second, surer threshold confirms the first). The
envelope has to reach half of the way from rest to the gesture's own level within the search; from there the onset is
where it was last at rest. This looks into the future, and is for scoring and for labels to learn by, never live.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.recording import UNLABELLED, Recording
from dsp.flow import Samples

Envelope = NDArray[np.float64]

SMOOTH_S = 0.05
"""Length of the moving root mean square."""

SEARCH_S = (-1.8, 2.3)
"""Where a muscle's onset or offset is looked for, from the label's change. In the Myo readings the hand lags by
-0.45 ... +0.95 s (fifth to ninety-fifth percentile); of one person by two seconds, and of two it runs ever further
ahead within the minute, up to a second and a half."""

LEVEL_S = 1.0
"""How much signal on either side of the search the levels of rest and of the gesture are taken from."""

LEAST_S = 0.5
"""How much of it there has to be."""

LASTS_S = 0.2
"""How long the surer threshold has to be passed on average, so that a jerk is no onset."""

DEVIATIONS = 3.0
"""Standard deviations of the envelope at rest above its mean that are no longer rest."""

LEAVES = 0.15
"""Share of the way from rest to the gesture's level that is no longer rest, if that is more: a muscle may be a little
tense long before the gesture."""

CONFIRMED = 0.5
"""Share of the way from rest to the gesture's level that has to be reached."""

LEAST_RISE = 1.25
"""The gesture's level has to be so many times that of rest, or nothing was found."""


class Event(NamedTuple):
    """A gesture that was shown.

    Attributes:
        label: index into the recording's names.
        onset: sample at which the muscle began; the label's change where that was not found.
        offset: sample at which it was at rest again, or after the last one of the recording; likewise.
        found: whether the onset was found in the signal.
        released: whether the offset was.
    """

    label: int
    onset: int
    offset: int
    found: bool
    released: bool


def events(recording: Recording, rest: str = "rest") -> list[Event]:
    """The gestures of a continuous recording, in order: a stretch of each label but ``rest``.

    Args:
        recording: labelled; a stretch without a label counts as rest.
        rest: name of the label that is no gesture.

    Returns:
        Events that do not overlap; none where nothing but rest is labelled.
    """
    if recording.labels is None:
        return []
    idle = recording.names.index(rest) if rest in recording.names else UNLABELLED
    marks = np.where(recording.labels == UNLABELLED, idle, recording.labels)
    changes = np.flatnonzero(np.diff(marks)) + 1
    edges = np.concatenate([[0], changes, [len(marks)]])
    found: list[Event] = []
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if marks[begin] != idle:
            earliest = found[-1].offset if found else 0
            found.append(_event(recording, int(marks[begin]), begin, end, earliest))
    return found


def _event(recording: Recording, label: int, begin: int, end: int, earliest: int) -> Event:
    """The event behind the label's stretch ``[begin, end)``, not before ``earliest``."""
    onset = turn(recording.samples, recording.info.rate_hz, begin, forward=True) if begin else None
    length = len(recording.samples)
    offset = turn(recording.samples, recording.info.rate_hz, end, forward=False) if end < length else None
    first = max(earliest, begin if onset is None else onset)
    last = end if offset is None else offset
    return Event(label, first, max(first + 1, last), onset is not None, offset is not None)


def turn(
    samples: Samples, rate: float, change: int, *, forward: bool, search_s: tuple[float, float] = SEARCH_S
) -> int | None:
    """The sample near ``change`` at which the muscle leaves rest (forward) or comes back to it; None if not found.

    Coming back is leaving, with time reversed.

    Args:
        samples: ``(T, C)``.
        rate: of them, in Hz.
        change: sample at which a schedule says so.
        forward: it leaves rest.
        search_s: where to look, in seconds from ``change``; beside it there has to be rest on one side and the gesture
            on the other, ``LEAST_S`` of each.
    """
    place = change
    if not forward:
        samples, place = samples[::-1], len(samples) - change
    low, high = (round(edge * rate) for edge in (search_s if forward else (-search_s[1], -search_s[0])))
    aside = round(LEVEL_S * rate)
    begin, stop = max(0, place + low - aside), min(len(samples), place + high + aside)
    quiet, busy = slice(0, place + low - begin), slice(place + high - begin, stop - begin)
    if min(quiet.stop, busy.stop - busy.start) < round(LEAST_S * rate):
        return None
    around = envelope(samples[begin:stop], quiet, round(SMOOTH_S * rate))
    found = _left_rest(around, quiet, busy, round(LASTS_S * rate))
    if found is None or not quiet.stop <= found <= busy.start:
        return None
    return begin + found if forward else len(samples) - (begin + found)


def _left_rest(around: Envelope, quiet: slice, busy: slice, lasts: int) -> int | None:
    mean, deviation, level = around[quiet].mean(), around[quiet].std(), float(np.median(around[busy]))
    if level < LEAST_RISE * mean:
        return None
    rise = level - mean
    longer = np.convolve(around, np.ones(lasts) / lasts, "valid")
    reached = np.flatnonzero(longer[quiet.stop :] >= mean + CONFIRMED * rise)
    if not len(reached):
        return None
    within = quiet.stop + int(reached[0]) + lasts // 2
    leaves = mean + min(max(DEVIATIONS * deviation, LEAVES * rise), CONFIRMED * rise)
    below = np.flatnonzero(around[:within] < leaves)
    return int(below[-1]) + 1 if len(below) else None


def envelope(samples: NDArray[np.float32], quiet: slice, length: int) -> Envelope:
    """Centred moving root mean square over all channels, each in units of its own level at rest.

    Args:
        samples: ``(T, C)``; each channel's mean is taken away.
        quiet: rows that are rest.
        length: samples in the moving mean.

    Returns:
        ``(T,)``, about 1.0 at rest; at the ends the mean is over what is there.
    """
    centred = samples.astype(np.float64) - samples.mean(axis=0, dtype=np.float64)
    level = np.maximum(centred[quiet].std(axis=0), 1e-9 + 1e-3 * centred.std(axis=0))
    power = np.square(centred / level).mean(axis=1)
    box = np.ones(max(1, length))
    return np.sqrt(np.convolve(power, box, "same") / np.convolve(np.ones(len(power)), box, "same"))


def following(recording: Recording, rest: str = "rest", lead_ms: float = 0.0) -> Recording:
    """The recording with labels that follow the muscle instead of the schedule.

    Args:
        recording: labelled.
        rest: name of the label that is no gesture.
        lead_ms: how much earlier than the muscle labels change. A window takes the label that most of it carries, so
            one of 400 ms turns 200 ms after the muscle; with a lead of 100 ms, it turns after 100.

    Returns:
        Another recording. Samples that had no label (a repetition that was discarded) get none either, nor do those
        near which an onset or offset was not found. A recording without gestures, or without rest between them, is
        returned as it is.
    """
    if rest not in recording.names:
        return recording
    found = events(recording, rest)
    if not found or recording.labels is None:
        return recording
    rate, marks = recording.info.rate_hz, np.full(len(recording.samples), recording.names.index(rest), np.int16)
    marks[recording.labels == UNLABELLED] = UNLABELLED
    lead = round(lead_ms * rate / 1000)
    before, after = (round(edge * rate) for edge in SEARCH_S)
    for event in found:
        marks[max(0, event.onset - lead) : max(0, event.offset - lead)] = event.label
    for event in found:
        for known, place in ((event.found, event.onset), (event.released, event.offset)):
            if not known and place < len(marks):
                marks[max(0, place + before) : place + after] = UNLABELLED
    return replace(recording, labels=marks)
