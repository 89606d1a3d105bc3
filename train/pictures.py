"""Pictures of training and evaluation as PNG, each written whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dsp.storage import whole
from train.metrics import Counts

BLUE, ORANGE = "#3b6ea5", "#d9822b"


def curves(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Loss and accuracy of every epoch, training and validation."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, title, keys in (
        (left, "loss (nats)", ("loss", "val_loss")),
        (right, "windows recognised", ("accuracy", "val_window_accuracy")),
    ):
        for key, colour, name in zip(keys, (BLUE, ORANGE), ("training", "validation people"), strict=True):
            rows = [row for row in history if row.get(key) is not None]
            if rows:
                axes.plot([row["epoch"] for row in rows], [row[key] for row in rows], "o-", ms=3, c=colour, label=name)
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    _save(figure, path)


def confusion_matrix(path: Path, counts: Counts, labels: Sequence[str], title: str) -> None:
    """Rows are true gestures, columns answers; the shade is the share of the row, the number the count."""
    side = 2.0 + 0.75 * len(labels)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.6 else "black"
        axes.text(
            column, row, f"{100 * share:.0f} %\n{counts[row, column]}", ha="center", va="center", c=colour, size=8
        )
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=45, ha="right")
    axes.set_yticks(ticks, labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("true gesture")
    axes.set_title(title)
    figure.colorbar(picture, ax=axes, label="share of the true gesture", shrink=0.8)
    _save(figure, path)


def bars(path: Path, groups: Mapping[str, Mapping[str, float | None]], title: str) -> None:
    """Shares as grouped bars: ``{series: {name: share}}``; None leaves a gap."""
    names = list(next(iter(groups.values())))
    figure = Figure(figsize=(max(5.0, 1.5 + 0.6 * len(names) * max(1, len(groups) / 2)), 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(groups)
    for number, (series, values) in enumerate(groups.items()):
        heights = [values[name] if values[name] is not None else np.nan for name in names]
        places = np.arange(len(names)) + (number - (len(groups) - 1) / 2) * width
        drawn = axes.bar(places, np.array(heights, float), width, color=(BLUE, ORANGE)[number % 2], label=series)
        axes.bar_label(drawn, fmt=lambda v: "" if np.isnan(v) else f"{100 * v:.0f}", size=7)
    axes.set_xticks(np.arange(len(names)), names, rotation=45 if len(names) > 6 else 0)
    axes.set_ylim(0, 1.2 if len(groups) > 1 else 1.08)
    axes.set_title(title)
    axes.grid(axis="y", alpha=0.3)
    if len(groups) > 1:
        axes.legend(loc="upper right", ncols=len(groups))
    _save(figure, path)


def against_cost(path: Path, rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Accuracy of each run over the time of its decision; the area of a point is the number of its parameters."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    most = max(row["parameters"] for row in rows)
    for number, row in enumerate(rows):
        at = (row["ms_per_window"], 100 * (row["window_accuracy"] or 0.0))
        axes.scatter(*at, s=30 + 270 * row["parameters"] / most, c=(BLUE, ORANGE)[number % 2], alpha=0.7)
        axes.annotate(row["run"], at, xytext=(8, 6), textcoords="offset points", size=8)
    axes.set_xscale("log")
    axes.set_xlabel("ms for a live decision")
    axes.set_ylabel("windows recognised, %")
    axes.margins(0.2)
    axes.grid(alpha=0.3)
    axes.set_title(title)
    _save(figure, path)


def histogram(path: Path, groups: Mapping[str, NDArray[np.float64]], title: str) -> None:
    """How often each confidence was given: ``{series: values in 0 ... 1}``."""
    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    colours = [(BLUE, ORANGE)[number % 2] for number in range(len(groups))]
    axes.hist(list(groups.values()), bins=20, range=(0, 1), label=list(groups), color=colours, stacked=True)
    axes.set_xlabel("confidence")
    axes.set_ylabel("recordings")
    axes.set_title(title)
    axes.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with whole(path) as neighbour:
        figure.savefig(neighbour, dpi=120, format="png")
