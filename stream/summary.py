"""What a run came to: as one table of plain values for JSON, and as tables for people."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from models.classifier import Classifier
from stream import wearing
from stream.delay import controller_delay_s, made_of
from stream.latency import LEGS, QUANTILES, Stages, milliseconds, quantiles_ms
from stream.play import Tally
from stream.score import ABSTAINED, Score
from stream.trouble import contact_in_words, in_number, in_words

FEW = 1000
"""Decisions of which not one in a thousand is exceeded by another."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What was run, for the head of a summary.

    Attributes:
        source: the recording or device.
        checkpoint: the folder.
        engine: the classifier's.
        device: where that computes.
        rate_hz: of the stream.
        window: samples.
        hop: samples.
        votes: decisions that are smoothed into one.
        speed: times real time, 0 for as fast as possible.
        channels: their names.
        length: samples in the recording, 0 where there is no end.
        simulated: no human arm was involved.
    """

    source: str
    checkpoint: str
    engine: str
    device: str
    rate_hz: float
    window: int
    hop: int
    votes: int
    speed: float
    channels: tuple[str, ...]
    length: int = 0
    simulated: bool = False

    @classmethod
    def of(
        cls,
        classifier: Classifier,
        *,
        source: str,
        checkpoint: str,
        channels: tuple[str, ...],
        speed: float = 1.0,
        length: int = 0,
        simulated: bool = False,
    ) -> Setting:
        """The setting of a run with a classifier; see the attributes."""
        spec = classifier.design.spec
        return cls(
            source=source,
            checkpoint=checkpoint,
            engine=classifier.engine.name,
            device=classifier.device,
            rate_hz=spec.rate_hz,
            window=spec.window,
            hop=spec.hop,
            votes=classifier.decision.smoothing,
            speed=speed,
            channels=channels,
            length=length,
            simulated=simulated,
        )

    def delay_of(self, tally: Tally) -> tuple[float, float, int, float]:
        """What makes up the controller delay: window and hop in seconds, votes, and processing in seconds."""
        return self.window / self.rate_hz, self.hop / self.rate_hz, self.votes, tally.stages.total.quantile(0.5)


def as_json(setting: Setting, tally: Tally) -> dict[str, Any]:
    """Plain values; None where a number is unknown. Accuracies are shares, times milliseconds, lengths seconds."""
    score = tally.score
    return {
        "decisions": tally.decisions,
        "accuracy": score.accuracy,
        "scored": score.counted,
        "dropped": tally.dropped(),
        "integrity": _integrity(tally),
        "latency_ms": {**quantiles_ms(tally.stages.total), "stages": stages_ms(tally.stages)},
        "controller_delay_ms": milliseconds(controller_delay_s(*setting.delay_of(tally))) if tally.pace else None,
        "deadline": deadline(tally),
        "adaptation": None if tally.adaptation is None else wearing.as_json(tally.adaptation),
        "labels": list(score.labels),
        "per_gesture": {
            row.gesture: {
                "windows": row.windows,
                "recall": _known(row.recall),
                "precision": _known(row.precision),
                "f1": _known(row.f1),
            }
            for row in score.per_gesture()
        },
        "confusion": {
            "true": list(score.names),
            "decided": [*score.labels, ABSTAINED],
            "counts": score.confusion.tolist(),
        },
        "interrupted": tally.interrupted,
        "recording": setting.source,
        "simulated": setting.simulated,
        "checkpoint": setting.checkpoint,
        "engine": setting.engine,
        "device": setting.device,
        "duration_s": (setting.length or tally.seen()) / setting.rate_hz,
        "rate_hz": setting.rate_hz,
        "window": setting.window,
        "hop": setting.hop,
        "speed": setting.speed or "max",
    }


def as_tables(setting: Setting, tally: Tally) -> RenderableType:
    """The same for people."""
    parts: list[RenderableType] = [Text(), _headline(setting, tally)]
    if tally.score.counted:
        parts += [Text(), scores(tally.score), Text(), confusion(tally.score)]
    if tally.decisions:
        parts += [Text(), timings(tally.stages)]
    if tally.decisions and tally.pace is not None:
        parts.append(made_of(*setting.delay_of(tally)))
    return Group(*parts)


def stages_ms(stages: Stages) -> dict[str, dict[str, float | None]]:
    """p50, p95, p99, p99.9 and max of each leg, milliseconds."""
    return {name: quantiles_ms(histogram) for name, histogram in stages.named().items()}


def deadline(tally: Tally) -> dict[str, Any]:
    """How often a decision came too late, with less than everything, or not at all; milliseconds between windows.

    ``hop_ms`` is None where time had no meaning, and then so are the others.
    """
    pace = tally.pace
    if pace is None:
        return {"hop_ms": None, "late": None, "skipped": None, "reduced": None}
    return {
        "hop_ms": milliseconds(pace.hop_s),
        "late": pace.late,
        "skipped": pace.skipped,
        "reduced": {pace.words(effort): count for effort, count in enumerate(pace.made) if effort and count},
    }


def scores(score: Score) -> Table:
    """Windows, recall, precision and F1 of each gesture."""
    table = table_of("per gesture", "gesture", "windows", "recall", "precision", "F1")
    for row in score.per_gesture():
        rates = (row.recall, row.precision, row.f1)
        table.add_row(Text(row.gesture), str(row.windows), *(_percent(rate) for rate in rates))
    return table


def confusion(score: Score) -> Table:
    """Counts of windows; rows: true, columns: decided."""
    counts = score.confusion
    shown = [*score.labels, ABSTAINED] if counts[:, -1].any() else list(score.labels)
    table = table_of("confusion: true gesture by decision", "true", *shown)
    for row, (name, line) in enumerate(zip(score.names, counts, strict=True)):
        if line.any() or row < len(score.labels):
            right = min(row, len(score.labels))
            table.add_row(Text(name), *(_count(int(line[column]), column == right) for column in range(len(shown))))
    return table


def timings(stages: Stages) -> Table:
    """One row for each stage."""
    table = table_of("time from the device to the sinks, ms", "leg", *QUANTILES, "max")
    for name, histogram in stages.named().items():
        style = "bold" if name == LEGS[-1] else ""
        table.add_row(name, *("-" if v is None else f"{v:.3f}" for v in quantiles_ms(histogram).values()), style=style)
    table.caption = "total: from the sample to the decision"
    if stages.total.count < FEW:
        table.caption += f"\nof fewer than {FEW}, p99.9 is the longest"
    table.caption_justify = "left"
    return table


def table_of(title: str, first: str, *others: str) -> Table:
    """An empty table with a title above it, its first column to the left and the others to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(Text(first), no_wrap=True)
    for name in others:
        table.add_column(Text(name), justify="right")
    return table


def _headline(setting: Setting, tally: Tally) -> Text:
    text = Text()
    text.append(setting.source, "bold")
    if setting.simulated:
        text.append(" (simulated)")
    seconds = tally.seen() / setting.rate_hz
    text.append(f", {seconds:.1f} s at {setting.rate_hz:g} Hz, checkpoint {setting.checkpoint}, ")
    text.append(f"{setting.engine} on {setting.device}\n")
    if tally.interrupted:
        text.append("interrupted; this far: ", "bold")
    text.append(in_number(tally.decisions, "decision"))
    if tally.score.accuracy is not None:
        text.append(f", {tally.score.accuracy:.1%} right", "bold")
    text.append(f", {tally.dropped()} samples dropped")
    text.append(in_time(tally))
    text.append(wearing.in_words(tally.adaptation))
    if tally.integrity is not None:
        for words in (in_words(tally.integrity), contact_in_words(tally.integrity, setting.channels)):
            if words:
                text.append(f"\n{words}", "bold")
    if tally.pipeline is not None and tally.pipeline.marred:
        held = in_number(tally.pipeline.marred, "window")
        text.append(f"\n{held} held bridged samples and got no decision")
    for sink in tally.sinks:
        if sink.dropped:
            text.append(f"\n{sink.name} did not get {in_number(sink.dropped, 'decision')}: {sink.why}")
    return text


def in_time(tally: Tally) -> str:
    """What the pace has counted, to go behind the dropped samples; "" where time had no meaning."""
    pace = tally.pace
    if pace is None:
        return ""
    words = f", {in_number(pace.late, 'decision')} late, {in_number(pace.skipped, 'window')} skipped"
    for effort, count in enumerate(pace.made):
        if effort and count:
            words += f"\n{in_number(count, 'decision')} got {pace.words(effort)}, for want of time"
    return words


def _integrity(tally: Tally) -> dict[str, Any]:
    """What the source has met, what the ring lost, and what came of it."""
    source = {} if tally.integrity is None else tally.integrity.to_json()
    return source | {
        "ring_dropped": 0 if tally.ring is None else tally.ring.dropped,
        "bridged": 0 if tally.pipeline is None else tally.pipeline.bridged,
        "windows_not_intact": 0 if tally.pipeline is None else tally.pipeline.marred,
        "sinks_dropped": {sink.name: sink.dropped for sink in tally.sinks},
    }


def _count(count: int, diagonal: bool) -> Text:
    if not count:
        return Text("0" if diagonal else ".", "dim")
    return Text(str(count), "green" if diagonal else "red")


def _percent(share: float) -> str:
    return "-" if isnan(share) else f"{share:.1%}"


def _known(share: float) -> float | None:
    return None if isnan(share) else share
