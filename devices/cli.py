"""``python -m devices``: find, check, record, fake and simulate sources of surface EMG."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from devices.commands.check import check
from devices.commands.convert import convert
from devices.commands.emulate import emulate
from devices.commands.listing import listing
from devices.commands.record import record
from devices.commands.simulate import simulate
from dsp.complaints import start

app = typer.Typer(
    name="devices",
    help="Sources of surface EMG: find, check, record, emulate, convert, simulate.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("list")(listing)
for command in (check, record, emulate, convert, simulate):
    app.command()(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line; wrong use ends in one sentence and exit status 2."""
    start(typer.main.get_command(app), "python -m devices", arguments)
