"""Options that several commands of ``python -m stream`` take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from stream.asked import WEB_TOKEN
from stream.outlets.kinds import forms

Checkpoint = Annotated[
    Path, typer.Option("--checkpoint", "-c", help="Folder of a trained checkpoint or ensemble.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON for each decision, then the summary as one line.")]
Plain = Annotated[bool, typer.Option("--plain", help="Plain lines instead of the live view.")]
Views = Annotated[
    list[str] | None,
    typer.Option(
        "--view",
        help="terminal, web (a page for browsers) or none; may be given twice. Without it, the terminal where there is "
        "one.",
        show_default=False,
    ),
]
WEB = "Web view"
WebAddress = Annotated[
    str | None,
    typer.Option(
        "--web-address",
        help="HOST:PORT for --view web; 127.0.0.1:8765, or the next free port, where it is left out.",
        rich_help_panel=WEB,
        show_default=False,
    ),
]
WebToken = Annotated[
    str | None,
    typer.Option(
        "--web-token",
        help="What visitors of --view web have to know: a word, or auto for a new one. Needed where other machines can "
        "reach it.",
        envvar=WEB_TOKEN,
        rich_help_panel=WEB,
        show_default=False,
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        help="What computes the network: torch (also on a GPU), onnx, int8, openvino, or auto, the fastest one at hand "
        "that can be trusted.",
    ),
]
HopMs = Annotated[
    float | None,
    typer.Option(
        "--hop-ms", help="Milliseconds between decisions, in place of the checkpoint's own.", show_default=False
    ),
]
GPU = "GPU"
Device = Annotated[
    str, typer.Option("--device", help="Where PyTorch runs: auto, cpu, cuda or cuda:1.", rich_help_panel=GPU)
]
Precision = Annotated[
    str, typer.Option("--precision", help="On a GPU: auto, fp32, tf32, fp16 or bf16.", rich_help_panel=GPU)
]
NoGraph = Annotated[
    bool, typer.Option("--no-graph", help="Launch every step by itself, without a CUDA graph.", rich_help_panel=GPU)
]
NoViews = Annotated[
    bool,
    typer.Option("--no-views", help="Look at each window once, without test-time augmentation: faster, less accurate."),
]
DeviceName = Annotated[
    str,
    typer.Argument(
        help="lsl:NAME, cyton:PORT, myo:PORT, chords:PORT, text:PORT?rate=...&channels=...&unit=..., "
        "brainflow:BOARD, sim: (sim:person=7,session=2 chooses who), or a recording; "
        "'python -m devices list' shows what is there.",
        metavar="DEVICE",
        show_default=False,
    ),
]
Sources = Annotated[
    list[str],
    typer.Argument(
        help="A device, as of live; or labelled recordings, also inside a zip, that show each gesture.",
        metavar="DEVICE|RECORDING...",
        show_default=False,
    ),
]
Repetitions = Annotated[
    int | None,
    typer.Option(
        "--repetitions",
        help="Of each gesture: 3 where this is left out; of recordings those there are, up to 3.",
        min=1,
        max=20,
        show_default=False,
    ),
]
Hold = Annotated[
    float | None,
    typer.Option(
        "--hold",
        help="Seconds for which each gesture is held: 2, or more where a checkpoint needs it.",
        max=60,
        show_default=False,
    ),
]
Rest = Annotated[
    float | None,
    typer.Option("--rest", help="Seconds of rest before each: 1.2, or more likewise.", max=60, show_default=False),
]
Seed = Annotated[int, typer.Option("--seed", help="Of the order of the gestures.", min=0)]
Seconds = Annotated[
    float | None, typer.Option("--seconds", help="End after so many seconds of signal.", show_default=False)
]
Record = Annotated[
    Path | None,
    typer.Option(
        "--record", help="Write the signal to this file as well: .xdf, .bdf, .csv or .h5.", show_default=False
    ),
]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--report",
        help="Write a page about it into this folder: report.html, which needs nothing else, and report.json.",
        show_default=False,
    ),
]
SinkNames = Annotated[
    list[str] | None,
    typer.Option(
        "--sink",
        help=f"Send decisions there too: {escape(forms())}; may be given many times. See stream/SINKS.md.",
        show_default=False,
    ),
]
Patience = Annotated[float, typer.Option("--patience", help="Seconds to wait for a device that went away.", min=0)]
Adapt = Annotated[bool, typer.Option("--adapt", help="Settle in to the wearer while running, without calibration.")]
WearerFile = Annotated[
    Path | None,
    typer.Option(
        "--wearer",
        help="Adapt, begin with what this file says of the wearer, if it is there, and keep in it what is known in "
        "the end.",
        show_default=False,
    ),
]
Forget = Annotated[bool, typer.Option("--forget", help="With --wearer: begin anew.")]
Streams = Annotated[
    int | None,
    typer.Option(
        "--streams",
        help="Find how many armbands at once, up to so many, hold their deadlines through one classifier.",
        min=1,
        show_default=False,
    ),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", help="Sampling rate in Hz, for a table that does not say it.", show_default=False),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="Unit of a table that does not say it: uV, mV or V.", show_default=False)
]
