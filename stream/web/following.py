"""Following a board: what is newest, and a log of all that went by."""

from __future__ import annotations

import asyncio
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from stream.board import Reader
from stream.margin import EVENTS
from stream.page import Page
from stream.sitting import Sitting
from stream.web.decisions import Decisions
from stream.web.spectrum import mains, spectrum

WATCHED_S, ALONE_S = 1 / 60, 1 / 10
"""How often the board is looked at, while somebody watches and while nobody does."""

LOOK_S = 0.25
"""How often the raw signal and the latencies are looked at, while somebody watches; contacts half as often."""

FAST = 8.0
"""Times real time from which on the board may turn over too soon for a look ten times a second."""

KEPT = 500
"""Events that are kept."""


class Follower:
    """What a browser is shown, as of the last look.

    Args:
        reader: of the board.

    Attributes:
        page: the newest, None before the first.
        decisions: all of the run.
        events: ``(number, at, text)``, the latest ``KEPT``.
        contacts: a word for each channel; empty before the first look.
        spectrum: ``(BINS, C)``.
        mains: 50, 60 or 0.
        latency: counts, see ``stream.margin.bin_edges_s``.
        looks: counts the looks at the raw signal.
        viewers: how many watch.
        ended: the run is over.
        calibrating: only for a calibration, and another follows.
    """

    def __init__(self, reader: Reader) -> None:
        self.about = reader.about
        self._reader = reader
        self._sitting = Sitting(reader)
        self.page: Page | None = None
        self.decisions = Decisions()
        self.events: list[tuple[int, int, str]] = []
        self._told = 0
        self._notice = ""
        self.contacts: tuple[str, ...] = ()
        self.spectrum: NDArray[np.float32] | None = None
        self.mains = 0
        self.latency: list[int] = []
        self.looks = 0
        self._look = 0.0
        self.viewers = 0
        self.ended = self.calibrating = False
        self._news = asyncio.Event()

    async def follow(self, ended: asyncio.Event) -> None:
        """Look until the run is over, and once more after it."""
        every = WATCHED_S if self.about.speed == 0 or self.about.speed > FAST else ALONE_S
        while not ended.is_set():
            self.look()
            pause = WATCHED_S if self.viewers else every
            try:
                await asyncio.wait_for(ended.wait(), pause)
            except TimeoutError:
                continue
        self.look()
        self.ended, self.calibrating = True, self._reader.margin.calibrating
        self._tell()

    async def news(self, longest_s: float) -> None:
        """Wait for something new, but no longer than so many seconds."""
        waiting = self._news
        try:
            await asyncio.wait_for(waiting.wait(), longest_s)
        except TimeoutError:
            return

    def look(self) -> None:
        """See what is new on the board."""
        before = self.page
        page = self._reader.read()
        if page is not None:
            self.page = page
            self.decisions.see(page)
            self._notices(page)
        for event in self._reader.margin.events(self._told):
            self._told = event.number + 1
            self.note(event.at, event.text)
        looked = monotonic() >= self._look and bool(self.viewers)
        if looked:
            self._look = monotonic() + LOOK_S
            self._listen()
        if looked or (page is not None and _differs(before, page)):
            self._tell()

    def note(self, at: int, text: str) -> None:
        """Something happened."""
        number = self.events[-1][0] + 1 if self.events else 0
        self.events.append((number, at, text))
        if len(self.events) > KEPT + EVENTS:
            del self.events[:EVENTS]

    def say(self, text: str) -> None:
        """Something happened at present."""
        self.note(0 if self.page is None else self.page.end, text)

    def _notices(self, page: Page) -> None:
        """A notice becomes an event when it begins and when it is over; what it counts meanwhile does not."""
        if bool(page.notice) != bool(self._notice):
            self.note(page.end, page.notice or f"over: {self._notice}")
        self._notice = page.notice

    def _listen(self) -> None:
        self.looks += 1
        self.latency = self._reader.margin.latency().tolist()
        samples = self._reader.margin.heard()[1]
        if not len(samples):
            return
        rate_hz = self.about.rate_hz
        self.spectrum = spectrum(samples, rate_hz)
        if self.looks % 2:
            self.contacts = self._sitting.states(monotonic())
            self.mains = mains(samples, rate_hz)

    def _tell(self) -> None:
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()


def _differs(before: Page | None, page: Page) -> bool:
    return before is None or (before.decisions, before.paused, before.notice, before.waiting) != (
        page.decisions,
        page.paused,
        page.notice,
        page.waiting,
    )
