"""``python -m stream``: replay a recording, run live, or profile, each through a trained checkpoint."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from dsp.complaints import start

if TYPE_CHECKING:
    from models.classifier import Classifier

app = typer.Typer(
    name="stream",
    help="Recognise hand gestures in a stream of surface EMG: from a recording, or live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Checkpoint = Annotated[
    Path, typer.Option("--checkpoint", "-c", help="Folder of a trained checkpoint or ensemble.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON for each decision, then the summary as one line.")]
Plain = Annotated[bool, typer.Option("--plain", help="Plain lines instead of the live view.")]
Device = Annotated[str, typer.Option("--device", help="Where the network runs: auto, cpu or cuda.")]
NoViews = Annotated[
    bool,
    typer.Option("--no-views", help="Look at each window once, without test-time augmentation: faster, less accurate."),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", help="Sampling rate in Hz, for a table that does not say it.", show_default=False),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="Unit of a table that does not say it: uV, mV or V.", show_default=False)
]


@app.command()
def replay(
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
    rate: Rate = None,
    unit: Unit = None,
    device: Device = "auto",
    no_views: NoViews = False,
) -> None:
    """Replay a recording as if it came from a device, and show what is recognised.

    The decisions are the same at every speed. On a terminal they are shown live; elsewhere as plain lines.

    Example: python -m stream replay recordings/demo.npz --checkpoint models/checkpoints/demo
    """
    pace = parse_speed(speed)
    from devices.address import names_device
    from devices.files import load

    if names_device(recording):
        raise ValueError(f"{str(recording)!r} is a device, and replay is for recordings; use: live {recording}")
    loaded = load(recording, rate_hz=rate, unit=unit)
    classifier = _classifier(checkpoint, device, not no_views)
    from stream import present

    how = present.manner(as_json_lines=json_lines, plain=plain)
    raise SystemExit(present.replay(loaded, classifier, str(checkpoint), pace, how))


@app.command()
def live(
    device: Annotated[
        str,
        typer.Argument(
            help="lsl:NAME, cyton:PORT, myo:PORT, chords:PORT, text:PORT?rate=...&channels=...&unit=..., "
            "brainflow:BOARD, sim: (sim:person=7,session=2 chooses who), or a recording; "
            "'python -m devices list' shows what is there.",
            metavar="DEVICE",
            show_default=False,
        ),
    ],
    checkpoint: Checkpoint,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="End after so many seconds of signal.", show_default=False)
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", help="Write the signal to this file as well: .xdf, .bdf, .csv or .h5.", show_default=False
        ),
    ] = None,
    sink: Annotated[
        list[str] | None,
        typer.Option(
            "--sink",
            help="Send decisions there too: jsonl:PATH, udp:HOST:PORT or lsl:NAME; may be given many times.",
            show_default=False,
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option("--patience", help="Seconds to wait for a device that went away.", min=0)
    ] = 4.0,
    json_lines: Json = False,
    plain: Plain = False,
    rate: Rate = None,
    unit: Unit = None,
    compute: Device = "auto",
    no_views: NoViews = False,
) -> None:
    """Recognise gestures live.

    What was lost on the way is counted and shown; while a device is away it is waited for.

    Example: python -m stream live sim:person=7 --checkpoint models/checkpoints/demo
    """
    from devices.address import parse

    length = None if seconds is None else parse_seconds(seconds)
    parse(device)  # what cannot be a device is said before the network is loaded
    classifier = _classifier(checkpoint, compute, not no_views)
    from stream import live as living
    from stream import present

    how = present.manner(as_json_lines=json_lines, plain=plain)
    wish = living.Wish(device, str(checkpoint), how, length, record, tuple(sink or ()), patience, unit, rate)
    raise SystemExit(living.live(wish, classifier))


@app.command()
def profile(
    checkpoint: Checkpoint,
    source: Annotated[str, typer.Option("--source", help="A device, as of live, or a recording.")] = "sim:",
    seconds: Annotated[float, typer.Option("--seconds", help="How long to run, in real time.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON instead of tables.")] = False,
    rate: Rate = None,
    unit: Unit = None,
    device: Device = "auto",
    no_views: NoViews = False,
) -> None:
    """Measure the time of each stage, from the arrival of a sample to the decision, and the delay they add up to.

    Example: python -m stream profile --checkpoint models/checkpoints/demo
    """
    wanted = parse_seconds(seconds)
    classifier = _classifier(checkpoint, device, not no_views)
    from stream import profiler

    tally = profiler.profile(source, classifier, wanted, unit=unit, file_rate_hz=rate)
    if as_json:
        print(json.dumps(profiler.as_json(classifier, str(checkpoint), tally), allow_nan=False))
    else:
        Console(highlight=False, markup=False).print(profiler.as_tables(classifier, str(checkpoint), tally))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line; wrong use ends in one sentence and exit status 2."""
    start(typer.main.get_command(app), "python -m stream", arguments)


def parse_speed(text: str) -> float | None:
    """A factor above zero, or None for ``max``.

    Raises:
        ValueError: it is neither.
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise ValueError(f"--speed is {text!r}; give a number above zero (1 is real time), or max")
    return speed


def parse_seconds(seconds: float) -> float:
    """The same, if it is a length of time.

    Raises:
        ValueError: it is not above zero, or not finite.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"--seconds is {seconds:g}; give a number above zero")
    return seconds


def _classifier(path: Path, device: str, views: bool) -> Classifier:
    with _busy(f"loading {path.name}"):
        from models.classifier import load_classifier

        return load_classifier(path, device=device, views=views)


@contextmanager
def _busy(what: str) -> Iterator[None]:
    """Says on a terminal's stderr what takes its time, and takes it back afterwards."""
    console = Console(stderr=True, markup=False)
    if not console.is_terminal:
        yield
        return
    with console.status(Text(what)):
        yield
