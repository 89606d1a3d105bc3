"""What a calibration came to: for people, and for the next program."""

from __future__ import annotations

import math
import shlex
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from models.repetition import Outcome
from stream.gathering import Taken, Wish
from stream.summary import table_of


def as_json(wish: Wish, taken: Taken, outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain values."""
    return {
        "checkpoint": str(wish.checkpoint),
        "out": str(wish.out),
        "source": taken.source,
        "simulated": taken.simulated,
        "repetitions": dict(taken.takings.counts()),
        "refused": [{"gesture": gesture, "reason": reason} for gesture, reason in taken.takings.refused],
        "before": _number(outcome.before),
        "after": _number(outcome.after),
        "measured_on": outcome.measured_on,
        "per_gesture": {gesture: _number(share) for gesture, share in outcome.per_gesture.items()},
        "order": None if outcome.order is None else list(outcome.order),
        "left_out": [doubt._asdict() for doubt in outcome.left_out],
        "notes": list(outcome.notes),
        "seconds": outcome.seconds,
        "next": next_command(wish),
    }


def as_tables(wish: Wish, taken: Taken, outcome: Outcome) -> RenderableType:
    """The same for people."""
    head = Text()
    head.append(taken.source, "bold")
    head.append(f"{' (simulated)' if taken.simulated else ''}, checkpoint {wish.checkpoint}\n")
    head.append(f"recognised before {_percent(outcome.before)}, calibrated {_percent(outcome.after)}", "bold")
    head.append(f"\n{outcome.measured_on}, computed in {outcome.seconds:.1f} s")
    parts: list[RenderableType] = [Text(), head, Text(), _per_gesture(taken, outcome)]
    lines = [*_left_out(taken, outcome), *outcome.notes]
    if lines:
        parts.append(Text("\n".join(lines)))
    parts += [Text(), Text.assemble("next: ", (next_command(wish), "bold"))]
    return Group(*parts)


def next_command(wish: Wish) -> str:
    """What to type now."""
    device = wish.sources[0] if wish.device else "DEVICE"
    return shlex.join(["python", "-m", "stream", "live", device, "--checkpoint", str(wish.out)])


def _per_gesture(taken: Taken, outcome: Outcome) -> Table:
    table = table_of("per gesture", "gesture", "repetitions", "calibrated")
    counts = taken.takings.counts()
    for label in taken.takings.labels:
        table.add_row(Text(label), str(counts[label]), _percent(outcome.per_gesture.get(label, math.nan)))
    return table


def _left_out(taken: Taken, outcome: Outcome) -> list[str]:
    refused = [f"not used: {gesture}: {reason}" for gesture, reason in taken.takings.refused]
    return refused + [
        f"left out: repetition {doubt.number + 1}, {doubt.gesture}: {doubt.reason}" for doubt in outcome.left_out
    ]


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def _number(share: float) -> float | None:
    return None if math.isnan(share) else share
