"""The log of all decisions of a run, out of a board that keeps the last ones only."""

from __future__ import annotations

from typing import NamedTuple

from stream.page import Page

MOST = 100_000
"""Decisions that are kept: more than an hour at a hop of 40 ms."""

AT_ONCE = 2000
"""Decisions that go into one frame."""


class Made(NamedTuple):
    """One decision.

    Attributes:
        end: stream index after its last sample.
        decided: index of its label, or ``stream.page.ABSTAINED``.
        truth: index of the true one, or ``stream.page.UNKNOWN``.
        confidence: 0 to 1.
    """

    end: int
    decided: int
    truth: int
    confidence: float


class Decisions:
    """Those that were seen, by their number in the run, from 0.

    Attributes:
        first: number of the oldest that is kept.
        missed: how many the board had dropped before they were looked at.
    """

    def __init__(self) -> None:
        self._kept: list[Made] = []
        self.first = 0
        self.missed = 0

    @property
    def stop(self) -> int:
        """The number of the next one."""
        return self.first + len(self._kept)

    def see(self, page: Page) -> None:
        """Take over what is new on a page; after a gap the log begins anew, so that numbers stay what they are."""
        new = page.decisions - self.stop
        if new > len(page.past):
            self.missed += new - len(page.past)
            self._kept.clear()
            self.first = page.decisions - len(page.past)
            new = len(page.past)
        if new <= 0:
            return
        for (end, decided, truth), sure in zip(page.past[-new:].tolist(), page.sure[-new:].tolist(), strict=True):
            self._kept.append(Made(end, decided, truth, round(sure, 4)))
        if len(self._kept) > MOST + AT_ONCE:
            del self._kept[: len(self._kept) - MOST]
            self.first = page.decisions - MOST

    def since(self, number: int) -> tuple[int, list[Made]]:
        """The next ones from a number on, and the number of the first of them: a higher one where some are gone."""
        begin = min(max(number, self.first), self.stop)
        return begin, self._kept[begin - self.first : begin - self.first + AT_ONCE]
