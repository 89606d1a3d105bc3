"""``python -m devices check``."""

from __future__ import annotations

import gc
import json
import math
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from devices.checkup.examination import Report

LISTEN_S = 5.0


def check(
    device: Annotated[
        str, typer.Argument(metavar="DEVICE", help="As 'python -m devices list' shows it, or a recording.")
    ],
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", help=f"How long to listen: {LISTEN_S:g}, or the whole recording.", min=0.1),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON instead of tables.")] = False,
    rate: Annotated[
        float | None, typer.Option("--rate", help="Sampling rate in Hz, where the recording does not say it.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="uV, mV or V, where the recording does not say it.")
    ] = None,
) -> None:
    """Is it wired up? Rate, jitter, losses and the contact of each electrode, each with its cure.

    Relax the arm meanwhile. Exit status: 0 where all is well, 1 where something needs attention, 2 where the device
    cannot be opened.

    Example: python -m devices check cyton:/dev/ttyUSB0
    """
    if seconds is not None and not math.isfinite(seconds):
        raise ValueError(f"--seconds is {seconds:g}; give a number above zero")
    report = _report(device, seconds, rate, unit)
    if as_json:
        print(json.dumps({"device": device, **report.to_json()}, allow_nan=False))
    else:
        from devices.checkup import shown

        shown.show(report, tables=sys.stdout.isatty())
    if not report.well:
        raise SystemExit(1)


def _report(device: str, seconds: float | None, rate_hz: float | None, unit: str | None) -> Report:
    from devices.address import FILE, parse
    from devices.checkup.examination import examine, listen
    from devices.checkup.host import host
    from devices.opening import open_source, with_port

    address = with_port(parse(device))
    recorded = address.scheme == FILE
    if seconds is None and not recorded:
        seconds = LISTEN_S
    gc.collect()
    gc.freeze()  # to look through all that was imported takes a tenth of a second, which would be told as jitter
    with closing(
        open_source(device, file_rate_hz=rate_hz, unit=unit, patience_s=3.0, speed=None if recorded else 1.0)
    ) as source:
        before = host(address, source.integrity)
        heard = listen(source, seconds, timed=not recorded)
        return examine(heard, source, before)
