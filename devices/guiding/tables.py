"""What a guided recording is worth, on the screen or on paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from devices.guiding.colours import LABEL, RIGHT, WRONG


def show(told: Mapping[str, Any]) -> None:
    """Writes a report to stdout.

    Args:
        told: of ``devices.guiding.report``, with what else is known of the recording beside it.
    """
    console = Console(highlight=False, markup=False)
    console.print()
    console.print(_gestures(told))
    console.print()
    console.print(_electrodes(told))
    console.print()
    for finding in told["timing"]:
        console.print(Text(f"{finding['what']}: {finding['says']}"))
    for line in _discarded(told):
        console.print(line)
    if told["ended"] != "done":
        why = "somebody ended it" if told["ended"] == "asked" else told["ended"]
        console.print(Text(f"the script was not gone through: {why}", WRONG))
    if told["simulated"]:
        console.print("simulated: no human arm was involved")
    console.print(f"report: {told['report']}")
    if not told["next"]:
        console.print("no repetition was good, so there is nothing to train on yet: record once more")
    ways = ("next", "then", "or, for a checkpoint that there is", "or, in seconds")
    for words, command in zip(ways, told["next"], strict=False):
        console.print(Text.assemble(f"{words}: ", (command, "bold")), soft_wrap=True)


def _gestures(told: Mapping[str, Any]) -> Table:
    table = _table("gesture", "good", "discarded", "times rest", "reaction")
    for each in told["gestures"]:
        good = Text(f"{each['good']} of {told['wanted']}", RIGHT if not each["missing"] else WRONG)
        times, reaction = _figure(each["times_rest"]), _figure(each["reaction_s"], " s")
        table.add_row(each["gesture"], good, str(each["discarded"]), times, reaction)
    return table


def _electrodes(told: Mapping[str, Any]) -> Table:
    table = _table("channel", "contact", "at rest", "in gestures")
    for each in told["electrodes"]:
        good = each["contact"] == "good"
        share = "" if good or each["good_share"] is None else f" (good in {each['good_share']:.0%})"
        contact = Text(f"{each['contact']}{share}", RIGHT if good else WRONG)
        table.add_row(each["channel"], contact, _figure(each["rest_uv"], " uV"), _figure(each["level_uv"], " uV"))
    return table


def _discarded(told: Mapping[str, Any]) -> list[Text]:
    """Each reason once for each gesture."""
    lines = [
        Text(f"discarded: {each['gesture']}{f', {count} times' if count > 1 else ''}: {reason}")
        for each in told["gestures"]
        for reason, count in each["reasons"].items()
    ]
    return [*lines, Text(told["unlabelled"], LABEL)] if lines else []


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", no_wrap=place > 0)
    return table


def _figure(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.2f}{unit}" if value < 10 else f"{value:.0f}{unit}"
