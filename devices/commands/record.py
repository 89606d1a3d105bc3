"""``python -m devices record``."""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from devices.guiding.script import Script
    from devices.recorder.feeding import Recorder
    from devices.recorder.loop import Progress
    from devices.recorder.status import Status
    from devices.watched import Watched


def _example(guide: str | None) -> str | None:
    """Prints the example where that is asked for, before anything else is missed."""
    from devices.commands import guided

    if guide == guided.EXAMPLE:
        guided.print_example()
        raise typer.Exit
    return guide


Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="The file (.xdf, .bdf, .csv, .h5), or the folder of a BIDS data set; of --guide, a folder of sittings.",
        show_default=False,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", help="xdf, bdf, csv, hdf5 or bids, where the suffix does not say it; else xdf.", show_default=False
    ),
]
Device = Annotated[
    str,
    typer.Argument(
        help="lsl:NAME, cyton:PORT, sim:, a recording, ...; 'python -m devices list' shows what is there.",
        metavar="DEVICE",
        show_default=False,
    ),
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", help="End after so many seconds of signal.", show_default=False)
]
Labels = Annotated[
    str,
    typer.Option(
        "--labels",
        help="Labels to choose from while recording, by number and Enter: rest,fist,open.",
        show_default=False,
    ),
]
Guide = Annotated[
    str | None,
    typer.Option(
        "--guide",
        help="A script (TOML) of gestures that the screen leads through; labels come of it. 'example' prints one.",
        metavar="SCRIPT",
        show_default=False,
        is_eager=True,
        callback=_example,
    ),
]
Plain = Annotated[bool, typer.Option("--plain", help="Of a guide: prompts as lines, not on the whole screen.")]
Person = Annotated[str, typer.Option("--person", help="Whose arm.", show_default=False)]
Session = Annotated[str, typer.Option("--recording-session", help="Which sitting.", show_default=False)]
Task = Annotated[str, typer.Option("--task", help="What the person is asked to do, a word.")]
Rate = Annotated[
    float | None,
    typer.Option("--rate", help="Sampling rate in Hz, for a source that does not say it.", show_default=False),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="uV, mV or V, for a source that does not say it.", show_default=False)
]
Patience = Annotated[float, typer.Option("--patience", help="Seconds to wait for a device that went away.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="The summary as one line of JSON.")]


def record(
    device: Device,
    out: Out,
    format_: Format = None,
    seconds: Seconds = None,
    labels: Labels = "",
    guide: Guide = None,
    plain: Plain = False,
    person: Person = "",
    session: Session = "",
    task: Task = "gestures",
    rate: Rate = None,
    unit: Unit = None,
    patience: Patience = 4.0,
    as_json: Json = False,
) -> None:
    """Record a device as its samples come, until Ctrl-C, the end of the stream or --seconds.

    What is written is readable at every moment, also if the program is killed. An existing file is never overwritten.

    With --guide SCRIPT the screen leads through gestures, which become the labels; --out without a suffix is then a
    folder that takes one sitting after another, as training reads it. '--guide example' prints a script to begin with.

    Example: python -m devices record cyton:/dev/ttyUSB0 --out recordings/first --labels rest,fist,open

    Example: python -m devices record sim: --out recordings/mine --guide gestures.toml
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"--seconds is {seconds:g}; give a number above zero")
    script = _script(device, guide, seconds, labels, plain=plain)
    from devices.commands import guided
    from devices.formats.writer import destination
    from devices.guiding.obeying import obeying
    from devices.opening import open_source
    from devices.recorder.labels import parse_labels

    names = parse_labels(labels) if labels else ()
    folder = out
    if script is not None:
        names, out = script.labels, guided.place(out, format_, person, session)
    destination(out, format_)  # what cannot be written is said before a device is looked for
    with _asked_to_end() as ending:
        source = open_source(device, rate_hz=rate, unit=unit, file_rate_hz=rate, patience_s=patience)
        try:
            gestures = [] if script is None else [gesture.name for gesture in script.gestures]
            ask = obeying(source, gestures, "the script")
            recorder = _recorder(source, out, format_, names, person, session, task, device)
            if script is not None:
                manner = guided.Manner(as_json=as_json, plain=plain)
                among_others = out.parent == folder
                guided.run(source, recorder, script, ending, manner, ask=ask, device=device, folder=among_others)
                return
            _run(source, recorder, seconds, names, ending, as_json=as_json)
        finally:
            source.close()


def _script(device: str, guide: str | None, seconds: float | None, labels: str, *, plain: bool) -> Script | None:
    """What is to be led through, if anything is.

    Raises:
        ValueError: it cannot be read, or something else was said that does not go with it.
    """
    if guide is None:
        if plain:
            raise ValueError("--plain is for the prompts of --guide; leave it out")
        return None
    for option, given in (("--labels", bool(labels)), ("--seconds", seconds is not None)):
        if given:
            raise ValueError(f"{option} does not go with --guide, whose script says it; leave one of them out")
    from devices.commands.guided import check_device
    from devices.guiding.script import read_script

    check_device(device)
    return read_script(Path(guide))


def _recorder(
    source: Watched,
    out: Path,
    format_: str | None,
    names: tuple[str, ...],
    person: str,
    session: str,
    task: str,
    device: str,
) -> Recorder:
    from devices.formats.writer import open_writer
    from devices.recorder.feeding import Recorder

    writer = open_writer(
        out,
        source.info,
        names=names or source.names,
        person=person,
        session=session,
        format_=format_,
        simulated=source.simulated,
        task=task,
        remarks={"device": device},
    )
    return Recorder(writer, source.info.rate_hz)


def _run(
    source: Watched,
    recorder: Recorder,
    seconds: float | None,
    names: tuple[str, ...],
    ending: threading.Event,
    *,
    as_json: bool,
) -> None:
    from devices.recorder.loop import Progress
    from devices.recorder.loop import record as run
    from devices.recorder.status import Status

    progress = Progress(recorder, source.integrity, source.info.rate_hz)
    status = Status(quiet=as_json)
    failure: ValueError | None = None
    try:
        run(
            source,
            recorder,
            progress,
            seconds=seconds,
            label_of=source.label if source.names and not names else None,
            typed=_typed(names, status) if names else lambda: None,
            tell=status.tell,
            ending=ending,
        )
    except ValueError as error:
        failure = error
    finally:
        status.close()
        source.close()
        try:
            recorder.close()
        except ValueError as error:
            failure = failure or error
    _sum_up(source, progress, failure, as_json=as_json)


def _sum_up(source: Watched, progress: Progress, failure: ValueError | None, *, as_json: bool) -> None:
    """Says what there is now.

    Raises:
        ValueError: it ended in an error, or there is nothing.
    """
    from devices.recorder.status import sentence, summary

    if progress.first is None:
        raise failure or ValueError(f"no sample came from {source.info.name!r}, so nothing was recorded")
    if as_json:
        print(json.dumps(summary(source, progress, failure)))
    else:
        print(sentence(source, progress))
    if failure is not None:
        raise failure


def _typed(names: tuple[str, ...], status: Status) -> Callable[[], str | None]:
    """The label that was chosen since the last call, or None."""
    from devices.recorder.labels import TypedLines, chosen, menu

    status.say(f"labels: {menu(names)}; type one and press Enter")
    lines = TypedLines()

    def latest() -> str | None:
        found = None
        for line in lines.take():
            label = chosen(line, names)
            if label is None:
                status.say(f"there is no label {line.strip()!r}; there are {menu(names)}")
            else:
                found = label
        return found

    return latest


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM and the end of the terminal set; a second one ends at once."""
    ending = threading.Event()

    def ask(number: int, frame: object) -> None:  # noqa: ARG001 - what a signal handler is given
        if ending.is_set():
            raise KeyboardInterrupt
        ending.set()

    signals = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # which nohup asks for
        signals.append(signal.SIGHUP)
    before = [signal.signal(each, ask) for each in signals]
    try:
        yield ending
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)
