"""What a run shows: the display, plain lines or JSON while it lasts, the summary at the end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import IO

from rich.console import Console

from devices.guiding.painter import Painter
from devices.integrity import Integrity
from dsp.complaints import tell
from dsp.flow import StreamInfo
from models.classifier import Classifier
from stream.controls import Controls
from stream.display import Display, on_terminal
from stream.loop import Sink
from stream.page import describe
from stream.play import Tally
from stream.score import Score
from stream.sinks import JsonLines, PlainLines, Truth, unknown
from stream.summary import Setting, as_json, as_tables
from stream.trouble import Trouble, no_trouble
from stream.web.address import Place
from stream.web.starting import tell_address, web_painter


class Manner(Enum):
    """How decisions are shown."""

    VIEW = "view"
    PLAIN = "plain"
    JSON = "json"
    QUIET = "quiet"


def manner(*, as_json_lines: bool, plain: bool, views: Sequence[str] = ()) -> Manner:
    """The one that was asked for, or the view where stdout is a terminal that can show it, or else plain lines.

    Where views were asked for and the terminal's is not among them, nothing but the summary is written.
    """
    if as_json_lines:
        return Manner.JSON
    if views and "terminal" not in views and not plain:
        return Manner.QUIET
    if plain or not sys.stdout.isatty() or os.environ.get("TERM", "") in ("dumb", "unknown"):
        return Manner.PLAIN
    return Manner.VIEW


def tally_for(name: str, names: tuple[str, ...], label: Truth, classifier: Classifier) -> Tally:
    """Scores against the labels of a source, or against nothing where the checkpoint knows none of them.

    Args:
        name: of the source.
        names: the gestures it shows; empty where it does not know.
        label: what a stretch of it shows.
        classifier: whose labels are compared.
    """
    if names and not set(names) & set(classifier.labels):
        print(
            f"note: {name!r} shows {', '.join(names)}, of which this checkpoint knows none "
            f"(it knows {', '.join(classifier.labels)}), so nothing is scored",
            file=sys.stderr,
        )
        return Tally(Score(classifier.labels, ()))
    return Tally(Score(classifier.labels, names), truth=lru_cache(maxsize=4)(label) if names else unknown)


def conclude(setting: Setting, tally: Tally, how: Manner) -> None:
    """Write the summary to stdout."""
    if how is Manner.JSON:
        print(json.dumps(as_json(setting, tally), allow_nan=False), flush=True)
        return
    paper().print(as_tables(setting, tally))


def paper() -> Console:
    """What summaries are printed on: the terminal, or where there is none lines of 120 characters."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=120)


@contextmanager
def saying(how: Manner) -> Iterator[Callable[[str], None]]:
    """What says something on stderr: at once, or after the view that has the terminal."""
    if how is not Manner.VIEW:
        yield tell
        return
    later: list[str] = []
    try:
        yield later.append
    finally:
        for words in later:
            tell(words)


def written(how: Manner, setting: Setting, tally: Tally, classifier: Classifier, out: IO[str]) -> Sink:
    """The sink that writes each decision as a line, of JSON or plain."""
    if how is Manner.JSON:
        return JsonLines(out, classifier.labels, tally.truth)
    return PlainLines(out, classifier.labels, tally.truth, setting.rate_hz)


def view(
    setting: Setting,
    tally: Tally,
    classifier: Classifier,
    info: StreamInfo,
    how: Manner,
    web: Place | None,
    integrity: Integrity | None = None,
    also: Trouble = no_trouble,
    controls: Controls | None = None,
) -> Display:
    """The display, a sink that lasts while its ``with`` block does; for the last three see there."""
    terminal = how is Manner.VIEW

    def painters(board: Path) -> list[Painter]:
        started = [] if web is None else [web_painter(board, web, quiet=terminal)]
        return [*started, *(on_terminal(board) if terminal else [])]

    about = describe(
        classifier.design.spec,
        title=Path(setting.source).name,
        checkpoint=Path(setting.checkpoint).name,
        channels=info.channels,
        labels=classifier.labels,
        names=tally.score.names,
        length=setting.length,
        speed=setting.speed,
        simulated=setting.simulated,
        full_scale_uv=info.full_scale_uv,
        keys=controls.keys if terminal and controls is not None else (),
    )
    return Display(
        about,
        tally.truth,
        tally.score,
        tally.stages,
        tally.dropped,
        integrity,
        also,
        tally.missed,
        controls,
        painters,
        (lambda _: None) if terminal else tell_address,
    )
