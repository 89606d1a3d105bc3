"""What comes from a board that prints lines: how many numbers, with a time or without, how often; and is that meant?"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from devices.boards.line_text import numbers, split

LEAST_HZ = 10.0
"""Lines a second, of which about ten are heard before the stream begins."""

_TOLERANCE = 0.1
_LEAST_LINES = 3
_STEADY = 0.6
_LEAST_SPAN_S = 0.3


class Expected(NamedTuple):
    """What the user said.

    Attributes:
        rate_hz: lines a second.
        channels: numbers in a line, without the time.
        baud: bits a second.
    """

    rate_hz: float
    channels: int
    baud: int


class Learnt(NamedTuple):
    """What comes.

    Attributes:
        timed: each line begins with the time in microseconds.
        rate_hz: lines a second.
        rest: the beginning of a line that has not ended yet.
    """

    timed: bool
    rate_hz: float
    rest: bytes


def learn(path: str, heard: list[tuple[bytes, float]], expected: Expected) -> Learnt:
    """Looks at what came in the first second.

    Args:
        path: of the port, for the errors.
        heard: bytes, and when they were read in seconds.
        expected: what it should be.

    Raises:
        ValueError: it is something else; one sentence that names both.
    """
    if expected.rate_hz < LEAST_HZ:
        raise ValueError(
            f"{expected.rate_hz:g} lines a second are expected at {path!r}, but EMG needs hundreds, and fewer than "
            f"{LEAST_HZ:g} cannot be told from silence; let the sketch print as often as it reads, and give its rate"
        )
    if not heard:
        raise ValueError(
            f"lines of {expected.channels} numbers are expected at {path!r}, but nothing comes there; press the "
            "board's reset, and see that its sketch prints without being asked"
        )
    lines, rest = _lines(heard)
    read = [
        (values, arrived_s) for values, arrived_s in ((numbers(text), arrived_s) for text, arrived_s in lines) if values
    ]
    if len(read) < _LEAST_LINES or 2 * len(read) < len(lines):
        raise ValueError(_rubbish(path, heard, expected))
    columns = Counter(len(values) for values, _ in read).most_common(1)[0][0]
    read = [(values, arrived_s) for values, arrived_s in read if len(values) == columns]
    step_us = _step_us([values[0] for values, _ in read])
    timed = columns == expected.channels + 1 and step_us is not None
    if not timed and columns != expected.channels:
        raise ValueError(_other_columns(path, columns, step_us, expected))
    rate_hz = 1e6 / step_us if timed and step_us is not None else _rate_hz([arrived_s for _, arrived_s in read])
    if abs(rate_hz / expected.rate_hz - 1) > _TOLERANCE:
        raise ValueError(
            f"{path!r} sends {_rounded(rate_hz)} lines a second, but rate={expected.rate_hz:g} was given; "
            f"give rate={_rounded(rate_hz)}, or change the sketch"
        )
    return Learnt(timed, rate_hz, rest)


def _lines(heard: list[tuple[bytes, float]]) -> tuple[list[tuple[bytes, float]], bytes]:
    """The whole lines with their times, without the first one, which is cut mostly; and the rest."""
    lines: list[tuple[bytes, float]] = []
    rest = b""
    for raw, arrived_s in heard:
        ended, rest = split(rest + raw)
        lines += [(text, arrived_s) for text in ended]
    return lines[1:], rest


def _step_us(times: list[float]) -> float | None:
    """From one time to the next, where most of the first column is a time: whole numbers that grow by steady steps."""
    steps = np.diff([time if time == int(time) else np.nan for time in times])
    typical = float(np.nanmedian(steps)) if np.isfinite(steps).any() else 0.0
    steady = np.abs(steps - typical) < typical / 2
    return float(steps[steady].mean()) if typical > 1 and steady.mean() > _STEADY else None


def _rate_hz(arrivals: list[float]) -> float:
    """Lines a second, without those that were waiting when the first was read."""
    span_s = arrivals[-1] - arrivals[0]
    if span_s < _LEAST_SPAN_S:
        return len(arrivals) / _LEAST_SPAN_S
    return sum(arrived_s > arrivals[0] for arrived_s in arrivals) / span_s


def _rounded(rate_hz: float) -> str:
    """Three digits of it, without an exponent."""
    return f"{float(f'{rate_hz:.3g}'):.10g}"


def _rubbish(path: str, heard: list[tuple[bytes, float]], expected: Expected) -> str:
    sent = b"".join(raw for raw, _ in heard)
    return (
        f"lines of {expected.channels} numbers are expected at {path!r}, but what comes at {expected.baud} baud is "
        f"something else ({repr(sent[:24])[1:]}); give the baud of the sketch with baud=, or let it print v1,...,vN"
    )


def _other_columns(path: str, columns: int, step_us: float | None, expected: Expected) -> str:
    there = columns if step_us is None else columns - 1
    said = f"{columns} numbers" if step_us is None else f"a time and {there} numbers"
    return (
        f"{path!r} sends lines of {said}, but channels={expected.channels} was given; "
        f"give channels={there}, or change the sketch"
    )
