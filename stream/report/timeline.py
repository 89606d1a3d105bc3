"""The picture of a run over time: eight strips of signal, what was right, and a lane for each gesture.

Each row is a drawing of its own, stretched to whatever width there is; its x axis counts columns of the signal, so that
looking closer is another view box. Words stand beside the drawings, as HTML, and keep their size.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.recording import UNLABELLED
from stream.report.columns import LEVELS, MISSING, coarser, columns
from stream.report.contents import Run
from stream.report.kept import ABSTAINED, NONE, RIGHT, UNKNOWN, WRONG, runs
from stream.report.markup import Markup, data_block, join, tag
from stream.report.strokes import Span, boxes, clock, envelope, key, number

DRAWN = 1200
"""Columns that are drawn where no script runs; about as many as a wide screen has dots for them."""

STRIP, LANE, RIBBON = 2 * LEVELS, 28, 16
"""Heights of the drawings in their own units."""

STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
TICKS = 8

KINDS = {UNKNOWN: "unknown", RIGHT: "right", WRONG: "wrong", ABSTAINED: "abstained"}
MARKS = {RIGHT: ("right", 11, 4), ABSTAINED: ("abstained", 6, 9), WRONG: ("wrong", 1, 14)}
"""Of the ribbon: class, top, height. What is wrong stands tall, what abstained is hollow."""


class Timeline:
    """The figure and what its script needs to draw it closer.

    Args:
        run: that is over, with at least one sample.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._columns = columns(run.signal[: run.seen])
        self._width = run.seen / self._columns.per
        self._spans = self._stretches()

    def html(self) -> Markup:
        """The figure."""
        rows = [*self._strips(), *self._ribbon(), *self._lanes()]
        cells: list[str] = [tag("div", *self._ticks(), class_="axis", style=f"grid-row: 1 / span {len(rows) + 1}")]
        for place, (name, drawing) in enumerate(rows, 1):
            row = f"grid-row: {place}"
            cells.append(tag("span", name, class_="row-name", style=row, title=name))
            cells.append(tag("div", drawing, class_="row", style=row))
        stack = tag("div", *cells, class_="stack", id="stack")
        return tag("figure", stack, tag("div", id="controls"), tag("figcaption", self._caption()), class_="timeline")

    def data(self) -> Markup:
        """The columns and the decisions, for the script."""
        run, made, found = self._run, self._run.made, self._columns
        both = np.stack([found.low.T, found.high.T], axis=2)
        steps = np.diff(made.ends, prepend=0)
        return data_block(
            "data",
            {
                "rate": run.setting.rate_hz,
                "per": found.per,
                "seen": run.seen,
                "columns": len(found.low),
                "channels": len(run.setting.channels),
                "signal": _bytes(both),
                "labels": list(run.classifier.labels),
                "names": list(run.tally.score.names),
                "hop": run.setting.hop,
                "ends": [[int(steps[begin]), stop - begin] for begin, stop in runs(steps)],
                "said": _bytes(made.said.astype(np.int8)),
                "truth": _bytes(made.truth.astype(np.int8)),
                "confidence": _bytes(np.rint(255 * np.clip(made.confidence, 0, 1)).astype(np.uint8)),
                "probabilities": _bytes(np.rint(255 * np.clip(made.probabilities.T, 0, 1)).astype(np.uint8)),
            },
        )

    def _stretches(self) -> list[Span]:
        """From where to where each decision stands: from the end of its window to that of the next, or for a hop."""
        made, hop, per = self._run.made, self._run.setting.hop, self._columns.per
        nexts = np.append(made.ends[1:], np.iinfo(np.int64).max)
        stops = np.minimum(np.minimum(nexts, made.ends + hop), max(self._run.seen, int(made.ends.max(initial=0))))
        return [(begin / per, stop / per) for begin, stop in zip(made.ends.tolist(), stops.tolist(), strict=True)]

    def _strips(self) -> Iterable[tuple[str, Markup]]:
        scale, integrity = self._columns.scale_uv, self._run.tally.integrity
        for channel, name in enumerate(self._run.setting.channels):
            low, high = self._columns.low[:, channel], self._columns.high[:, channel]
            flat = 0.0 if integrity is None else integrity.flat[channel] / max(integrity.samples, 1)
            peak = max(int(-low[low != MISSING].min(initial=0)), int(high.max(initial=0))) / LEVELS * scale
            said = f"{name}: filtered signal, at most {peak:.0f} microvolts" + (f", flat {flat:.1%}" if flat else "")
            path = tag("path", d=envelope(*coarser(low, high, DRAWN)), class_="signal", data_channel=channel)
            yield name, self._drawing(said, f"0 {-LEVELS} {self._width:g} {STRIP}", "strip", path)

    def _ribbon(self) -> Iterable[tuple[str, Markup]]:
        if not self._run.judged:
            return
        verdicts = self._run.made.verdicts()
        marks = []
        for verdict, (kind, top, height) in MARKS.items():
            found = self._of(verdicts == verdict)
            if found:
                marks.append(tag("path", d=boxes(found, top, height), class_=kind))
        score = self._run.tally.score
        said = f"{score.right} of {score.counted} decisions right"
        yield "right?", self._drawing(said, f"0 0 {self._width:g} {RIBBON}", "ribbon", *marks)

    def _lanes(self) -> Iterable[tuple[str, Markup]]:
        run, made, verdicts = self._run, self._run.made, self._run.made.verdicts()
        truth, rate = self._truth(), run.setting.rate_hz
        shown = [*run.tally.score.names] if run.judged else [*run.classifier.labels]
        for index, name in enumerate(shown):
            true = truth.get(index, [])
            if index >= len(run.classifier.labels) and not true:
                continue
            parts = [tag("path", d=boxes(true, 0, LANE), class_="truth")] if true else []
            if index < len(run.classifier.labels):
                curve = self._probability(made.probabilities[:, index])
                parts.append(tag("path", d=curve, class_="probability", data_label=index))
            said = made.said == index
            bars = {verdict: self._of(said & (verdicts == verdict)) for verdict in (UNKNOWN, RIGHT, WRONG)}
            parts += [
                tag("path", d=boxes(found, 1, 6), class_=f"said {KINDS[verdict]}")
                for verdict, found in bars.items()
                if found
            ]
            lasted = sum(stop - begin for begin, stop in true) * self._columns.per / rate
            words = f"{name}: decided in {int(said.sum())} windows" + (f", true for {lasted:.1f} s" if true else "")
            yield name, self._drawing(words, f"0 0 {self._width:g} {LANE}", "lane", *parts)
        if nothing := self._of(made.said == NONE):
            path = tag("path", d=boxes(nothing, 1, 6), class_="said abstained")
            words = f"abstained in {int((made.said == NONE).sum())} windows"
            yield "abstained", self._drawing(words, f"0 0 {self._width:g} 8", "brief", path)

    def _of(self, which: NDArray[np.bool_]) -> list[Span]:
        """Where these decisions stand, neighbours joined."""
        joined: list[Span] = []
        for at in np.flatnonzero(which).tolist():
            begin, stop = self._spans[at]
            if joined and begin <= joined[-1][1]:
                joined[-1] = (joined[-1][0], stop)
            else:
                joined.append((begin, stop))
        return joined

    def _truth(self) -> dict[int, list[Span]]:
        """Where each gesture was shown, by its place among the names."""
        labels = self._run.recording.labels
        if labels is None or not self._run.judged:
            return {}
        score, per = self._run.tally.score, self._columns.per
        place = {name: index for index, name in enumerate(score.names)}
        marks = labels[: self._run.seen].astype(np.int64)
        found: dict[int, list[Span]] = {}
        for begin, stop in runs(marks):
            if marks[begin] != UNLABELLED:
                name = self._run.recording.names[int(marks[begin])]
                found.setdefault(place[name], []).append((begin / per, stop / per))
        return found

    def _probability(self, given: NDArray[np.float32]) -> str:
        """A stepped area over the decisions; means of several where there are more than can be told apart."""
        each = max(1, -(-len(given) // DRAWN))
        path, last = [], None
        for begin in range(0, len(given), each):
            stop = min(begin + each, len(given))
            left, right = self._spans[begin][0], self._spans[stop - 1][1]
            top = round(LANE * (1 - float(given[begin:stop].mean())), 1)
            if last is None or left > last + 1e-6:
                path.append(("" if last is None else f"V{LANE}z") + f"M{number(left)} {LANE}V{top:g}")
            else:
                path.append(f"V{top:g}")
            path.append(f"H{number(right)}")
            last = right
        return "".join(path) + (f"V{LANE}z" if path else "")

    def _drawing(self, said: str, box: str, kind: str, *parts: Markup) -> Markup:
        return tag(
            "svg",
            *(tag("title", said), *parts),
            viewBox=box,
            preserveAspectRatio="none",
            role="img",
            aria_label=said,
            class_=kind,
        )

    def _ticks(self) -> Iterable[Markup]:
        whole = self._run.seconds(self._run.seen)
        step = next((step for step in STEPS_S if whole / step <= TICKS), STEPS_S[-1])
        for count in range(int(whole / step + 1e-9) + 1):
            at = count * step
            if at <= 0.97 * whole:
                yield tag("span", clock(at, whole), style=f"left: {100 * at / whole:.3f}%")

    def _caption(self) -> Markup:
        run, parts = self._run, []
        parts.append(
            f"Above, the {len(run.setting.channels)} channels as the recogniser saw them, filtered; "
            f"each strip spans {2 * self._columns.scale_uv:.0f} µV. "
        )
        parts.append("Below, a lane for each gesture: the curve is its probability")
        keys: list[Markup] = []
        if run.judged:
            parts.append(", the band where it was true, the bar where it was decided")
            keys += [key("truth", "true"), key("right", "decided, right"), key("wrong", "decided, wrong")]
        else:
            parts.append(", the bar where it was decided")
            keys += [key("unknown", "decided")]
        keys += [key("probability", "probability")]
        if run.made.said.min(initial=0) == NONE:
            keys += [key("abstained", "abstained")]
        parts.append(
            ". A decision stands from the end of its window until the next one"
            + ("; it is judged by what most of its window shows." if run.judged else ".")
        )
        return join([tag("p", *keys, class_="keys"), tag("p", "".join(parts))])


def _bytes(values: NDArray[Any]) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode()
