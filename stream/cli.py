"""``python -m stream``: replay a recording, run live, or profile, each through a trained checkpoint."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dsp.complaints import INTERRUPTED, start
from dsp.storage import check_writable
from stream.asked import adapting, parse_seconds, parse_speed, wanted_of, web_of
from stream.options import (
    Adapt,
    Checkpoint,
    Device,
    DeviceName,
    Engine,
    Forget,
    Hold,
    HopMs,
    Json,
    NoGraph,
    NoViews,
    Patience,
    Plain,
    Precision,
    Rate,
    Record,
    Repetitions,
    ReportFolder,
    Rest,
    Seconds,
    Seed,
    SinkNames,
    Sources,
    Streams,
    Unit,
    Views,
    WearerFile,
    WebAddress,
    WebToken,
)
from stream.ready import busy, classifier_of

app = typer.Typer(
    name="stream",
    help="Recognise hand gestures in a stream of surface EMG: from a recording, or live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def replay(
    context: typer.Context,
    recording: Annotated[
        Path,
        typer.Argument(
            help="A recording of any format that is known, also inside a zip (data.zip/folder/file.csv).",
            show_default=False,
        ),
    ],
    checkpoint: Checkpoint,
    speed: Annotated[
        str, typer.Option("--speed", help="1 is real time, 10 ten times as fast, max as fast as possible.")
    ] = "1",
    json_lines: Json = False,
    plain: Plain = False,
    view: Views = None,
    web_address: WebAddress = None,
    web_token: WebToken = None,
    sink: SinkNames = None,
    keep_up: Annotated[
        bool,
        typer.Option(
            "--keep-up", help="Where there is no time for it, use fewer views and members and skip windows, as live."
        ),
    ] = False,
    report: ReportFolder = None,
    rate: Rate = None,
    unit: Unit = None,
    engine: Engine = "auto",
    hop_ms: HopMs = None,
    no_views: NoViews = False,
    device: Device = "auto",
    precision: Precision = "auto",
    no_graph: NoGraph = False,
    adapt: Adapt = False,
    wearer: WearerFile = None,
    forget: Forget = False,
) -> None:
    """Replay a recording as if it came from a device, and show what is recognised.

    The decisions are the same at every speed, unless --keep-up is given. On a terminal they are shown live; elsewhere
    as plain lines.

    Example: python -m stream replay recordings/demo.npz --checkpoint models/checkpoints/demo
    """
    pace = parse_speed(speed)
    web = web_of(view or (), web_address, web_token)
    from devices.address import names_device
    from devices.files import load

    if names_device(recording):
        raise ValueError(f"{str(recording)!r} is a device, and replay is for recordings; use: live {recording}")
    if report is not None:
        from stream.report.place import check_place

        check_place(report)
    from stream.destinations import check

    check(sink or ())
    loaded = load(recording, rate_hz=rate, unit=unit)
    if keep_up and pace is None:
        raise ValueError("--keep-up needs a speed, and at --speed max there is nothing to keep up with; leave one out")
    wanted = wanted_of(engine, device, no_views, hop_ms, precision, no_graph, adapt=adapting(adapt, wearer, forget))
    classifier = classifier_of(checkpoint, wanted)
    from stream import present, replaying
    from stream.wearing import wearing

    how = present.manner(as_json_lines=json_lines, plain=plain, views=view or ())
    with wearing(classifier, wearer, forget=forget):
        command = shlex.join(["python", "-m", "stream", *context.obj])
        wish = replaying.Wish(str(checkpoint), pace, how, web, keep_up, tuple(sink or ()), report, command)
        raise SystemExit(replaying.replay(loaded, classifier, wish))


@app.command()
def live(
    device: DeviceName,
    checkpoint: Checkpoint,
    seconds: Seconds = None,
    record: Record = None,
    sink: SinkNames = None,
    patience: Patience = 4.0,
    json_lines: Json = False,
    plain: Plain = False,
    view: Views = None,
    web_address: WebAddress = None,
    web_token: WebToken = None,
    rate: Rate = None,
    unit: Unit = None,
    engine: Engine = "auto",
    hop_ms: HopMs = None,
    no_views: NoViews = False,
    compute: Device = "auto",
    precision: Precision = "auto",
    no_graph: NoGraph = False,
    adapt: Adapt = False,
    wearer: WearerFile = None,
    forget: Forget = False,
) -> None:
    """Recognise gestures live.

    What was lost on the way is counted and shown; while a device is away it is waited for. Where the machine is too
    slow for a decision in time, it gets fewer views, then fewer members, and says so.

    On the terminal p pauses, m sets a marker, q quits, and c calibrates (a checkpoint that knows how wearers differ,
    where no file would have to be begun twice).

    Example: python -m stream live sim:person=7 --checkpoint models/checkpoints/demo
    """
    from devices.address import parse

    length = None if seconds is None else parse_seconds(seconds)
    web = web_of(view or (), web_address, web_token)
    parse(device)  # what cannot be a device is said before the network is loaded
    wanted = wanted_of(engine, compute, no_views, hop_ms, precision, no_graph, adapt=adapting(adapt, wearer, forget))
    classifier = classifier_of(checkpoint, wanted)
    from stream import again, present
    from stream import live as living
    from stream.wearing import wearing

    how = present.manner(as_json_lines=json_lines, plain=plain, views=view or ())
    wish = living.Wish(device, str(checkpoint), how, web, length, record, tuple(sink or ()), patience, unit, rate)
    wish = replace(wish, no_calibration=again.no_calibration(wish, classifier, wearer))
    with wearing(classifier, wearer, forget=forget):
        raise SystemExit(again.live_on(wish, classifier, lambda path: classifier_of(path, wanted), busy))


@app.command()
def calibrate(
    sources: Sources,
    checkpoint: Checkpoint,
    out: Annotated[Path, typer.Option("--out", help="Folder for the calibrated checkpoint.", show_default=False)],
    repetitions: Repetitions = None,
    hold: Hold = None,
    rest: Rest = None,
    seed: Seed = 0,
    patience: Patience = 4.0,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON and no tables.")] = False,
    plain: Plain = False,
    rate: Rate = None,
    unit: Unit = None,
    engine: Engine = "auto",
) -> None:
    """Fit a checkpoint to one arm, in a minute: make each gesture three times when told, or give labelled recordings.

    Each repetition is judged as soon as it ends, and repeated where it is no good. Nothing is written until all are
    there. Use what comes out like any other checkpoint.

    Example: python -m stream calibrate sim:person=7 --checkpoint models/checkpoints/demo --out my-arm
    """
    from stream import calibrating, present

    how = present.manner(as_json_lines=as_json, plain=plain)
    wish = calibrating.Wish(tuple(sources), checkpoint, out, how, repetitions, hold, rest, seed, patience, unit, rate)
    with busy("loading what calibrates"):
        calibrating.check(wish)
    wanted = wanted_of(engine, "auto", False, None, "auto", False)
    outcome = calibrating.calibrate(wish, classifier_of(checkpoint, wanted), busy)
    classifier_of(out, wanted)  # whatever an engine makes of it once is made by now
    calibrating.conclude(wish, outcome)


@app.command()
def profile(
    checkpoint: Checkpoint,
    source: Annotated[str, typer.Option("--source", help="A device, as of live, or a recording.")] = "sim:",
    seconds: Annotated[
        float, typer.Option("--seconds", help="How long to run, in real time; with --streams, the last trial.")
    ] = 30.0,
    streams: Streams = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for profile.json and pictures.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON and no tables.")] = False,
    rate: Rate = None,
    unit: Unit = None,
    engine: Engine = "auto",
    hop_ms: HopMs = None,
    no_views: NoViews = False,
    device: Device = "auto",
    precision: Precision = "auto",
    no_graph: NoGraph = False,
    adapt: Adapt = False,
) -> None:
    """Measure the time of every leg, from the device's stamp to the sinks, and the delay they add up to.

    It ends with one line of JSON.

    Example: python -m stream profile --checkpoint models/checkpoints/demo --hop-ms 20
    """
    if adapt and streams is not None:
        raise ValueError("--adapt is for one wearer, and --streams for many armbands at once; leave one of them out")
    wanted = wanted_of(engine, device, no_views, hop_ms, precision, no_graph, adapt=adapt)
    length = parse_seconds(seconds)
    if out is not None:
        check_writable(out)
    classifier = classifier_of(checkpoint, wanted)
    if streams is not None:
        if classifier.wearers is not None and classifier.wearers.calibrated is not None:
            raise ValueError(f"{checkpoint} is calibrated for one wearer, and --streams is for many; use the original")
        from stream import many_profile

        many_profile.profile(source, classifier, checkpoint, wanted, streams, length, out, unit, rate, quiet=as_json)
        return
    from stream import profiler

    tally = profiler.profile(source, classifier, length, unit=unit, file_rate_hz=rate)
    result = profiler.as_json(classifier, str(checkpoint), source, tally)
    shown = None if as_json else profiler.as_tables(result, tally)
    profiler.publish(shown, result, tally.stages.named(), out)
    if tally.interrupted:
        raise SystemExit(INTERRUPTED)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line; wrong use ends in one sentence and exit status 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = typer.main.get_command(app)
    command.context_settings["obj"] = given  # for whoever wants to say how it was called
    start(command, "python -m stream", given)
