"""Where the time goes: the legs behind the real thread, in real time, and the delay that a person feels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from devices.opening import open_source
from dsp.complaints import tell
from dsp.storage import write_json
from models.classifier import Classifier
from stream.delay import controller_delay_s, explained
from stream.distribution import as_picture, as_text
from stream.excerpt import beginning
from stream.latency import Histogram, Stages, milliseconds
from stream.loop import check_match
from stream.machinery import machine
from stream.play import Tally, play, warm_up
from stream.present import paper
from stream.score import Score
from stream.summary import deadline, in_time, stages_ms, timings
from stream.trouble import in_number


def profile(
    device: str, classifier: Classifier, seconds: float, *, unit: str | None = None, file_rate_hz: float | None = None
) -> Tally:
    """Run so many seconds of a device or recording in real time and without a display; Ctrl-C ends it early.

    Args:
        device: a DEVICE string (``devices.address``).
        classifier: loaded.
        seconds: of the stream.
        unit: of a file that does not say it.
        file_rate_hz: of a file that does not say it.

    Raises:
        ValueError: the device cannot be opened, does not fit the classifier, or not one window fits into the time.
    """
    spec = classifier.design.spec
    wanted = round(seconds * spec.rate_hz)
    if wanted < spec.window:
        raise ValueError(
            f"--seconds {seconds:g} are {wanted} samples, but this checkpoint's windows take {spec.window} "
            f"({spec.window_ms:g} ms); give more"
        )
    pipeline = warm_up(classifier)
    with closing(open_source(device, rate_hz=spec.rate_hz, unit=unit, file_rate_hz=file_rate_hz)) as source:
        check_match(source.info, spec)
        # No spinner now: it would draw in this process, and that is what must not be measured.
        tell(f"measuring {source.info.name} for {seconds:g} s")
        tally = Tally(Score(classifier.labels, ()))
        try:
            play(beginning(source, seconds), pipeline, classifier, tally, [], ring_samples=wanted, strict=True)
        except KeyboardInterrupt:
            tally.interrupted = True
    if not tally.decisions and tally.interrupted:
        raise KeyboardInterrupt
    if not tally.decisions:
        raise ValueError(f"{source.info.name!r} ended before one window of {spec.window} samples; pass a longer one")
    return tally


def as_json(classifier: Classifier, checkpoint: str, source: str, tally: Tally) -> dict[str, Any]:
    """The profile as plain values; times in milliseconds, None where a number is unknown."""
    spec, votes = classifier.design.spec, classifier.decision.smoothing
    processing_s = tally.stages.total.quantile(0.5)
    delay_s = controller_delay_s(spec.window / spec.rate_hz, spec.hop / spec.rate_hz, votes, processing_s)
    return {
        "decisions": tally.decisions,
        "measured_s": round(tally.seen() / spec.rate_hz, 3),
        "interrupted": tally.interrupted,
        "dropped": tally.dropped(),
        "deadline": deadline(tally),
        "stages_ms": stages_ms(tally.stages),
        "controller_delay_ms": milliseconds(delay_s),
        "window_ms": spec.window / spec.rate_hz * 1e3,
        "hop_ms": spec.hop / spec.rate_hz * 1e3,
        "votes": votes,
        "source": source,
        "checkpoint": checkpoint,
        "engine": classifier.engine.name,
        "device": classifier.device,
        "members": len(classifier.member_names),
        "views": classifier.efforts[0].views,
        "rate_hz": spec.rate_hz,
        "machine": machine(),
    }


def busy_s(stages: Stages) -> float:
    """What this machine computes for a decision, the median of each leg: what of the total was on the way is not it."""
    named = stages.named()
    return sum(named[leg].quantile(0.5) for leg in ("copy", "classify", "decide", "sinks"))


def as_tables(result: dict[str, Any], tally: Tally) -> RenderableType:
    """The profile for people."""
    text = Text()
    members, views = in_number(result["members"], "member"), in_number(result["views"], "view")
    text.append(f"checkpoint {result['checkpoint']}, {members} x {views}, {result['engine']} on {result['device']}\n")
    text.append("interrupted; this far: " if tally.interrupted else "", "bold")
    text.append(f"{in_number(result['decisions'], 'decision')} in {result['measured_s']:.1f} s of real time, ")
    text.append(f"one every {result['hop_ms']:.1f} ms, ")
    text.append(f"{result['dropped']} samples dropped{in_time(tally)}\n", "bold")
    text.append(", ".join(f"{key} {value}" for key, value in result["machine"].items()) + "\n", "grey70")
    delay = explained(
        result["window_ms"] / 1e3,
        result["hop_ms"] / 1e3,
        result["votes"],
        tally.stages.total.quantile(0.5),
        busy_s(tally.stages),
    )
    shown = as_text("from the last sample to the decision", tally.stages.total)
    return Group(text, timings(tally.stages), shown, delay)


def publish(
    shown: RenderableType | None, result: dict[str, Any], legs: Mapping[str, Histogram], out: Path | None
) -> None:
    """Tables and one line of JSON to stdout, then ``profile.json`` and ``latency.png`` into a folder.

    In this order, so that a disk that is full costs nobody the measurement.

    Args:
        shown: for people, if anything.
        result: for JSON.
        legs: for the picture.
        out: the folder, which is made if it is not there; None for none.
    """
    if shown is not None:
        paper().print(shown)
    print(json.dumps(result, allow_nan=False), flush=True)
    if out is None:
        return
    every = f"a decision every {result['hop_ms']:.4g} ms"
    as_picture(out / "latency.png", legs, f"{result['checkpoint']}, {result['engine']} on {result['device']}, {every}")
    write_json(out / "profile.json", result)
