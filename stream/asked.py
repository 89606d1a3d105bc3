"""What the options of a command ask for, if it can be had."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.loading import Wanted
    from stream.web.address import Place

LONGEST_HOP_MS = 60_000.0
"""A decision a minute."""


def parse_speed(text: str) -> float | None:
    """A factor above zero, or None for ``max``.

    Raises:
        ValueError: it is neither.
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise ValueError(f"--speed is {text!r}; give a number above zero (1 is real time), or max")
    return speed


def parse_seconds(seconds: float) -> float:
    """The same, if it is a length of time.

    Raises:
        ValueError: it is not above zero, or not finite.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"--seconds is {seconds:g}; give a number above zero")
    return seconds


def wanted_of(
    engine: str,
    device: str,
    no_views: bool,
    hop_ms: float | None,
    precision: str,
    no_graph: bool,
    *,
    adapt: bool = False,
) -> Wanted:
    """What is asked of a classifier, from the options of a command.

    Raises:
        ValueError: the hop is no length of time.
    """
    from models.loading import Wanted  # noqa: PLC0415 - wrong use is said before it is loaded

    if hop_ms is not None and not 0 < hop_ms <= LONGEST_HOP_MS:
        raise ValueError(f"--hop-ms is {hop_ms:g}; give milliseconds above zero, {LONGEST_HOP_MS:g} at most")
    return Wanted(
        engine, device, views=not no_views, hop_ms=hop_ms, precision=precision, graph=not no_graph, adapt=adapt
    )


def adapting(adapt: bool, wearer: Path | None, forget: bool) -> bool:
    """Whether to adapt: a wearer to remember is one to adapt to.

    Raises:
        ValueError: a wearer is to be forgotten, and none was named.
    """
    if forget and wearer is None:
        raise ValueError("--forget says what to begin without, and --wearer is missing; add it, or leave --forget out")
    return adapt or wearer is not None


VIEWS = ("terminal", "web", "none")

WEB_TOKEN = "MYOSTREAM_WEB_TOKEN"  # noqa: S105 - the name of a variable
"""The token, for whoever does not want it on a command line, which everybody can see."""


def web_of(views: Sequence[str], address: str | None, token: str | None) -> Place | None:
    """Where the web view is to be, None where it is not asked for.

    Raises:
        ValueError: a view is not known, views exclude one another, or the page cannot be served there.
    """
    for view in views:
        if view not in VIEWS:
            raise ValueError(f"--view cannot be {view!r}; known are {', '.join(VIEWS)}")
    if "none" in views and len(set(views)) > 1:
        raise ValueError("--view none leaves no room for another one; leave out either")
    if "web" not in views:
        if address is not None:
            raise ValueError("--web-address is for the web view, which was not asked for; add --view web")
        if token is not None and token != os.environ.get(WEB_TOKEN):  # a variable may stand there for other runs
            raise ValueError("--web-token is for the web view, which was not asked for; add --view web")
        return None
    from stream.web.starting import asked_for  # noqa: PLC0415 - only who asks for it loads it

    return asked_for(address, token)
