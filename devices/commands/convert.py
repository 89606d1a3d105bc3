"""``python -m devices convert``."""

from __future__ import annotations


def convert() -> None:
    """To be written."""
    raise ValueError("not yet there")
