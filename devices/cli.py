"""``python -m devices``: where recordings come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dsp.complaints import start

app = typer.Typer(
    name="devices",
    help="Sources of surface EMG: simulate a recording.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def describe() -> None:
    """Sources of surface EMG: simulate a recording."""


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="The file to write, ending in .npz.", show_default=False)],
    person: Annotated[int, typer.Option("--person", help="Whose arm: any number from 0; another number, another arm.")],
    session: Annotated[int, typer.Option("--session", help="Which day: the belt sits a little differently.")] = 1,
    repetitions: Annotated[int, typer.Option("--repetitions", help="How often each gesture is made.")] = 3,
    hold_s: Annotated[float, typer.Option("--hold", help="Seconds of each gesture.")] = 4.0,
    rest_s: Annotated[float, typer.Option("--rest", help="Seconds of rest before each.")] = 3.0,
    rate_hz: Annotated[float, typer.Option("--rate", help="Sampling rate in Hz.")] = 1000.0,
) -> None:
    """Record a simulated person: rest, gesture, rest, gesture, ..., with a label for every sample.

    Example: python -m devices simulate --person 7 --out recordings/seven.npz
    """
    from devices import simulator  # noqa: PLC0415 - compiles on first use, which --help need not wait for
    from devices.npz import save_npz  # noqa: PLC0415

    made = simulator.simulate(person, session, repetitions=repetitions, hold_s=hold_s, rest_s=rest_s, rate_hz=rate_hz)
    save_npz(out, made)
    seconds = len(made.samples) / made.info.rate_hz
    print(f"{out}: {made.info.name}, {seconds:.0f} s, {len(made.info.channels)} channels at {rate_hz:g} Hz")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line; wrong use ends in one sentence and exit status 2."""
    start(typer.main.get_command(app), "python -m devices", arguments)
