"""One recording of a data set, known by its place before it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what, when.

    Attributes:
        person: whose arm.
        session: which sitting.
        gesture: the one gesture that is shown, or None where there are several or none.
        trial: which repetition, from 1.
        name: path within the data set, with forward slashes; unique.
    """

    person: int
    session: int
    gesture: str | None
    trial: int
    name: str

    @property
    def order(self) -> tuple[int, int, str, int, str]:
        """Entries are sorted by this."""
        return self.person, self.session, self.gesture or "", self.trial, self.name
