"""Latency: each leg as a row of figures with its distribution beside them."""

from __future__ import annotations

import math

from stream.distribution import FINE, Bar, bars
from stream.latency import LEGS, QUANTILES, Histogram, quantiles_ms
from stream.report.contents import Run
from stream.report.markup import Markup, figure, join, table, tag
from stream.summary import FEW

WIDE, HIGH = 240, 30
"""Of a drawn distribution, in its own units."""

WAYS = {
    "device -> ring": "from the device's stamp to memory",
    "ring -> window": "to the filtered window",
    "copy": "to the network",
    "classify": "to the probabilities",
    "decide": "to the decision",
    "sinks": "until everybody has it",
    "total": "from the last sample to the decision",
}


def latency(run: Run) -> Markup:
    """The table; a leg that was not measured is left out."""
    named = {leg: histogram for leg, histogram in run.tally.stages.named().items() if histogram.count}
    drawn = {leg: bars(histogram, FINE) for leg, histogram in named.items()}
    edges = [edge for found in drawn.values() for one in found for edge in (one.low_s, one.high_s)]
    low, high = math.floor(math.log10(min(edges))), math.ceil(math.log10(max(edges)))
    rows = [_row(leg, histogram, drawn[leg], (low, high)) for leg, histogram in named.items()]
    head = ["leg", f"from {_power(low)} to {_power(high)} ms", *QUANTILES, "max"]
    words = (
        "Distributions are on one logarithmic scale, with a line at each power of ten; heights are numbers of "
        "decisions, logarithmic as well, since what is rare is what matters."
    )
    if run.tally.stages.total.count < FEW:
        words += f" Of fewer than {FEW:,} decisions, p99.9 is the longest."
    title = "Milliseconds on the way from the device to the decision"
    return table(title, words, head, rows, class_="figures latency")


def _row(leg: str, histogram: Histogram, found: list[Bar], scale: tuple[int, int]) -> list[str]:
    times = quantiles_ms(histogram)
    stage = "" if leg == LEGS[-1] else f"stages.{leg}."
    cells = [
        figure(f"latency_ms.{stage}{name}", value, "–" if value is None else f"{value:.3f}")
        for name, value in times.items()
    ]
    words = f"{leg}: median {times['p50']} ms, at most {times['max']} ms"
    name = join([leg.replace("->", "→"), tag("small", WAYS[leg])])
    return [name, tag("td", _drawn(found, scale, words), class_="shape"), *cells]


def _drawn(found: list[Bar], scale: tuple[int, int], words: str) -> Markup:
    low, high = scale

    def at(seconds: float) -> float:
        return WIDE * (math.log10(seconds) - low) / (high - low)

    most = max(one.number for one in found)
    path = []
    for one in found:
        if one.number:
            tall = HIGH * (0.12 + 0.88 * math.log(one.number) / math.log(most)) if most > 1 else HIGH
            path.append(f"M{at(one.low_s):.1f} {HIGH}V{HIGH - tall:.1f}H{at(one.high_s):.1f}V{HIGH}z")
    lines = "".join(f"M{WIDE * k / (high - low):.1f} 0V{HIGH}" for k in range(high - low + 1))
    parts = [tag("path", d=lines, class_="grid"), tag("path", d="".join(path), class_="bars")]
    box = f"0 0 {WIDE} {HIGH}"
    return tag(
        "svg", tag("title", words), *parts, viewBox=box, preserveAspectRatio="none", role="img", aria_label=words
    )


def _power(exponent: int) -> str:
    return f"{10 ** (exponent + 3):g}"
