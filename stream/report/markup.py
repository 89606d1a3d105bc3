"""HTML, a piece at a time: what is not ``Markup`` is text, and is escaped."""

from __future__ import annotations

import html
import json
from typing import Any

VOID = ("col", "link", "meta", "path", "rect")
"""Elements that hold nothing."""


class Markup(str):
    """HTML that is whole and safe to stand in a page as it is."""

    __slots__ = ()


def text(words: str) -> Markup:
    """Words as HTML; what is ``Markup`` already stays as it is."""
    return words if isinstance(words, Markup) else Markup(html.escape(words))


def tag(name: str, /, *inside: str, **attributes: str | float | None) -> Markup:
    """One element.

    Args:
        name: of the element.
        inside: text, which is escaped, and markup, which is not.
        attributes: by name; a trailing underscore is cut off (``class_``), other underscores become hyphens, and one
            that is None is left out.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{said}>" if name in ("col", "link", "meta") else f"<{name}{said}/>")
    return Markup(f"<{name}{said}>{join(inside)}</{name}>")


def join(parts: tuple[str, ...] | list[str]) -> Markup:
    """One after the other."""
    return Markup("".join(text(part) for part in parts))


def figure(name: str, value: float | None, shown: str) -> Markup:
    """A number for people that also stands there for programs, by the name it has in ``report.json``."""
    plain = None if value is None else repr(value)
    return tag("data", shown, value=plain, data_figure=name)


Numeral = tuple[str, Markup, str]
"""One of the figures that matter: what it is, the figure, and what is to be said of it."""


def numerals(found: list[Numeral]) -> Markup:
    """A row of the figures that matter, large."""
    cells = [tag("div", tag("dt", name), tag("dd", value, tag("small", note))) for name, value, note in found]
    return tag("dl", *cells, class_="numbers")


def data_block(identifier: str, value: Any) -> Markup:
    """Plain values for the page's own script; nothing in them can end the block."""
    plain = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        plain = plain.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(f'<script type="application/json" id="{identifier}">{plain}</script>')


def table(title: str, words: str, head: list[str], rows: list[list[str]], *, class_: str = "figures") -> Markup:
    """A table whose first column names its rows, in a box that scrolls where the page is narrow.

    Args:
        title: what it is of.
        words: how it is to be read.
        head: of the columns.
        rows: as many cells each; a cell that is a whole ``<td>`` already is taken as it is.
        class_: for its looks.
    """
    caption = tag("caption", tag("b", title), ". ", words)
    top = tag("tr", *(tag("th", cell, scope="col") for cell in head))
    body = [tag("tr", tag("th", first, scope="row"), *(_cell(cell) for cell in rest)) for first, *rest in rows]
    whole = tag("table", caption, tag("thead", top), tag("tbody", *body), class_=class_)
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=title)


def _cell(cell: str) -> Markup:
    return cell if isinstance(cell, Markup) and cell.startswith("<td") else tag("td", cell)
