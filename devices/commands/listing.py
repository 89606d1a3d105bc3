"""``python -m devices list``."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True, slots=True)
class Found:
    """Something that can be opened.

    Attributes:
        device: its DEVICE string; of a port that was not recognised, one that may fit.
        what: it is, for people.
        sure: that the string fits what is there.
    """

    device: str
    what: str
    sure: bool = True


def listing(
    seconds: Annotated[
        float, typer.Option("--seconds", help="How long to wait for LSL streams to answer.", min=0.1)
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON instead of a table.")] = False,
) -> None:
    """What is there: LSL streams, serial ports, simulators, each as a DEVICE to be pasted.

    Example: python -m devices list
    """
    if not math.isfinite(seconds):
        raise ValueError(f"--seconds is {seconds:g}; give a number above zero")
    found, hints = _ports()
    streams, more = _streams(seconds)
    found = sorted([*streams, *found, *_simulators()], key=lambda one: not one.sure)
    hints = [*more, *hints]
    if as_json:
        print(json.dumps({"devices": [asdict(one) for one in found], "hints": hints}, allow_nan=False))
    elif sys.stdout.isatty():
        _show(found, hints)
    else:
        width = max(len(quoted(one.device)) for one in found)
        for one in found:
            print(f"{quoted(one.device):<{width}}  {_said(one)}")
        for hint in hints:
            print(hint, file=sys.stderr)


def quoted(device: str) -> str:
    """As it has to be typed in this system's shell."""
    return subprocess.list2cmdline([device]) if sys.platform == "win32" else shlex.quote(device)


def _streams(seconds: float) -> tuple[list[Found], list[str]]:
    from devices.formats.writer_layout import printable
    from devices.lsl import settings

    try:
        streams = [stream for stream in settings.streams(seconds) if stream.signal]
    except ValueError as error:
        return [], [str(error)]
    found: list[Found] = []
    for stream, device in zip(streams, settings.addresses(streams), strict=True):
        kind = "LSL" if stream.emg else f"LSL, of type {stream.type_ or 'unknown'!r}, not EMG"
        says = f"{kind}, {stream.channels} channels at {stream.rate_hz:g} Hz from {stream.host or 'somewhere'}"
        found.append(Found(printable(device), says, stream.emg))
    if any(stream.emg for stream in streams):
        return found, []
    hint = f"no LSL stream of type EMG answered within {seconds:g} s: start it, in the same network, or wait longer"
    return found, [f"{hint} (--seconds 5); a firewall may keep it away (UDP 16571-16604, TCP 16572-16604)"]


def _ports() -> tuple[list[Found], list[str]]:
    from devices.address import with_place
    from devices.ports import serial_ports

    found: list[Found] = []
    hints: list[str] = []
    ports = serial_ports()
    for port in ports:
        first, *others = [with_place(scheme, port.path) for scheme in port.schemes or ("text",)]
        instead = f"; or {' or '.join(other.partition('?')[0] for other in others)}" if others else ""
        found.append(Found(first, f"{port.what}{instead}", bool(port.schemes)))
    barred = [port.path for port in ports if Path(port.path).exists() and not os.access(port.path, os.R_OK | os.W_OK)]
    if barred:
        hints.append(
            f"you may not open {', '.join(barred)}: run 'sudo usermod -a -G dialout $USER', log out and in again"
        )
    if not any(port.schemes for port in ports):
        hints.append(
            "no armband or board was recognised: plug it in, with a cable that carries data and not only power"
        )
    return found, hints


def _simulators() -> list[Found]:
    found = [Found("sim:person=7", "a simulated person; another number, another arm")]
    if find_spec("brainflow"):
        found.append(Found("brainflow:synthetic", "BrainFlow's synthetic board"))
    return found


def _said(one: Found) -> str:
    return one.what if one.sure else f"{one.what} (perhaps)"


def _show(found: list[Found], hints: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("DEVICE", overflow="fold", min_width=20)
    table.add_column("what it is", overflow="fold")
    for one in found:
        table.add_row(Text(quoted(one.device), "bold" if one.sure else "dim"), Text(_said(one)))
    console = Console(highlight=False, markup=False)
    console.print(table)
    for hint in hints:
        console.print(f"\n{hint}")
