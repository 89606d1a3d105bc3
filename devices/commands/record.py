"""``python -m devices record``."""

from __future__ import annotations


def record() -> None:
    """To be written."""
    raise ValueError("not yet there")
