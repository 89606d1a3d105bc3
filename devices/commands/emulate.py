"""``python -m devices emulate``."""

from __future__ import annotations


def emulate() -> None:
    """To be written."""
    raise ValueError("not yet there")
