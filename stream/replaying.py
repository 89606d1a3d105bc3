"""A recording in front of somebody: replayed, recognised, shown, handed on, reported, summarised."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from math import nan
from pathlib import Path

from devices.recording import Recording
from devices.replay import Replay
from devices.watched import Watched
from dsp.complaints import INTERRUPTED, tell
from models.classifier import Classifier
from stream.controls import Controls, Ended
from stream.destinations import check, open_sink
from stream.loop import Sink, check_match
from stream.outlets.outlet import Stream
from stream.play import Tally, play, warm_up
from stream.present import Manner, conclude, saying, tally_for, view, written
from stream.report.contents import Run
from stream.report.kept import Keep
from stream.report.publish import publish
from stream.sinks import Progress
from stream.summary import Setting
from stream.times import Times, watching
from stream.trouble import Complaints
from stream.web.address import Place


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for.

    Attributes:
        checkpoint: its name, for people.
        speed: times real time, or None for as fast as possible, without a thread.
        manner: what is written to stdout.
        web: where it is shown to browsers as well, if it is.
        strict: decide in time at the cost of views, members and windows, as live; otherwise the decisions are the same
            at every speed, however late.
        sinks: further places for the decisions (``stream.destinations``); where nothing keeps the time, the replay
            waits for them.
        report: a folder for a report of it (``stream.report``), which is written after Ctrl-C too.
        command: as it was typed, for the report.
    """

    checkpoint: str
    speed: float | None
    manner: Manner
    web: Place | None = None
    strict: bool = False
    sinks: Sequence[str] = ()
    report: Path | None = None
    command: str = ""


def replay(recording: Recording, classifier: Classifier, wish: Wish) -> int:
    """Replay a recording through a classifier and show it.

    Args:
        recording: at the classifier's rate, with its number of channels.
        classifier: loaded.
        wish: the rest.

    Returns:
        The exit status: 0, or 130 after Ctrl-C.

    Raises:
        ValueError: recording and checkpoint do not fit together, the recording is too short for a window, or a sink
            cannot be opened or takes no more.
    """
    check(wish.sinks, classifier.labels)
    _check_fit(recording, classifier)
    setting = Setting.of(
        classifier,
        source=recording.info.name,
        checkpoint=wish.checkpoint,
        channels=recording.info.channels,
        speed=wish.speed or 0,
        length=len(recording.samples),
        simulated=recording.simulated,
    )
    tally = tally_for(recording.info.name, recording.names, recording.label, classifier)
    keep = Keep(classifier.labels, tally.score.names, tally.truth)
    try:
        with ExitStack() as stack:
            _run(stack, recording, classifier, wish, setting, tally, keep)
    except Ended:
        pass
    except KeyboardInterrupt:
        tally.interrupted = True
    except ValueError:  # a disk is full: what was recognised until then is not lost
        if tally.decisions:
            conclude(setting, tally, wish.manner)
        raise
    conclude(setting, tally, wish.manner)
    if wish.report is not None:
        made_at = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z")
        run = Run.of(recording, classifier, setting, tally, keep.decisions(), command=wish.command, made_at=made_at)
        tell(f"report: {publish(wish.report, run)}")
    return INTERRUPTED if tally.interrupted else 0


def _run(
    stack: ExitStack,
    recording: Recording,
    classifier: Classifier,
    wish: Wish,
    setting: Setting,
    tally: Tally,
    keep: Keep,
) -> None:
    pipeline, speed, times = warm_up(classifier), wish.speed, Times()
    source = Replay(recording, speed)
    reason = "no calibration of a recording that plays: stream calibrate takes recordings"
    controls, display = Controls(source.hold, no_calibration=reason), None
    say = stack.enter_context(saying(wish.manner))
    if wish.manner is Manner.VIEW or wish.web is not None:
        shows = view(
            setting,
            tally,
            classifier,
            recording.info,
            wish.manner,
            wish.web,
            also=tally.trouble,
            controls=controls,
        )
        display = stack.enter_context(shows)
    stream = Stream(classifier.labels, tally.truth, times if speed else _no_time, speed is None, say)
    for spec in wish.sinks:
        tally.sinks.append(open_sink(spec, stream))
        stack.callback(tally.sinks[-1].close)
    controls.sinks += tally.sinks
    told: list[Sink] = [] if display is None else [display]
    if wish.manner is not Manner.VIEW:
        told += _lines(wish.manner, setting, tally, classifier)
    play(
        Watched(source),
        pipeline,
        classifier,
        tally,
        [*told, *([] if wish.report is None else [keep]), controls.gate()],
        # A replay loses nothing at any speed: its ring has room for all of it.
        ring_samples=None if speed is None else len(recording.samples),
        speed=speed or 1.0,
        strict=wish.strict,
        watch=watching(times, None if display is None else display.watch),
        tap=None if display is None else display.hear,
        idle=None if display is None else display.refresh,
    )


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


def _lines(how: Manner, setting: Setting, tally: Tally, classifier: Classifier) -> list[Sink]:
    sinks: list[Sink] = [Complaints(sys.stderr, tally.trouble)]
    if how is not Manner.QUIET:
        sinks.insert(0, written(how, setting, tally, classifier, sys.stdout))
    if how is Manner.JSON:
        sinks.append(Progress(sys.stderr, setting.rate_hz, setting.length))
    return sinks


def _no_time(index: int) -> float:  # noqa: ARG001 - the signature of TimeOf
    return nan
