"""Drawing a prompt: what to do in large letters, a countdown, the contact of each channel, the verdict, the keys."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from devices.guiding.colours import FAINT, LABEL, NEUTRAL, RIGHT, WRONG
from devices.guiding.lettering import lettered
from devices.guiding.prompt import Prompt

CELL = 19
"""Columns that a channel takes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A rich renderable of one prompt, from 40 x 16 up."""

    prompt: Prompt

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The whole screen."""
        width, plain, prompt = options.max_width, options.ascii_only, self.prompt
        line = Rule(style=FAINT, characters="-" if plain else "─")
        yield Group(
            _title(prompt, plain),
            line,
            Text(),
            _large(prompt, width, plain),
            Text(),
            Padding(_countdown(prompt, width - 4, plain), (0, 2)),
            Text(),
            Padding(_channels(prompt, width - 4, plain), (0, 2)),
            line,
            Padding(_verdict(prompt), (0, 2)),
            *_keys(prompt),
        )


def _title(prompt: Prompt, plain: bool) -> Text:
    dot = "  |  " if plain else "  ·  "
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(prompt.task, "bold")
    text.append(f"{dot}{prompt.title}{dot}{prompt.progress}", LABEL)
    return text


def _large(prompt: Prompt, width: int, plain: bool) -> Text:
    style = f"bold {RIGHT if prompt.active else NEUTRAL}"
    rows = lettered(prompt.doing, width - 4, "#" if plain else "█") or ["", "", prompt.doing, "", ""]
    small = prompt.words or ("make this gesture and hold it:" if prompt.active else "")
    return Text("\n").join(
        [
            Text(f"  {small}", LABEL, no_wrap=True, overflow="ellipsis"),
            Text(),
            *(Text(f"  {row}", style, no_wrap=True, overflow="crop") for row in rows),
        ]
    )


def _countdown(prompt: Prompt, width: int, plain: bool) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    if prompt.left_s >= 0 and prompt.length_s > 0:
        room = max(8, min(40, width - 12))
        full = min(room, math.ceil(room * prompt.left_s / prompt.length_s))
        text.append(("#" if plain else "━") * full, RIGHT if prompt.active else NEUTRAL)
        text.append(("." if plain else "─") * (room - full), FAINT)
        text.append(f"  {prompt.left_s:4.1f} s", "bold")
    return text.append(f"\nthen: {prompt.then}" if prompt.then else "\n", LABEL)


def _channels(prompt: Prompt, width: int, plain: bool) -> Table:
    each = max(1, width // CELL)
    table = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(each):
        table.add_column(width=CELL - 1, no_wrap=True)
    cells = [_channel(*of, plain) for of in zip(prompt.channels, prompt.states, prompt.levels_uv, strict=False)]
    for first in range(0, len(cells), each):
        table.add_row(*cells[first : first + each])
    return table


def _channel(name: str, state: str, level_uv: float, plain: bool) -> Text:
    good = state == "good"
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(("+ " if good else "! ") if plain else ("● " if good else "✗ "), RIGHT if good else WRONG)
    text.append(f"{name} ", LABEL)
    return text.append(f"{level_uv:.0f} uV" if good else state, "" if good else f"bold {WRONG}")


def _verdict(prompt: Prompt) -> Text:
    if prompt.trouble:
        return Text(prompt.trouble, f"bold reverse {WRONG}")
    return Text(prompt.verdict, f"bold {RIGHT if prompt.good else WRONG}")


def _keys(prompt: Prompt) -> list[Text]:
    return [Text(f"  {prompt.keys}", LABEL, no_wrap=True, overflow="ellipsis")] if prompt.keys else []
