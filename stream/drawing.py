"""Drawing a page: decision, strips, ribbon, bars and footer as a rich renderable of any size from 40 x 14 up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from devices.guiding.colours import FAINT, LABEL, LOUD, QUIET, RIGHT, WRONG
from dsp.flow import Samples
from stream import headline
from stream.headline import mark, verdict
from stream.margin import Event
from stream.page import ABSTAINED, UNKNOWN, Page

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of a braille cell by row and column (Unicode block 2800)."""

_SIGNS = {"good": "●+", "flat": "–-", "railed": "▲^", "hum": "≈~", "broken": "✗x"}
"""How an electrode sits (``devices.guiding.quality.conditions``), in one character and in one of ASCII."""

TALL = 20
"""Rows from which on the decision is written in large letters; it takes 60 columns as well."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SHADES = " .:-=+*#@"


@dataclass(frozen=True, slots=True)
class Screen:
    """A rich renderable of one page.

    Attributes:
        page: what is shown.
        now: stream index at the strips' right edge, for scrolling between two pages; ``page.end`` at most.
        states: how the electrode of each channel sits, in a word; empty where that is unknown.
        events: what has happened lately.
        address: of a page that shows the same, "" where there is none.
    """

    page: Page
    now: float
    states: Sequence[str] = ()
    events: Sequence[Event] = ()
    address: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The whole screen, in as many rows and columns as the options allow."""
        page, plain = self.page, options.ascii_only
        width, height = options.max_width, options.height or console.size.height
        line = Rule(style=FAINT, characters="-" if plain else "─")
        parts: list[RenderableType] = [_title(page, width, plain), line]
        roomy = height >= TALL and width >= 60
        if roomy:
            parts += [headline.large(page, width, plain)]
        keys = bool(page.about.keys or self.address) and height > 16
        room = max(3, height - 4 - roomy * (headline.LARGE + 1) - keys)
        parts += [self._body(width, room, plain, roomy)]
        if roomy:
            parts += [headline.history(page, width, plain)]
        parts += [self._notice(width, plain) or line, _footer(page, width, plain)]
        yield Group(*parts, *([headline.keys(page, self.address, width, plain)] if keys else []))

    def _body(self, width: int, room: int, plain: bool, roomy: bool) -> Table:
        """The strips, and what is beside them."""
        side = max(22, min(40, width * 35 // 100))
        left = max(10, width - side - 3)
        body = Table.grid(padding=0)
        for column in (left, 3, side):
            body.add_column(width=column)
        beside = Group(*_bars(self.page, side, room, plain)) if roomy else _side(self.page, side, room, plain)
        body.add_row(_strips(self.page, self.now, self.states, left, room, plain), "", beside)
        return body

    def _notice(self, width: int, plain: bool) -> Rule | None:
        """The lower line, with what is amiss or new in it."""
        page = self.page
        words = headline.said(page, self.events)
        if not words:
            return None
        amiss = page.paused or words == page.notice
        style = f"bold {WRONG}" if amiss else "bold"
        text = Text(words, f"{style} reverse" if page.waiting or page.paused else style, no_wrap=True)
        text.truncate(max(8, width - 6), overflow="ellipsis")
        return Rule(text, style=FAINT, characters="-" if plain else "─", align="left")


def render(
    page: Page, now: float | None = None, states: Sequence[str] = (), events: Sequence[Event] = (), address: str = ""
) -> Screen:
    """The screen of a page; print it, or export it as a picture from ``rich.console.Console(record=True)``."""
    return Screen(page, page.end if now is None else now, states, events, address)


def _title(page: Page, width: int, plain: bool) -> Text:
    about = page.about
    dot = "  |  " if plain else "  ·  "
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(about.title, "bold")
    if about.simulated and "simulated" not in about.title:
        text.append(" simulated", "italic " + FAINT)
    text.append(f"{dot}{len(about.channels)} x {about.rate_hz:g} Hz{dot}{about.checkpoint}", LABEL)
    elapsed = _clock(page.end / about.rate_hz)
    total = f" / {_clock(about.length / about.rate_hz)}" if about.length else ""
    speed = {0.0: "as fast as possible   ", 1.0: ""}.get(about.speed, f"{about.speed:g} x real time   ")
    return _ends(text, Text(f"{speed}{elapsed}{total}", LABEL), width)


def _footer(page: Page, width: int, plain: bool) -> Text:
    dot = " | " if plain else " · "
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("latency ", LABEL)
    text.append(f"p50 {_ms(page.p50_s)}{dot}p99 {_ms(page.p99_s)} ms", "bold")
    between = "  " if page.late or page.skipped else "   "
    text.append(f"{between}dropped ", LABEL)
    text.append(f"{page.dropped}", "bold" if page.dropped == 0 else "bold " + WRONG)
    for what, count in (("late", page.late), ("skipped", page.skipped)):
        if count:
            text.append(f"{between}{what} ", LABEL)
            text.append(f"{count}", "bold " + WRONG)
    text.append(f"{between}decisions ", LABEL)
    text.append(f"{page.decisions}", "bold")
    right = Text()
    if page.counted:
        right.append("right ", LABEL)
        right.append(f"{page.right / page.counted:.1%}", "bold")
    return _ends(text, right, width)


def _ends(left: Text, right: Text, width: int) -> Text:
    room = max(8, width - right.cell_len - 2)
    if left.cell_len > room:
        left.truncate(room, overflow="ellipsis")
    left.append(" " * max(1, width - left.cell_len - right.cell_len))
    left.append_text(right)
    left.truncate(width)
    return left


def _strips(page: Page, now: float, states: Sequence[str], width: int, room: int, plain: bool) -> Group:
    channels = page.about.channels
    rows = max(1, min(8, (room - 2) // len(channels)))
    shown = max(1, min(len(channels), (room - 2) // rows))
    names = max(3, min(8, max(len(name) for name in channels[:shown])))
    inner = max(4, width - names - 2)
    dots, bright = _dots(page, now, inner * 2)
    scale = full_scale(dots)
    lines = []
    for channel in range(shown):
        cells = _cells(_rooted(dots[:, :, channel] / scale), rows, plain)
        for row, line in enumerate(cells):
            text = Text(no_wrap=True)
            middle = row == (rows - 1) // 2
            text.append(f"{channels[channel][:names] if middle else '':>{names}} ", LABEL)
            text.append_text(_contact(states[channel] if middle and channel < len(states) else "", plain))
            text.append(line[: bright // 2], QUIET)
            text.append(line[bright // 2 :], LOUD)
            lines.append(text)
    lines.append(_ribbon(page, now, names, inner, plain))
    lines.append(_axis(page, names, inner, scale, len(channels) - shown, plain))
    return Group(*lines)


def _contact(state: str, plain: bool) -> Text:
    """One column: how an electrode sits."""
    if not state:
        return Text(" ")
    return Text(_SIGNS[state][plain], RIGHT if state == "good" else f"bold {WRONG}")


def _dots(page: Page, now: float, count: int) -> tuple[Samples, int]:
    """``(count, 2, C)`` microvolts at the dots of the time axis, and the first dot of the window that was judged."""
    about = page.about
    seconds = len(page.strips) * about.per_column
    last = page.end // about.per_column * about.per_column
    edges = now - last + seconds - (count - np.arange(count + 1)) * (seconds / count)
    columns = np.clip(np.floor(edges / about.per_column), -1, len(page.strips)).astype(np.int64)
    dots = np.full((count, 2, len(about.channels)), np.nan, np.float32)
    for dot in range(count):
        begin, stop = int(columns[dot]), max(int(columns[dot + 1]), int(columns[dot]) + 1)
        part = page.strips[max(0, begin) : max(0, stop)]
        if len(part):
            dots[dot, 0], dots[dot, 1] = part[:, 0].min(axis=0), part[:, 1].max(axis=0)
    if about.scale_uv:
        dots *= np.asarray(about.scale_uv, np.float32)
    bright = count - round((about.window - (page.end - now)) / seconds * count)
    return dots, min(max(bright, 0), count)


def full_scale(dots: Samples) -> float:
    """Microvolts at a strip's edge: above 98 per cent of what is shown, in steps of a half, so it seldom changes."""
    known = np.abs(dots[np.isfinite(dots)])
    peak = float(np.quantile(known, 0.98)) if len(known) else 0.0
    return float(1.5 ** np.ceil(np.log(max(peak, 1e-3)) / np.log(1.5)))


def _rooted(share: Samples) -> Samples:
    """The signed square root: weak channels stay visible beside strong ones."""
    rooted: Samples = np.sign(share) * np.sqrt(np.abs(share))
    return rooted


def _cells(dots: Samples, rows: int, plain: bool) -> list[str]:
    """One channel, ``(2 * cells, 2)`` scaled to -1 ... 1, as ``rows`` lines of characters."""
    tall = rows * 4
    known = np.isfinite(dots[:, 0])
    low, high = np.nan_to_num(dots[:, 0]), np.nan_to_num(dots[:, 1])
    top = np.clip(np.floor((1 - high) / 2 * tall), 0, tall - 1)
    bottom = np.clip(np.floor((1 - low) / 2 * tall), 0, tall - 1)
    bottom = np.where((high - low) * tall < 2, top, bottom)  # silence is a thin line, though it straddles two dots
    height = np.arange(tall)[:, None]
    inked = (height >= top) & (height <= bottom) & known
    blocks = inked.reshape(rows, 4, len(dots) // 2, 2)
    if plain:
        shade = blocks.sum(axis=(1, 3))
        return ["".join(_SHADES[n] for n in row) for row in shade]
    codes = (blocks * _DOTS[None, :, None, :]).sum(axis=(1, 3))
    return ["".join(chr(0x2800 + int(code)) if code else " " for code in row) for row in codes]


def _ribbon(page: Page, now: float, names: int, inner: int, plain: bool) -> Text:
    """The latest decisions along the time axis, each over the hop it stands for: right, wrong, abstained or unknown."""
    text = Text(f"{'':>{names}}  ", no_wrap=True)
    per_cell = len(page.strips) * page.about.per_column / inner
    ends = page.past[:, 0]
    for cell in range(inner):
        at = now - (inner - cell - 0.5) * per_cell
        index = int(np.searchsorted(ends, at))
        known = index < len(ends) and at > ends[index] - page.about.hop
        decided, truth = (int(page.past[index, 1]), int(page.past[index, 2])) if known else (ABSTAINED, UNKNOWN)
        sign, style = mark(decided, verdict(decided, truth, len(page.about.labels)), plain) if known else (" ", "")
        text.append(sign, style)
    return text


def _axis(page: Page, names: int, inner: int, scale: float, hidden: int, plain: bool) -> Text:
    seconds = len(page.strips) * page.about.per_column / page.about.rate_hz
    edge = f"+-{scale:.0f} uV" if plain else f"±{scale:.0f} µV, square-root scale"
    middle = f"{edge}, {hidden} more" if hidden else edge
    begin, end = f"-{seconds:.0f} s", "now"
    if len(begin) + len(end) + len(middle) + 2 > inner:
        middle = middle.partition(",")[0]
    gap = max(1, inner - len(begin) - len(end) - len(middle))
    line = f"{begin}{'':{gap // 2}}{middle}{'':{gap - gap // 2}}{end}"
    return Text(f"{'':>{names}}  {line}", FAINT, no_wrap=True, overflow="crop")


def _side(page: Page, width: int, room: int, plain: bool) -> Group:
    return Group(headline.small(page), Text(""), *_bars(page, width, max(1, room - 6), plain))


def _bars(page: Page, width: int, room: int, plain: bool) -> Iterator[Text]:
    labels = page.about.labels
    shares = np.clip(np.nan_to_num(page.probabilities), 0, 1)
    shown = np.arange(len(labels))
    if len(labels) > room:
        shown = np.sort(np.argsort(-shares, kind="stable")[:room])
    names = min(max(len(name) for name in labels), max(6, width - 13))
    inner = max(3, width - names - 6)
    best = int(np.argmax(shares))
    for index in shown:
        share = float(shares[index])
        winner = index == best
        text = Text(no_wrap=True)
        text.append(f"{labels[index][:names]:<{names}} ", "bold" if winner else LABEL)
        text.append(bar(share, inner, plain), LOUD if winner else QUIET)
        text.append(f" {share:>4.0%}", "bold" if winner else FAINT)
        yield text


def bar(share: float, width: int, plain: bool = False) -> str:
    """A bar of ``width`` characters, filled to ``share`` (0 to 1), to an eighth of a character or in plain ASCII."""
    if plain:
        return ("#" * round(share * width)).ljust(width, ".")
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def _ms(seconds: float) -> str:
    return "-" if not np.isfinite(seconds) else f"{seconds * 1e3:.1f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
