"""The tables of a report: confusion, gestures, events, and what was lost."""

from __future__ import annotations

from math import isnan

import numpy as np

from stream.report.contents import Run
from stream.report.markup import Markup, figure, table, tag
from stream.score import ABSTAINED, Score

MANY = 8
"""Columns of a confusion from which on they are narrow."""


def percent(share: float | None, digits: int = 1) -> str:
    """A share for people; a dash where there is none."""
    return "–" if share is None or isnan(share) else f"{share:.{digits}%}"


def confusion(score: Score) -> Markup:
    """Counts and shares; rows: true, columns: decided."""
    counts = score.confusion
    shown = [*score.labels, ABSTAINED] if counts[:, -1].any() else list(score.labels)
    rows = []
    for row, (name, line) in enumerate(zip(score.names, counts, strict=True)):
        total = int(line.sum())
        if not total and row >= len(score.labels):
            continue
        right = min(row, len(score.labels))
        cells = [_confused(int(line[column]), total, column == right and total > 0) for column in range(len(shown))]
        rows.append([name, *cells, tag("td", f"{total:,}", class_="total")])
    words = (
        "Rows are what was true, columns what was decided: share of the row, and windows below it. Right answers are "
        "outlined."
    )
    head = ["true", *(tag("span", name) for name in shown), "windows"]
    return table("Confusion", words, head, rows, class_="confusion many" if len(shown) > MANY else "confusion")


def _confused(count: int, total: int, right: bool) -> Markup:
    share = count / total if total else 0.0
    kind = " ".join([*(["right"] if right else []), *(["none"] if not count else [])])
    inside = [tag("b", percent(share, 0)), " ", tag("small", f"{count:,}")] if count else ["0"]
    return tag("td", *inside, class_=kind or None, style=f"--share: {share:.3f}")


def gestures(score: Score) -> Markup:
    """Windows, recall, precision and F1 of each."""
    rows = [
        [
            row.gesture,
            f"{row.windows:,}",
            *(
                _rate(f"per_gesture.{row.gesture}.{name}", value)
                for name, value in (("recall", row.recall), ("precision", row.precision), ("f1", row.f1))
            ),
        ]
        for row in score.per_gesture()
    ]
    words = (
        "Recall: of its windows, the share that was decided so. Precision: of the decisions for it, the share that was "
        "true. F1 is their harmonic mean."
    )
    return table("Each gesture", words, ["gesture", "windows", "recall", "precision", "F1"], rows)


def _rate(name: str, share: float) -> Markup:
    known = None if isnan(share) else share
    bar = tag("span", class_="bar", style=f"--share: {known or 0:.3f}")
    return tag("td", figure(name, known, percent(known)), bar)


def contact(run: Run) -> Markup:
    """How much of the time each channel was flat or at the end of its range."""
    integrity = run.tally.integrity
    if integrity is None:
        return Markup("")
    counted = max(integrity.samples, 1)
    rows = [
        [name, percent(float(flat) / counted), percent(float(full) / counted)]
        for name, flat, full in zip(
            run.setting.channels, integrity.flat.tolist(), integrity.saturated.tolist(), strict=True
        )
    ]
    words = "Share of the samples that did not change at all, or lay at the range's end."
    return table("Contact", words, ["channel", "flat", "saturated"], rows)


def touched(run: Run) -> bool:
    """Whether any channel was flat or saturated."""
    integrity = run.tally.integrity
    return integrity is not None and bool(np.any(integrity.flat) or np.any(integrity.saturated))
