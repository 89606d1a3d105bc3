"""Whether an engine still computes what the network did when it was saved: its golden windows, answered again."""

from __future__ import annotations

import numpy as np

from models.engines.vote import Logits
from models.listing import Listing

TOLERANCE = 1e-3
"""Golden logits may differ by this much absolutely plus this share of their size (float32 on any device)."""


def differs(listing: Listing, logits: Logits, absolute: float = TOLERANCE, relative: float = TOLERANCE) -> str:
    """Compares every member's logits for its golden windows with those that were stored.

    Args:
        listing: of the checkpoint.
        logits: of a member for some rows.
        absolute: by how much they may differ.
        relative: by which share of their size they may differ besides.

    Returns:
        Which member differs and by how much, in words; "" where none does.

    Raises:
        ValueError: golden windows are damaged.
    """
    for member, card in enumerate(listing.cards):
        golden = card.golden()
        found = logits(member, np.ascontiguousarray(golden.windows.transpose(0, 2, 1)))
        if not np.allclose(found, golden.logits, rtol=relative, atol=absolute):
            return f"{card.name!r} differs by up to {float(np.abs(found - golden.logits).max()):.3g}"
    return ""
