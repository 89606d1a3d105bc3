"""What has to be true of a network in eight bits before it may answer."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.engines.kept import Kept
from models.engines.rows import mean_over_views
from models.engines.vote import Logits
from models.listing import Listing

AGREEMENT = 0.995
"""Share of windows of people who had no part in the rounding that must get the decision they get in float32."""

FEWEST = 1000
"""Windows on which that has to be seen: of fewer, one that is decided otherwise says too little, and so does none."""

LOSS = 0.003
"""Share of the same windows by which fewer may be recognised."""

TOLERANCE = 0.05
"""Golden logits may differ by this much absolutely plus a tenth of it relatively from those of the machine on which the
network was rounded. Sums of small whole numbers are exact everywhere, but a processor without instructions for them
(VNNI on x86) adds pairs in 16 bits, which overflow: what it then answers is nowhere near."""


CHANGE = 0.1
"""Probabilities of a golden window may differ by this much from those that the network gave it in float32 when it was
saved. Measured on the shipped checkpoints: 0.02 at most."""


def fit(verified: Mapping[str, Any]) -> bool:
    """Whether the figures of a verification allow the use; see ``train.quantise`` for what they are."""
    figures = [verified.get(key) for key in ("windows", "agreement", "loss")]
    windows, agreement, loss = (figure if isinstance(figure, int | float) else nan for figure in figures)
    return windows >= FEWEST and agreement >= AGREEMENT and loss <= LOSS


def distrusted(listing: Listing, found: Kept, logits: Logits) -> str:
    """Why a kept form in eight bits may not be used here, in words; "" where it may.

    Args:
        listing: of the checkpoint, as it was read.
        found: what is kept of it.
        logits: of a member for some rows, as the engine computes them.

    Raises:
        ValueError: golden windows are damaged.
    """
    verified = found.provenance.get("verified")
    if not isinstance(verified, dict) or not fit(verified):
        return "it was not verified; quantise it again"
    if found.provenance.get("vote") != listing.vote:
        return "it was verified with other weights, views or signal processing; quantise it again"
    stored = found.provenance.get("golden")
    for member, card in enumerate(listing.cards):
        golden = card.golden()
        rows = np.ascontiguousarray(golden.windows.transpose(0, 2, 1))
        expected = _logits_of(stored, member)
        answers = logits(member, rows)
        if answers.shape != expected.shape or not np.allclose(answers, expected, TOLERANCE / 10, TOLERANCE):
            return f"{card.name!r} gives other answers to its golden windows than where it was made"
        if (found_change := change(answers, golden.logits)) > CHANGE:
            return f"{card.name!r} changes probabilities of its golden windows by up to {found_change:.2f}"
    return ""


def _logits_of(stored: object, member: int) -> NDArray[np.float32]:
    """A member's of what is stored; empty where nothing of use is."""
    try:
        return np.asarray(stored[member] if isinstance(stored, list) else [], np.float32)
    except (IndexError, ValueError, TypeError):
        return np.zeros(0, np.float32)


def change(logits: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    """The largest difference between the probabilities that two sets ``(G, K)`` of logits give."""
    one, other = (mean_over_views(each, len(each)) for each in (logits, exact))
    return float(np.abs(one - other).max(initial=0.0))
