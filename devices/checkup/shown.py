"""A check-up on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from devices.checkup.contact import ChannelContact, Word
from devices.checkup.examination import Report
from devices.checkup.findings import Finding, Level

_COLOURS = {
    Level.OK: "green",
    Level.NOTE: "cyan",
    Level.ATTENTION: "yellow",
    Word.GOOD: "green",
    Word.WEAK: "yellow",
    Word.NONE: "red",
}


def show(report: Report, *, tables: bool) -> None:
    """Writes a check-up to stdout: as tables, or as plain lines for a file or a pipe."""
    if tables:
        console = Console(highlight=False, markup=False)
        console.print(_findings(report.findings))
        if report.channels:
            console.print(_channels(report.channels))
        for line in [*_cures(report.channels), _conclusion(report)]:
            console.print(line)
        return
    for finding in report.findings:
        print(f"{finding.what}: {finding.level}: {finding.says}{f'; {finding.cure}' if finding.cure else ''}")
    for channel in report.channels:
        said = ", ".join(filter(None, (*_figures(channel), channel.says)))
        print(f"{channel.channel}: {channel.word}: {said}")
    for line in [*_cures(report.channels), _conclusion(report)]:
        print(line)


def _cures(channels: Sequence[ChannelContact]) -> list[str]:
    """Each cure once, with the channels that need it."""
    labels: dict[str, list[str]] = {}
    for channel in channels:
        if channel.cure:
            labels.setdefault(channel.cure, []).append(channel.channel)
    return [f"{', '.join(those)}: {cure}" for cure, those in labels.items()]


def _conclusion(report: Report) -> str:
    if report.well:
        return "all is well"
    attention = [finding.what for finding in report.findings if finding.level == Level.ATTENTION]
    return f"needs attention: {', '.join(attention)}"


def _findings(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        said = Text(finding.says)
        if finding.cure:
            said.append(f"\n{finding.cure}", "bold" if finding.level == Level.ATTENTION else "dim")
        table.add_row(finding.what, Text(finding.level, _COLOURS[finding.level]), said)
    return table


def _channels(channels: Sequence[ChannelContact]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("channel", no_wrap=True)
    table.add_column("contact", no_wrap=True)
    table.add_column("noise", justify="right", no_wrap=True)
    table.add_column("mains", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for channel in channels:
        noise, mains = _figures(channel)
        word = Text(channel.word, _COLOURS[channel.word])
        table.add_row(channel.channel, word, noise.removeprefix("noise "), mains.removeprefix("mains "), channel.says)
    return table


def _figures(channel: ChannelContact) -> tuple[str, str]:
    mains = f"{channel.mains_share:.0%} at {channel.mains_hz} Hz" if channel.mains_hz else "none"
    return f"noise {channel.noise_uv:.1f} uV", f"mains {mains}"
