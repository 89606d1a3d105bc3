"""From what files hold, samples with holes and labels at moments, to what a recording is: one value for each sample."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.recording import UNLABELLED
from dsp.flow import Samples

LONGEST_GAP_S = 3600.0
"""A longer gap separates two recordings."""

MOST_NAMES = 1000
"""More different labels than this are no gestures."""

Gaps = tuple[tuple[int, int], ...]
"""``(first, count)`` of each stretch that is filled; see ``devices.recording.Recording.gaps``."""


class Span(NamedTuple):
    """A label and where it holds.

    Attributes:
        first: sample from which on.
        end: sample up to which, or None for "until the next span begins".
        text: the label; "" is unknown.
    """

    first: int
    end: int | None
    text: str


def filled(samples: Samples, index: NDArray[np.int64], rate_hz: float, where: str) -> tuple[Samples, Gaps]:
    """Puts every sample at its index and draws a straight line through each hole.

    Args:
        samples: ``(N, C)`` those that are there.
        index: ``(N,)`` stream index of each, increasing; the first becomes sample 0.
        rate_hz: sampling rate.
        where: the file, for the error.

    Returns:
        ``(T, C)`` with T - 1 the last index less the first one, and the holes.

    Raises:
        ValueError: the indices do not increase, or a hole is longer than ``LONGEST_GAP_S``.
    """
    steps = np.diff(index)
    if (steps < 1).any():
        raise ValueError(f"{where!r}: its sample numbers do not increase; it holds several recordings, or is damaged")
    before = np.flatnonzero(steps > 1)
    if not before.size:
        return samples, ()
    longest = int(steps.max()) - 1
    if longest > LONGEST_GAP_S * rate_hz:
        raise ValueError(
            f"{where!r} lacks {longest / rate_hz:.0f} s in one stretch, more than the {LONGEST_GAP_S:.0f} s that are "
            f"taken for a gap; cut it there into two recordings"
        )
    whole = np.empty((int(index[-1] - index[0]) + 1, samples.shape[1]), np.float32)
    whole[index - index[0]] = samples
    gaps = []
    for place in before.tolist():
        first, count = int(index[place] - index[0]) + 1, int(steps[place]) - 1
        draw_line(whole, first, count)
        gaps.append((first, count))
    return whole, tuple(gaps)


def draw_line(samples: Samples, first: int, count: int) -> None:
    """Overwrites ``count`` samples from ``first`` on by a straight line; a hole at either end by its neighbour.

    The same line, bit for bit, as ``dsp.pipeline.Pipeline`` draws over a short gap: what is learnt from a recording is
    what was recognised live.
    """
    before = samples[first - 1] if first else samples[min(first + count, len(samples) - 1)]
    after = samples[first + count] if first + count < len(samples) else before
    step = after.astype(np.float64) - before
    samples[first : first + count] = before + step * np.arange(1, count + 1)[:, None] / (count + 1)


def joined(gaps: Iterable[tuple[int, int]], length: int) -> Gaps:
    """Gaps in order, cut to ``length`` samples, overlapping and touching ones made one."""
    result: list[tuple[int, int]] = []
    for first, count in sorted(gaps):
        start, end = max(first, 0), min(first + count, length)
        if end <= start:
            continue
        if result and start <= sum(result[-1]):
            start, earlier = result[-1][0], sum(result.pop())
            end = max(end, earlier)
        result.append((start, end - start))
    return tuple(result)


def in_order(found: Iterable[str]) -> tuple[str, ...]:
    """Names once each: in numerical order where all are whole numbers, else in alphabetical order."""
    names = set(found)
    numeric = all(re.fullmatch(r"-?\d{1,18}", name, re.ASCII) for name in names)
    return tuple(sorted(names, key=int) if numeric else sorted(names))


def stretches(shown: Sequence[str], index: NDArray[np.int64]) -> list[Span]:
    """A span for each stretch of equal labels; ``shown`` and ``index`` have one for each row."""
    starts = [row for row, label in enumerate(shown) if not row or label != shown[row - 1]]
    return [Span(int(index[row]), None, shown[row]) for row in starts]


def labelled(
    spans: Iterable[Span], length: int, gaps: Sequence[tuple[int, int]], where: str
) -> tuple[tuple[str, ...], NDArray[np.int16] | None]:
    """Names and a label for each of ``length`` samples; a later span goes over an earlier one, a gap over both.

    Returns:
        ``Recording.names`` and ``Recording.labels``: nothing and None where no span says anything.

    Raises:
        ValueError: there are more than ``MOST_NAMES`` of them.
    """
    ordered = sorted(spans, key=lambda span: span.first)
    names = in_order(span.text for span in ordered if span.text)
    if not names:
        return (), None
    if len(names) > MOST_NAMES:
        raise ValueError(f"{where!r} has {len(names)} different labels; they should be gestures")
    number = {name: place for place, name in enumerate(names)} | {"": UNLABELLED}
    labels = np.full(length, UNLABELLED, np.int16)
    following = [span.first for span in ordered[1:]] + [length]
    for span, following_first in zip(ordered, following, strict=True):
        end = following_first if span.end is None else span.end
        labels[max(span.first, 0) : max(end, 0)] = number[span.text]
    for first, count in gaps:
        labels[first : first + count] = UNLABELLED
    return names, labels


def announced(
    expected: Iterable[str], names: tuple[str, ...], labels: NDArray[np.int16] | None
) -> tuple[tuple[str, ...], NDArray[np.int16] | None]:
    """Names as a recording announced them, in that order, those that came besides behind them, and labels to match."""
    first = tuple(dict.fromkeys(name for name in expected if name))
    if not first:
        return names, labels
    every = first + tuple(name for name in names if name not in first)
    if labels is None:
        return every, None
    place = np.array([*(every.index(name) for name in names), UNLABELLED], np.int16)
    return every, place[labels]
