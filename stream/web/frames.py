"""What is sent to a viewer: one message for each frame, the newest of the signals and all decisions since the last.

A message is the length of a JSON text as four bytes, least first, the text, spaces up to a multiple of four, and
float32 values, least byte first: new columns of the strips, ``(columns, 2, C)`` microvolts, then where the text names
``spectrum`` ``(BINS, C)`` of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.latency import milliseconds
from stream.margin import bin_edges_s
from stream.page import STRIP_SECONDS, About, Page
from stream.web.following import Follower
from stream.web.spectrum import BINS


@dataclass(slots=True)
class Shown:
    """How far one viewer has come.

    Attributes:
        decisions: number of the next one.
        events: number of the next one.
        columns: absolute number of the next column of the strips.
        looks: at the raw signal, as of the last frame.
        frames: sent so far.
        ended: was told that the run is over.
    """

    decisions: int = 0
    events: int = 0
    columns: int = 0
    looks: int = -1
    frames: int = 0
    ended: bool = False


def frame(follower: Follower, shown: Shown, run: str) -> bytes:
    """The next frame for a viewer, who then counts as having seen it."""
    text: dict[str, Any] = {}
    blocks: list[NDArray[np.float32]] = []
    if not shown.frames:
        text["about"] = about_of(follower.about, run)
    shown.frames += 1
    if follower.page is not None:
        text["page"] = _page(follower.page)
        blocks.append(_columns(follower.page, shown, text))
    begin, made = follower.decisions.since(shown.decisions)
    shown.decisions = begin + len(made)
    text["decisions"] = {"from": begin, "made": made}
    new = [event for event in follower.events if event[0] >= shown.events]
    if new:
        text["events"], shown.events = new, new[-1][0] + 1
    if follower.looks != shown.looks:
        shown.looks = follower.looks
        text |= {"contacts": follower.contacts, "latency": follower.latency, "mains": follower.mains}
        if follower.spectrum is not None:
            text["spectrum"] = len(follower.spectrum)
            blocks.append(follower.spectrum)
    shown.ended = follower.ended and shown.decisions == follower.decisions.stop
    text |= {"ended": shown.ended, "calibrating": follower.calibrating}
    return _message(text, blocks)


def about_of(about: About, run: str) -> dict[str, Any]:
    """What does not change, as plain values; ``run`` tells one run from another."""
    return {
        "run": run,
        "title": about.title,
        "checkpoint": about.checkpoint,
        "rate_hz": about.rate_hz,
        "channels": about.channels,
        "labels": about.labels,
        "names": about.names,
        "window": about.window,
        "hop": about.hop,
        "length": about.length,
        "speed": about.speed,
        "simulated": about.simulated,
        "per_column": about.per_column,
        "columns": about.columns,
        "strip_s": STRIP_SECONDS,
        "bins": BINS,
        "edges_s": [round(edge, 9) for edge in bin_edges_s().tolist()],
    }


def _page(page: Page) -> dict[str, Any]:
    return {
        "end": page.end,
        "decided": page.decided,
        "truth": page.truth,
        "confidence": _known(page.confidence),
        "shares": [_known(share) for share in page.probabilities.tolist()],
        "p50_ms": milliseconds(page.p50_s),
        "p99_ms": milliseconds(page.p99_s),
        "dropped": page.dropped,
        "late": page.late,
        "skipped": page.skipped,
        "decisions": page.decisions,
        "right": page.right,
        "counted": page.counted,
        "paused": page.paused,
        "notice": page.notice,
        "waiting": page.waiting,
    }


def _columns(page: Page, shown: Shown, text: dict[str, Any]) -> NDArray[np.float32]:
    """Those that the viewer has not seen; of more than the board keeps, the latest."""
    about = page.about
    stop = page.end // about.per_column
    count = min(max(stop - shown.columns, 0), len(page.strips))
    shown.columns = stop
    text["columns"] = {"stop": stop, "count": count}
    new = page.strips[len(page.strips) - count :]
    return new * np.asarray(about.scale_uv, np.float32) if about.scale_uv else new


def _known(value: float) -> float | None:
    return round(value, 4) if isfinite(value) else None


def _message(text: dict[str, Any], blocks: list[NDArray[np.float32]]) -> bytes:
    head = json.dumps(text, separators=(",", ":"), allow_nan=False).encode()
    head += b" " * (-len(head) % 4)
    return b"".join([len(head).to_bytes(4, "little"), head, *(block.astype("<f4").tobytes() for block in blocks)])
