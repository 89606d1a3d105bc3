"""Options that several commands of ``python -m train`` take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATA = (
    "A folder or zip of recordings in a known layout, a .pt file of tensors, or simulated people: "
    "sim:people=1-24,sessions=1-2."
)
CHANGES = (
    "Parts of the recipe to change: epochs=2 seed=1 model.widths=16,32 dsp.hop_ms=20 augment.mixup=0.4; "
    "an unknown key gets the list of the known ones."
)

Data = Annotated[str, typer.Option("--data", help=DATA, metavar="DIR|ZIP|sim:...")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Json = Annotated[bool, typer.Option("--json", help="End with one line of JSON on stdout.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="For the CPU; all cores if left out.")]
Sessions = Annotated[str | None, typer.Option("--sessions", help="Such as 1-2; all if left out.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where the run in --out stopped.")]
Checkpoint = Annotated[Path, typer.Option("--checkpoint", help="A checkpoint, an ensemble or the folder of a run.")]
Protocol = Annotated[
    str,
    typer.Option(
        "--protocol",
        help="unseen (people 17-20 unless --people says others) or new-day (session 3); unseen-adaptive and "
        "new-day-adaptive, settling in without labels; calibrated-1 and calibrated-2, after one or two repetitions; "
        "calibrated-1-adaptive and calibrated-2-adaptive, settling in from there; calibrated-3-short, after 1.5 s of "
        "three repetitions, and calibrated-3-short-adaptive; "
        "scored by events: continuous (session 3), continuous-adaptive (the same, settling in), continuous-own (the "
        "same, each by a checkpoint that was trained on with that person's other sessions), continuous-unseen (every "
        "third person, settling in), continuous-calibrated (the same people, after one repetition) or "
        "continuous-calibrated-3-short (after 1.5 s of three).",
    ),
]
Tested = Annotated[
    str | None, typer.Option("--people", help="Such as 17-20 or 3,7,21-25; the protocol's own if left out.")
]
People = Annotated[str | None, typer.Option("--people", help="Such as 17-20 or 3,7,21-25; all if left out.")]
