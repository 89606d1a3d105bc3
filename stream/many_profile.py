"""``python -m stream profile --streams N``: how many armbands one classifier can serve in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from devices.opening import open_source
from dsp.complaints import tell
from dsp.flow import Samples
from models.classifier import Classifier
from models.loading import Wanted, load_classifier
from stream.latency import milliseconds, quantiles_ms
from stream.loop import check_match
from stream.machinery import machine
from stream.many import IN_TIME, Trial, hold, largest
from stream.profiler import publish
from stream.trouble import in_number

TRIED_S, TRIED_TICKS, TRIED_AT_MOST_S = 2.0, 100, 5.0
"""How long a number is tried while the largest is searched: so long, and until one late tick is not the whole verdict,
but not for ever. The one that is found runs as long as was asked."""

SENT_S = 20.0
"""Seconds of the source that the armbands send, over and over, each from another place on."""


def profile(
    source: str,
    one: Classifier,
    checkpoint: Path,
    wanted: Wanted,
    most: int,
    seconds: float,
    out: Path | None,
    unit: str | None,
    file_rate_hz: float | None,
    *,
    quiet: bool = False,
) -> None:
    """Finds the largest number of armbands, up to ``most``, that hold their deadlines, and writes what was measured.

    Args:
        source: a DEVICE string whose signal all of them send.
        one: the classifier for one armband.
        checkpoint: of which it is, and from which those for many are made.
        wanted: the engine.
        most: armbands.
        seconds: of the last trial.
        out: folder for ``profile.json`` and ``latency.png``.
        unit: of a file that does not say it.
        file_rate_hz: of a file that does not say it.
        quiet: no table.

    Raises:
        ValueError: the source does not fit the checkpoint or is too short, or there is no memory for so many.
    """
    samples = _signal(source, one, unit, file_rate_hz)
    kept: dict[int, Classifier] = {}

    spec = one.design.spec
    tried_s = min(max(TRIED_S, TRIED_TICKS * spec.hop / spec.rate_hz), TRIED_AT_MOST_S)

    def trial_of(streams: int, length_s: float = tried_s) -> Trial:
        if streams not in kept:
            kept.clear()
            kept[streams] = load_classifier(checkpoint, replace(wanted, streams=streams))
        tell(f"{in_number(streams, 'armband')} for {length_s:g} s ...")
        trial = hold(kept[streams], samples, streams, length_s)
        tell(f"{in_number(streams, 'armband')}: {_verdict(trial)}")
        return trial

    # One by itself says where to begin: half of what would fit if a hundred took a hundred times as long.
    one.warm_up()
    first = int(spec.hop / spec.rate_hz / (2 * one.costs_s[0]))
    found, trials = largest(most, trial_of, max(1, min(first, most)))
    if seconds > tried_s:
        found = _lasting(found, trials, lambda streams: trial_of(streams, seconds))
    last = next((trial for trial in reversed(trials) if trial.holds and trial.streams == found), trials[-1])
    result = as_json(one, str(checkpoint), source, found, most, trials, last)
    shown = None if quiet else Group(as_table(trials), _headline(one, found, most, last))
    publish(shown, result, last.legs, out)


def _lasting(found: int, trials: list[Trial], trial_of: Callable[[int], Trial]) -> int:
    """How many hold for as long as was asked, of as many as held for a moment; adds what was tried to ``trials``."""
    while found:
        trials.append(trial_of(found))
        if trials[-1].holds:
            break
        found = found * 19 // 20
    return found


def as_json(
    classifier: Classifier, checkpoint: str, source: str, found: int, most: int, trials: list[Trial], last: Trial
) -> dict[str, Any]:
    """What was measured as plain values, times in milliseconds; the legs are those of the largest that held."""
    spec = classifier.design.spec
    return {
        "armbands": found,
        "asked": most,
        "decisions_a_second": found / last.hop_s,
        "hop_ms": milliseconds(last.hop_s),
        "legs_ms": {name: quantiles_ms(histogram) for name, histogram in last.legs.items()},
        "trials": [
            {
                "armbands": trial.streams,
                "ticks": trial.ticks,
                "late": trial.late,
                "holds": trial.holds,
                "total_ms": quantiles_ms(trial.legs["total"]),
            }
            for trial in trials
        ],
        "source": source,
        "checkpoint": checkpoint,
        "engine": classifier.engine.name,
        "device": classifier.device,
        "members": len(classifier.member_names),
        "views": classifier.efforts[0].views,
        "window_ms": spec.window / spec.rate_hz * 1e3,
        "rate_hz": spec.rate_hz,
        "machine": machine(),
    }


def as_table(trials: list[Trial]) -> Table:
    """One row for each trial."""
    table = Table(title="armbands at once", title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("armbands", "ticks", "late", "p50 ms", "p99 ms", "max ms", ""):
        table.add_column(name, justify="right")
    for trial in trials:
        figures = quantiles_ms(trial.legs["total"])
        shown = ("-" if figures[key] is None else f"{figures[key]:.2f}" for key in ("p50", "p99", "max"))
        table.add_row(str(trial.streams), str(trial.ticks), str(trial.late), *shown, "holds" if trial.holds else "")
    return table


def _headline(classifier: Classifier, found: int, most: int, last: Trial) -> Text:
    text = Text()
    text.append(in_number(found, "armband") if found else "not even one armband", "bold")
    text.append(" (as many as were asked about)" if found == most else "")
    text.append(f" at {1 / last.hop_s:.1f} decisions a second each, {classifier.engine.name} on {classifier.device}\n")
    legs = ", ".join(f"{name} {(quantiles_ms(histogram)['p50'] or 0):.2f}" for name, histogram in last.legs.items())
    text.append(f"a tick of {last.streams}, p50 in ms: {legs}; {last.late} of {last.ticks} ticks late, ")
    text.append(f"the longest {(quantiles_ms(last.legs['total'])['max'] or 0):.1f} ms after it was due\n")
    text.append(f"armbands are held if {IN_TIME:.0%} of their ticks are over before the next one is due; ", "grey70")
    text.append("a tick filters, classifies and decides, and reading the devices is not part of it", "grey70")
    return text


def _verdict(trial: Trial) -> str:
    if trial.over:
        return f"hopeless, broken off after {trial.ticks} ticks"
    return f"{trial.late} of {trial.ticks} ticks late" + (", holds" if trial.holds else "")


def _signal(source: str, classifier: Classifier, unit: str | None, file_rate_hz: float | None) -> Samples:
    """Some seconds of a source, read as fast as it gives them."""
    spec = classifier.design.spec
    opened = open_source(source, rate_hz=spec.rate_hz, unit=unit, file_rate_hz=file_rate_hz, speed=None)
    wanted, parts, count = round(SENT_S * spec.rate_hz), [], 0
    try:
        check_match(opened.info, spec)
        while count < wanted and (chunk := opened.read()) is not None:
            parts.append(chunk.samples)
            count += len(chunk.samples)
    finally:
        opened.close()
    if count < spec.window:
        raise ValueError(f"{source!r} gives {count} samples, and a window takes {spec.window}; pass a longer one")
    return np.concatenate(parts)[:wanted]
