"""``python -m devices simulate``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def simulate(
    out: Annotated[Path, typer.Option("--out", help="The file to write, ending in .npz.", show_default=False)],
    person: Annotated[int, typer.Option("--person", help="Whose arm: any number from 0; another number, another arm.")],
    session: Annotated[int, typer.Option("--session", help="Which day: the belt sits a little differently.")] = 1,
    repetitions: Annotated[int, typer.Option("--repetitions", help="How often each gesture is made.")] = 3,
    hold_s: Annotated[float, typer.Option("--hold", help="Seconds of each gesture.")] = 4.0,
    rest_s: Annotated[float, typer.Option("--rest", help="Seconds of rest before each.")] = 3.0,
    rate_hz: Annotated[float, typer.Option("--rate", help="Sampling rate in Hz.")] = 1000.0,
    force: Annotated[bool, typer.Option("--force", help="Replace a recording that exists.")] = False,
) -> None:
    """Record a simulated person: rest, gesture, rest, gesture, ..., with a label for every sample.

    Example: python -m devices simulate --person 7 --out recordings/seven.npz
    """
    from devices import simulator
    from devices.formats.npz import save_npz

    if os.path.lexists(out) and not force:
        raise ValueError(f"there already is a {str(out)!r}; choose another name, or replace it with --force")
    made = simulator.simulate(person, session, repetitions=repetitions, hold_s=hold_s, rest_s=rest_s, rate_hz=rate_hz)
    save_npz(out, made)
    seconds = len(made.samples) / made.info.rate_hz
    print(f"{out}: {made.info.name}, {seconds:.0f} s, {len(made.info.channels)} channels at {rate_hz:g} Hz")
