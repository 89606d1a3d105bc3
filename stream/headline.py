"""What is read from afar and from near: the decision in large letters, what came before it, the keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from devices.guiding.colours import FAINT, LABEL, NEUTRAL, RIGHT, WRONG
from devices.guiding.lettering import HEIGHT, lettered
from stream.margin import Event
from stream.page import ABSTAINED, UNKNOWN, Page

NO_DECISION = "no decision"

FRESH_S = 4.0
"""For how long an event is said."""

BLINK_S = 0.1
"""What stood for less is left out of the history, unless it is the newest."""

LARGE = HEIGHT + 2
"""Rows that the decision takes in large letters, with how sure it is."""


def verdict(decided: int, truth: int, labels: int) -> bool | None:
    """Whether a decision was right, None where the truth is unknown.

    Args:
        decided: index of the label, or ``ABSTAINED``, which is right where the recogniser does not know the truth.
        truth: index of the name, or ``UNKNOWN``.
        labels: how many labels can be decided.
    """
    if truth == UNKNOWN:
        return None
    return decided == (truth if truth < labels else ABSTAINED)


def large(page: Page, width: int, plain: bool) -> RenderableType:
    """The decision in letters that can be read from the third row, ``LARGE`` rows in all.

    Where they do not fit, or the alphabet lacks one, it is spelled in one row in the middle.
    """
    name, colour = _name(page), _colour(page)
    letters = lettered(name, width - 2, "#" if plain else "█") if page.decided != ABSTAINED else None
    middle = ["", "", f" {name.upper()} ", "", ""]
    style = f"bold {colour}" if letters else f"bold reverse {colour}"
    lines = [Text(row, style if row else "", no_wrap=True, overflow="crop") for row in letters or middle]
    return Group(*(Align.center(line) for line in [*lines, _sure(page, plain), Text("")]))


def small(page: Page) -> Panel:
    """The decision in a panel of five rows."""
    colour = _colour(page)
    lines = [Text(f" {_name(page).upper()} ", f"bold reverse {colour}"), *_surely(page)]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Panel(Group(*(Align.center(line) for line in lines)), border_style=colour, padding=(0, 1))


def history(page: Page, width: int, plain: bool) -> Text:
    """The latest decisions, each with how long it stood, newest to the right: as many as there is room for."""
    arrow = " > " if plain else " › "
    text = Text(no_wrap=True)
    for name, seconds in _stood(page):
        if seconds < BLINK_S and text:
            continue
        word = f"{name} {seconds:.1f} s"
        if text.cell_len + len(word) + len(arrow) > width:
            break
        style = "bold" if not text else LABEL
        text = Text.assemble((word, style), (arrow if text else "", FAINT), text)
    return Text.assemble(" " * (width - text.cell_len), text)


def keys(page: Page, address: str, width: int, plain: bool) -> Text:
    """What can be pressed, and where the same is shown as a page."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for key, what in page.about.keys:
        text.append("   " if text else "")
        text.append(key, "bold").append(f" {what}", LABEL)
    if address:
        room = width - text.cell_len - len(address)
        text.append(" " * max(room, 2)).append(address, FAINT)
    text.truncate(width, overflow="ellipsis")
    return text if not plain else Text(text.plain.encode("ascii", "replace").decode(), no_wrap=True)


def said(page: Page, events: Sequence[Event]) -> str:
    """What the line for trouble has to say: that it is paused and what is amiss, or what has just happened."""
    if page.paused:
        return "; ".join(filter(None, ("paused: no decision is handed on; press p to go on", page.notice)))
    fresh = [each.text for each in events if page.end - each.at < FRESH_S * page.about.rate_hz]
    return page.notice or "; ".join(fresh[-3:])


def mark(decided: int, right: bool | None, plain: bool) -> tuple[str, str]:
    """A sign of one column for a decision, and its style: what is right, wrong or neither differs without colours."""
    if right is None:
        return ("." if plain else "▁", FAINT if decided == ABSTAINED else NEUTRAL)
    if right:
        return ("=" if plain else "▄", RIGHT)
    return ("?" if plain else "▁", FAINT) if decided == ABSTAINED else ("x" if plain else "▀", WRONG)


def _stood(page: Page) -> Iterator[tuple[str, float]]:
    """Name and seconds of each run of equal decisions, the newest first."""
    past = page.past[page.past[:, 0] >= 0][::-1]
    about = page.about
    for decided, run in groupby(past[:, 1].tolist()):
        name = "-" if decided == ABSTAINED else about.labels[decided]
        yield name, sum(1 for _ in run) * about.hop / about.rate_hz


def _name(page: Page) -> str:
    return NO_DECISION if page.decided == ABSTAINED else page.about.labels[page.decided]


def _colour(page: Page) -> str:
    right = verdict(page.decided, page.truth, len(page.about.labels))
    if page.decided == ABSTAINED and not right:
        return FAINT
    return NEUTRAL if right is None else RIGHT if right else WRONG


def _surely(page: Page) -> tuple[Text, Text]:
    sure = Text(f"{page.confidence:.0%} sure" if page.decided != ABSTAINED else "", LABEL)
    truth = Text()
    if page.truth != UNKNOWN:
        truth.append("true ", LABEL).append(page.about.names[page.truth], "bold")
    return sure, truth


def _sure(page: Page, plain: bool) -> Text:
    """Both in one row."""
    sure, truth = _surely(page)
    right = verdict(page.decided, page.truth, len(page.about.labels))
    sign = "" if right is None else " right" if right else " wrong"
    text = Text.assemble(sure, "   " if sure and truth else "", truth, (sign, _colour(page)), no_wrap=True)
    return text if not plain else Text(text.plain, no_wrap=True)
