"""``python -m devices check``."""

from __future__ import annotations


def check() -> None:
    """To be written."""
    raise ValueError("not yet there")
