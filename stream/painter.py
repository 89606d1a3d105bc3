"""A process that draws on the terminal while a stream runs; see ``devices.guiding.painter``."""

from __future__ import annotations

from devices.guiding.painter import Painter

__all__ = ["Painter"]
