"""``python -m devices listing``."""

from __future__ import annotations


def listing() -> None:
    """To be written."""
    raise ValueError("not yet there")
