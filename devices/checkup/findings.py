"""One line of a check-up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and what was seen.

    Attributes:
        what: was looked at: ``rate``, ``losses``.
        level: how much it matters.
        says: what was seen, for people.
        cure: what to do about it, or "".
        figures: what was measured, as plain values.
    """

    what: str
    level: Level
    says: str
    cure: str = ""
    figures: tuple[tuple[str, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        plain = {"what": self.what, "level": str(self.level), "says": self.says, "cure": self.cure}
        return {**plain, **dict(self.figures)}
