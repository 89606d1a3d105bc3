"""A latency histogram as people read it: a dozen bars on a logarithmic scale, in a terminal or as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.text import Text

from dsp.storage import whole
from stream.drawing import bar
from stream.latency import LOWEST_S, QUANTILES, WIDTH, Histogram

PER_DECADE, FINE = 8, 24
"""Bars from one millisecond to ten, in a terminal and in a picture."""


class Bar(NamedTuple):
    """The number of durations from ``low_s`` to below ``high_s``, seconds."""

    low_s: float
    high_s: float
    number: int


def bars(histogram: Histogram, per_decade: int = PER_DECADE) -> list[Bar]:
    """From the first bar that holds anything to the last; empty where nothing was counted.

    What lies in the last bucket of the histogram is not longer than the longest, and so stands where that does.
    """
    counted = np.flatnonzero(histogram.counts)
    if not len(counted):
        return []
    middles = np.minimum(LOWEST_S * WIDTH ** (counted + 0.5), histogram.max)
    places = np.floor(np.log10(middles) * per_decade).astype(np.int64)
    counts = np.bincount(places - places[0], histogram.counts[counted])
    return [
        Bar(10 ** ((places[0] + at) / per_decade), 10 ** ((places[0] + at + 1) / per_decade), int(count))
        for at, count in enumerate(counts)
    ]


def as_text(title: str, histogram: Histogram, width: int = 40, *, plain: bool = False) -> Text:
    """One line for each bar; a bar that holds anything shows at least a sliver of it.

    Args:
        title: above the bars.
        histogram: of durations.
        width: characters of the longest bar.
        plain: in ASCII.
    """
    text = Text(f"{title}\n", "bold")
    found = bars(histogram)
    most = max((one.number for one in found), default=1)
    for low_s, high_s, count in found:
        share = max(count / most, 1 / (8 * width)) if count else 0.0
        text.append(f"{_ms(low_s):>8} - {_ms(high_s):>6} ms ", "grey70")
        text.append(bar(share, width, plain), "bright_cyan")
        text.append(f" {count}\n", "" if count else "grey50")
    return text


def as_picture(path: Path, histograms: Mapping[str, Histogram], title: str) -> None:
    """The distributions of all legs, one row for each, with their quantiles, as a PNG.

    Args:
        path: of the picture.
        histograms: by leg.
        title: above them.
    """
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only a picture needs

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - the same

    shown = {name: histogram for name, histogram in histograms.items() if histogram.count}
    figure, axes = plt.subplots(
        len(shown), 1, figsize=(8, 1.2 * len(shown) + 1), sharex=True, squeeze=False, layout="constrained"
    )
    figure.suptitle(title, fontsize="medium")
    for axis, (name, histogram) in zip(axes[:, 0], shown.items(), strict=True):
        found = bars(histogram, FINE)
        widths = [1e3 * (one.high_s - one.low_s) for one in found]
        axis.bar(
            [1e3 * one.low_s for one in found], [one.number for one in found], widths, align="edge", color="#2a8c8c"
        )
        for quantile, style in zip(QUANTILES.values(), ("-", ":", "--", "-."), strict=True):
            axis.axvline(1e3 * histogram.quantile(quantile), color="#b03030", linestyle=style, linewidth=1)
        axis.set_xscale("log")
        axis.set_yscale("log")  # what is rare is what matters
        axis.set_ylim(bottom=0.5)
        axis.minorticks_off()
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.set_yticks([])
    axes[-1, 0].xaxis.set_major_formatter("{x:g}")
    lines = ", ".join(QUANTILES)
    axes[-1, 0].set_xlabel(f"milliseconds; lines at {lines}; heights are numbers of decisions, logarithmic")
    try:
        with whole(path) as neighbour:
            figure.savefig(neighbour, dpi=120)
    finally:
        plt.close(figure)


def _ms(seconds: float) -> str:
    """Three digits, whatever the size."""
    digits = max(0, 2 - math.floor(math.log10(seconds * 1e3)))
    return f"{seconds * 1e3:.{min(digits, 4)}f}"
