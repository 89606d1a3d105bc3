"""Progress of long work on stderr: a bar in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from train.parallel import called_by_torchrun

QUIET_S = 10.0
"""Seconds between two plain lines."""

Advance = Callable[[int, str], None]
"""Called with the units of work done since the last call, and what to say beside the bar."""


def say(text: str) -> None:
    """One line on stderr; of several processes the first one speaks."""
    if not called_by_torchrun().speaks:
        return
    print(text, file=sys.stderr, flush=True)


@contextmanager
def progress(title: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Shows how far a piece of work is, with the time that remains.

    Args:
        title: what the work is.
        total: units of work.
        done: units already done before (a resumed run).
    """
    console = Console(stderr=True, quiet=not called_by_torchrun().speaks)
    if not console.is_terminal:
        yield _plain(title, total, done)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    remaining = (TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, *remaining, console=console) as bar:
        task = bar.add_task(title, total=total, completed=done, note="")
        yield lambda units, note: bar.update(task, advance=units, note=note)


def _plain(title: str, total: int, done: int) -> Advance:
    began = last = time.monotonic()
    first = done

    def advance(units: int, note: str) -> None:
        nonlocal done, last
        done += units
        now = time.monotonic()
        if now - last < QUIET_S and (done < total or last == began):  # what is soon done needs no words
            return
        last = now
        if done >= total:
            say(f"{title}: {done}/{total}, {now - began:.0f} s")
            return
        left = (now - began) / max(1, done - first) * (total - done)
        say(f"{title}: {done}/{total}, {now - began:.0f} s gone, about {left:.0f} s left {note}".rstrip())

    return advance
