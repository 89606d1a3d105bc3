"""Paths and words of the picture over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stream.report.columns import MISSING
from stream.report.kept import runs
from stream.report.markup import Markup, join, tag

Span = tuple[float, float]


def envelope(each: int, low: Sequence[int], high: Sequence[int]) -> str:
    """A closed path through the greatest values and back through the least; one for each stretch that is known."""
    path = []
    known = np.array([value != MISSING for value in low], np.int64)
    for begin, stop in runs(known):
        if known[begin]:
            there = [f"{at * each} {-high[at]}" for at in range(begin, stop)]
            back = [f"{at * each} {-low[at]}" for at in range(stop - 1, begin - 1, -1)]
            path.append("M" + "L".join([*there, *back]) + "z")
    return "".join(path)


def boxes(spans: Sequence[Span], top: float, height: float) -> str:
    """Rectangles as one path."""
    return "".join(f"M{number(begin)} {top:g}H{number(stop)}v{height:g}H{number(begin)}z" for begin, stop in spans)


def clock(seconds: float, whole: float) -> str:
    """A moment of so long a recording: ``12 s``, ``1:05``."""
    if whole < 120:
        return f"{seconds:g} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def lasted(seconds: float) -> str:
    """A length of time: ``38.0 s``, ``10 min 8 s``."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"


def key(kind: str, words: str) -> Markup:
    """An entry of the legend: a small drawing of it, and what it is."""
    band = tag("path", d=boxes([(0, 22)], 0, 12), class_="truth")
    if kind == "probability":
        shape = tag("path", d="M0 12V8H5V3H12V6H17V10H22V12z", class_=kind)
    elif kind == "truth":
        shape = band
    else:
        bar = tag("path", d=boxes([(2, 20)], 3, 6), class_=f"said {kind}")
        shape = join([band, bar]) if kind == "right" else bar
    drawing = tag("svg", shape, viewBox="0 0 22 12", width=22, height=12, aria_hidden="true")
    return tag("span", drawing, words)


def number(value: float) -> str:
    """Two digits behind the point, and no more than it takes."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
