"""A device in front of somebody: opened, watched, recorded, recognised, until it ends or somebody ends it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from devices.opening import open_source
from devices.watched import Watched
from dsp.complaints import INTERRUPTED
from dsp.flow import Chunk
from dsp.pipeline import Pipeline
from models.classifier import Classifier
from stream.behind import Behind
from stream.controls import Controls, Ended, Recalibrate
from stream.destinations import check, open_sink, own_stdout
from stream.display import Display
from stream.excerpt import beginning
from stream.loop import check_match
from stream.outlets.outlet import Stream
from stream.play import Tally, play, warm_up
from stream.present import Manner, conclude, saying, tally_for, view, written
from stream.summary import Setting
from stream.taping import recordable, taping
from stream.times import Times, watching
from stream.trouble import Notices, both, no_trouble
from stream.web.address import Place

RING_S = 4.0
"""How long the loop may be held up before samples are dropped (and counted)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for.

    Attributes:
        device: a DEVICE string (``devices.address``).
        checkpoint: its name, for people.
        manner: what is written to stdout.
        web: where it is shown to browsers as well, if it is.
        seconds: of the stream, after which it ends; None never ends it.
        record: a file for the samples, or None.
        sinks: further places for the decisions (``stream.destinations``).
        patience_s: how long a device that went away is waited for.
        unit: of a file that does not say it.
        rate_hz: of a file that does not say it.
        no_calibration: why no key may end the run to calibrate; "" where one may (``stream.again``).
    """

    device: str
    checkpoint: str
    manner: Manner
    web: Place | None = None
    seconds: float | None = None
    record: Path | None = None
    sinks: Sequence[str] = ()
    patience_s: float = 4.0
    unit: str | None = None
    rate_hz: float | None = None
    no_calibration: str = ""


def live(wish: Wish, classifier: Classifier) -> int:
    """Opens the device and recognises until its end, Ctrl-C, or the device's going away for good; then summarises.

    Everything is warm before the device is opened, so that its first sample is not kept waiting.

    Returns:
        The exit status: 0, or 130 after Ctrl-C.

    Raises:
        ValueError: the device cannot be opened or is gone, or does not fit the checkpoint; one sentence.
        Recalibrate: a key asked for it; everything is closed, and what was recognised until then summarised.
    """
    _check(wish, classifier)
    spec = classifier.design.spec
    pipeline = warm_up(classifier)
    source = open_source(
        wish.device, rate_hz=spec.rate_hz, unit=wish.unit, file_rate_hz=wish.rate_hz, patience_s=wish.patience_s
    )
    with closing(source):
        check_match(source.info, spec)
        setting = Setting.of(
            classifier,
            source=source.info.name,
            checkpoint=wish.checkpoint,
            channels=source.info.channels,
            simulated=source.simulated,
        )
        tally = tally_for(source.info.name, source.names, source.label, classifier)
        try:
            with ExitStack() as stack:
                _run(stack, wish, source, classifier, pipeline, setting, tally)
        except KeyboardInterrupt:
            tally.interrupted = True
        except Recalibrate as wanted:
            conclude(setting, tally, wish.manner)
            wanted.passed_s = tally.seen() / spec.rate_hz
            raise
        except Ended:
            pass
        except ValueError:  # the device is gone for good, or a disk is full: what was recognised until then is not lost
            if tally.decisions:
                conclude(setting, tally, wish.manner)
            raise
    conclude(setting, tally, wish.manner)
    return INTERRUPTED if tally.interrupted else 0


def _check(wish: Wish, classifier: Classifier) -> None:
    """Says what cannot work, before a device is woken."""
    spec = classifier.design.spec
    if wish.seconds is not None and wish.seconds * spec.rate_hz < spec.window:
        raise ValueError(
            f"--seconds {wish.seconds:g} is shorter than one window of this checkpoint ({spec.window_ms:g} ms); "
            "give more"
        )
    check(wish.sinks, classifier.labels)
    if wish.record is not None:
        recordable(wish.record)


def _run(
    stack: ExitStack,
    wish: Wish,
    source: Watched,
    classifier: Classifier,
    pipeline: Pipeline,
    setting: Setting,
    tally: Tally,
) -> None:
    times = Times()
    say = stack.enter_context(saying(wish.manner))
    tape = None if wish.record is None else stack.enter_context(taping(wish.record, source))
    also = both(tally.trouble, no_trouble if tape is None else tape.trouble)
    display = None
    controls = Controls(no_calibration=wish.no_calibration, away=lambda: bool(source.integrity.state))
    if wish.manner is Manner.VIEW or wish.web is not None:
        shows = view(setting, tally, classifier, source.info, wish.manner, wish.web, source.integrity, also, controls)
        display = stack.enter_context(shows)
    told: list[Display | Notices] = [] if display is None else [display]
    if wish.manner is not Manner.VIEW:
        told.append(Notices(sys.stderr, source.info.name, source.integrity, also))
    stream = Stream(classifier.labels, tally.truth, times, say=say)
    for sink in _sinks(wish, setting, tally, classifier, stream):
        stack.callback(sink.close)
        tally.sinks.append(sink)
    controls.sinks += tally.sinks
    controls.marks += [] if tape is None else [tape]

    def idle() -> None:
        for each in told:
            each.refresh()

    play(
        source if wish.seconds is None else beginning(source, wish.seconds),
        pipeline,
        classifier,
        tally,
        [*told, controls.gate()],
        ring_samples=max(setting.window, round(RING_S * setting.rate_hz)),
        strict=True,
        watch=watching(times, None if display is None else display.watch),
        tap=all_of(tape, None if display is None else display.hear),
        idle=idle,
    )
    for each in told:
        if isinstance(each, Notices):
            each.last()


def all_of(*taps: Callable[[Chunk], object] | None) -> Callable[[Chunk], object] | None:
    """One that hands a chunk to each of those that are there."""
    there = [tap for tap in taps if tap is not None]
    if len(there) < 2:
        return there[0] if there else None

    def hand_on(chunk: Chunk) -> None:
        for tap in there:
            tap(chunk)

    return hand_on


def _sinks(wish: Wish, setting: Setting, tally: Tally, classifier: Classifier, stream: Stream) -> Iterator[Behind]:
    if wish.manner in (Manner.PLAIN, Manner.JSON):
        out = own_stdout()
        sink = written(wish.manner, setting, tally, classifier, out)
        yield Behind(sink, "stdout", after=None if out is sys.stdout else out.close)
    for spec in wish.sinks:
        yield open_sink(spec, stream)
