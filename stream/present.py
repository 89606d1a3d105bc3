"""Running a recording in front of somebody: the display, plain lines or JSON while it runs, the summary at the end."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from datetime import datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import IO

from rich.console import Console

from devices.integrity import Integrity
from devices.recording import Recording
from devices.replay import Replay
from devices.watched import Watched
from dsp.complaints import INTERRUPTED, tell
from dsp.flow import StreamInfo
from models.classifier import Classifier
from stream.controls import Controls, Ended
from stream.display import Display
from stream.loop import Sink, check_match
from stream.page import describe
from stream.play import Tally, play, warm_up
from stream.report.contents import Run
from stream.report.kept import Keep
from stream.report.publish import publish
from stream.score import Score
from stream.sinks import JsonLines, PlainLines, Progress, Truth, unknown
from stream.summary import Setting, as_json, as_tables
from stream.trouble import Complaints, Trouble, no_trouble


class Manner(Enum):
    """How decisions are shown."""

    VIEW = "view"
    PLAIN = "plain"
    JSON = "json"


def manner(*, as_json_lines: bool, plain: bool) -> Manner:
    """The one that was asked for, or the view where stdout is a terminal that can show it, or else plain lines."""
    if as_json_lines:
        return Manner.JSON
    if plain or not sys.stdout.isatty() or os.environ.get("TERM", "") in ("dumb", "unknown"):
        return Manner.PLAIN
    return Manner.VIEW


def replay(
    recording: Recording,
    classifier: Classifier,
    checkpoint: str,
    speed: float | None,
    how: Manner,
    *,
    strict: bool = False,
    report: Path | None = None,
    command: str = "",
) -> int:
    """Replay a recording through a classifier and show it.

    Args:
        recording: at the classifier's rate, with its number of channels.
        classifier: loaded.
        checkpoint: its name, for people.
        speed: times real time, or None for as fast as possible, without a thread.
        how: what is written to stdout.
        strict: decide in time at the cost of views, members and windows, as live; otherwise the decisions are the same
            at every speed, however late.
        report: a folder for a report of it (``stream.report``), which is written after Ctrl-C too.
        command: as it was typed, for the report.

    Returns:
        The exit status: 0, or 130 after Ctrl-C.

    Raises:
        ValueError: recording and checkpoint do not fit together, or the recording is too short for a window.
    """
    _check_fit(recording, classifier)
    pipeline = warm_up(classifier)
    setting = Setting.of(
        classifier,
        source=recording.info.name,
        checkpoint=checkpoint,
        channels=recording.info.channels,
        speed=speed or 0,
        length=len(recording.samples),
        simulated=recording.simulated,
    )
    tally = tally_for(recording.info.name, recording.names, recording.label, classifier)
    keep = Keep(classifier.labels, tally.score.names, tally.truth)
    # A replay loses nothing at any speed: its ring has room for all of it.
    capacity = None if speed is None else len(recording.samples)
    source = Replay(recording, speed)
    controls = Controls(source.hold)
    try:
        with ExitStack() as stack:
            sinks, display = _shown(stack, setting, tally, classifier, recording.info, how, controls)
            if report is not None:
                sinks.append(keep)
            play(
                Watched(source),
                pipeline,
                classifier,
                tally,
                sinks,
                ring_samples=capacity,
                speed=speed or 1.0,
                strict=strict,
                watch=None if display is None else display.watch,
                tap=None if display is None else display.hear,
                idle=None if display is None else display.refresh,
            )
    except Ended:
        pass
    except KeyboardInterrupt:
        tally.interrupted = True
    conclude(setting, tally, how)
    if report is not None:
        made_at = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z")
        run = Run.of(recording, classifier, setting, tally, keep.decisions(), command=command, made_at=made_at)
        tell(f"report: {publish(report, run)}")
    return INTERRUPTED if tally.interrupted else 0


def _check_fit(recording: Recording, classifier: Classifier) -> None:
    """Refuses a recording that does not fit, or holds no window.

    Raises:
        ValueError: says which.
    """
    spec = classifier.design.spec
    check_match(recording.info, spec)
    if len(recording.samples) < spec.window:
        raise ValueError(
            f"{recording.info.name!r} has {len(recording.samples)} samples, but this checkpoint's windows take "
            f"{spec.window} ({spec.window_ms:g} ms); pass a longer recording"
        )


def tally_for(name: str, names: tuple[str, ...], label: Truth, classifier: Classifier) -> Tally:
    """Scores against the labels of a source, or against nothing where the checkpoint knows none of them.

    Args:
        name: of the source.
        names: the gestures it shows; empty where it does not know.
        label: what a stretch of it shows.
        classifier: whose labels are compared.
    """
    if names and not set(names) & set(classifier.labels):
        print(
            f"note: {name!r} shows {', '.join(names)}, of which this checkpoint knows none "
            f"(it knows {', '.join(classifier.labels)}), so nothing is scored",
            file=sys.stderr,
        )
        return Tally(Score(classifier.labels, ()))
    return Tally(Score(classifier.labels, names), truth=lru_cache(maxsize=4)(label) if names else unknown)


def conclude(setting: Setting, tally: Tally, how: Manner) -> None:
    """Write the summary to stdout."""
    if how is Manner.JSON:
        print(json.dumps(as_json(setting, tally), allow_nan=False), flush=True)
        return
    paper().print(as_tables(setting, tally))


def paper() -> Console:
    """What summaries are printed on: the terminal, or where there is none lines of 120 characters."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=120)


def _shown(
    stack: ExitStack,
    setting: Setting,
    tally: Tally,
    classifier: Classifier,
    info: StreamInfo,
    how: Manner,
    controls: Controls,
) -> tuple[list[Sink], Display | None]:
    if how is Manner.VIEW:
        display = stack.enter_context(view(setting, tally, classifier, info, also=tally.trouble, controls=controls))
        return [display], display
    sinks: list[Sink] = [written(how, setting, tally, classifier, sys.stdout), Complaints(sys.stderr, tally.trouble)]
    if how is Manner.JSON:
        sinks.append(Progress(sys.stderr, setting.rate_hz, setting.length))
    return sinks, None


def written(how: Manner, setting: Setting, tally: Tally, classifier: Classifier, out: IO[str]) -> Sink:
    """The sink that writes each decision as a line, of JSON or plain."""
    if how is Manner.JSON:
        return JsonLines(out, classifier.labels, tally.truth)
    return PlainLines(out, classifier.labels, tally.truth, setting.rate_hz)


def view(
    setting: Setting,
    tally: Tally,
    classifier: Classifier,
    info: StreamInfo,
    integrity: Integrity | None = None,
    also: Trouble = no_trouble,
    controls: Controls | None = None,
) -> Display:
    """The display, a sink that lasts while its ``with`` block does; for the last three see there."""
    about = describe(
        classifier.design.spec,
        title=Path(setting.source).name,
        checkpoint=Path(setting.checkpoint).name,
        channels=info.channels,
        labels=classifier.labels,
        names=tally.score.names,
        length=setting.length,
        speed=setting.speed,
        simulated=setting.simulated,
        full_scale_uv=info.full_scale_uv,
        keys=() if controls is None else controls.keys,
    )
    return Display(
        about, tally.truth, tally.score, tally.stages, tally.dropped, integrity, also, tally.missed, controls
    )
