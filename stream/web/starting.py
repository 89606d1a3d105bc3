"""The loop's end of the web view: what was asked for, and the process that serves it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from devices.guiding.painter import Painter
from stream.asked import WEB_TOKEN
from stream.web.address import Place, place_of

ASKED, QUIET = "asked", "quiet"
"""Words for the process: the port was asked for; the terminal is drawn on and nothing may be printed over it."""

NEEDED = ("starlette", "uvicorn", "websockets")


def asked_for(address: str | None, token: str | None) -> Place:
    """What the options ask for, if it can be had; before anything else is started.

    Raises:
        ValueError: a package is missing, the address is none or taken, or a token is needed; one sentence.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"the web view needs {' and '.join(missing)}, not installed here; run: pip install -e '.[web]'"
        )
    return place_of(address, token)


def web_painter(board: Path, place: Place, *, quiet: bool) -> Painter:
    """The process that serves the board.

    Args:
        board: its file.
        place: from ``asked_for``.
        quiet: the terminal is drawn on.
    """
    how = ",".join(filter(None, (ASKED if place.asked else "", QUIET if quiet else ""))) or "plain"
    environment = {WEB_TOKEN: place.token} if place.token else None
    return Painter("stream.web", str(board), place.to_text(), how, environment=environment, draws=False)


def tell_address(address: str) -> None:
    """Says where the page is, on a line of its own, so that terminals make a link of it."""
    print(f"the web view is at\n{address}", file=sys.stderr, flush=True)
