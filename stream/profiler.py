"""Where the time goes: the stages of the loop behind the real thread, in real time, and the delay they add up to."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import closing
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from devices.opening import open_source
from models.classifier import Classifier
from stream.excerpt import beginning
from stream.latency import milliseconds
from stream.loop import check_match
from stream.play import Tally, play, warm_up
from stream.score import Score
from stream.summary import stages_ms, timings

PACKAGES = ("numpy", "numba", "torch")


def profile(
    device: str, classifier: Classifier, seconds: float, *, unit: str | None = None, file_rate_hz: float | None = None
) -> Tally:
    """Run so many seconds of a device or recording in real time and without a display.

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
        print(f"measuring {source.info.name} for {seconds:g} s", file=sys.stderr)
        tally = Tally(Score(classifier.labels, ()))
        play(beginning(source, seconds), pipeline, classifier, tally, [], ring_samples=wanted)
    if not tally.decisions:
        raise ValueError(f"{source.info.name!r} ended before one window of {spec.window} samples; pass a longer one")
    return tally


def controller_delay_s(window_s: float, hop_s: float, votes: int, processing_s: float) -> float:
    """Mean time from a change of the muscle to the changed decision: window/2 + votes/2 * hop + processing.

    After Farrell, "Determining delay created by multifunctional prosthesis controllers", J Rehabil Res Dev 48(6), 2011,
    for overlapping windows and a vote over the last ``votes`` of them.
    """
    return window_s / 2 + votes / 2 * hop_s + processing_s


def machine() -> dict[str, str]:
    """What the times were measured on."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def as_json(classifier: Classifier, checkpoint: str, tally: Tally) -> dict[str, Any]:
    """The profile as plain values."""
    spec, votes = classifier.design.spec, classifier.decision.smoothing
    delay = _delay_s(classifier, tally)
    return {
        "decisions": tally.decisions,
        "dropped": tally.dropped(),
        "stages_ms": stages_ms(tally.stages),
        "controller_delay_ms": None if isnan(delay) else milliseconds(delay),
        "window_ms": spec.window / spec.rate_hz * 1e3,
        "hop_ms": spec.hop / spec.rate_hz * 1e3,
        "votes": votes,
        "checkpoint": checkpoint,
        "device": str(classifier.device),
        "machine": machine(),
    }


def as_tables(classifier: Classifier, checkpoint: str, tally: Tally) -> RenderableType:
    """The profile for people."""
    spec, votes = classifier.design.spec, classifier.decision.smoothing
    text = Text()
    text.append(f"checkpoint {checkpoint} on {classifier.device}, {tally.decisions} decisions in real time, ")
    text.append(f"{tally.dropped()} samples dropped\n")
    text.append(", ".join(f"{key} {value}" for key, value in machine().items()) + "\n")
    window_ms, hop_ms = spec.window / spec.rate_hz * 1e3, spec.hop / spec.rate_hz * 1e3
    delay = Text("controller delay ")
    delay.append(f"{_delay_s(classifier, tally) * 1e3:.0f} ms", "bold")
    delay.append(f" = window {window_ms:.0f} / 2 + {votes} / 2 x hop {hop_ms:.0f} + processing (p50 of total)")
    return Group(text, timings(tally.stages), delay)


def _delay_s(classifier: Classifier, tally: Tally) -> float:
    spec = classifier.design.spec
    window_s, hop_s = spec.window / spec.rate_hz, spec.hop / spec.rate_hz
    return controller_delay_s(window_s, hop_s, classifier.decision.smoothing, tally.stages.total.quantile(0.5))


def _processor() -> str:
    """Its name where the system tells, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
