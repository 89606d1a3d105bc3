"""A sink that runs behind a bounded buffer, in a thread of its own, so that a slow one never holds up the loop."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from models.decision import Decision
from stream.loop import Sink

CAPACITY = 1024
"""Decisions that wait for a sink: several seconds even at the shortest hop."""

SPARE = 64
"""Markers and pauses that find room behind so many decisions: a person makes few, and none should be lost."""

LEAVE_S = 2.0
"""How long the last decisions may take to be delivered at the end."""

PATIENT_S = 6.0
"""How long a sink may take for one decision at the end where nothing may be left out."""

OVER_S = 2.0
"""For how long everything must have been delivered until a sink counts as well again."""

SLOW = "it is too slow"


class Missed(Exception):  # noqa: N818 - said of a decision, not of a program
    """Raised by a sink that could not deliver one decision and may well deliver the next.

    Args:
        why: for people.
        before: decisions that it took before, and that turned out not to have arrived.
    """

    def __init__(self, why: str = "", before: int = 0) -> None:
        super().__init__(why)
        self.before = before


class Mark(NamedTuple):
    """A marker on its way to a sink: the index of its sample, and what it says."""

    at: int
    text: str


class Pause(NamedTuple):
    """The beginning of a pause, or its end."""

    paused: bool


class Behind:
    """Hands decisions, markers and pauses to another sink from a thread of its own, in their order.

    The loop never waits, unless ``wait`` says so. Where ``capacity`` decisions are waiting already, the next one is
    left out and counted. What the sink raises (but ``Missed``) is raised again in the loop with the next decision, or
    by ``close``.

    Args:
        sink: is called by the thread alone.
        name: for people.
        capacity: how many decisions may wait.
        after: is called by the thread when everything has been delivered, to close a file or a socket.
        mark: is called by the thread with the index and the text of each marker, if given.
        pause: is called by the thread with True when a pause begins and False when it ends, if given.
        wait: wait for room instead of leaving a decision out: for a run in which time has no meaning.

    Attributes:
        name: for people.
        delivered: decisions that the sink has taken.
        why: why the last one of those that are missing did not get through; "" where none is missing.
    """

    def __init__(
        self,
        sink: Sink,
        name: str,
        *,
        capacity: int = CAPACITY,
        after: Callable[[], object] | None = None,
        mark: Callable[[int, str], object] | None = None,
        pause: Callable[[bool], object] | None = None,
        wait: bool = False,
    ) -> None:
        self.name = name
        self.delivered = 0
        self.why = ""
        self._left_out = 0  # counted by the loop
        self._missed = 0  # counted by the thread
        self._well_since = -OVER_S
        self._sink, self._capacity, self._after, self._waits = sink, capacity, after, wait
        self._mark, self._pause = mark, pause
        self._waiting: deque[Decision | Mark | Pause] = deque()
        self._news, self._room = threading.Event(), threading.Event()
        self._leaving = self._in_hand = self._amiss = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=f"sink {name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Decisions that did not get through; with those delivered and those that wait, all there were."""
        return self._left_out + self._missed

    def trouble(self) -> str:
        """What is amiss at present, in words; "" where decisions get through."""
        return f"{self.name}: {self.why}" if self._amiss else ""

    def __call__(self, decision: Decision) -> None:
        """Takes a decision; costs a few microseconds.

        Raises:
            BaseException: what the sink has raised; once, and whatever comes after it counts as dropped.
        """
        while self._waits and len(self._waiting) >= self._capacity and self._works():
            self._room.clear()
            self._room.wait(0.01)
        if len(self._waiting) >= self._capacity or not self._works():
            self._left_out += 1
            if self._works():
                self._note(SLOW)
            self._raise()
            return
        self._waiting.append(decision)
        self._news.set()

    def mark(self, index: int, text: str) -> None:
        """Takes a marker, which follows the decisions before it.

        Args:
            index: of the sample it belongs to.
            text: what it says.
        """
        if self._mark is not None:
            self._take(Mark(index, text))

    def pause(self, paused: bool) -> None:
        """Takes note that a pause begins, or ends; it follows the decisions before it."""
        if self._pause is not None:
            self._take(Pause(paused))

    def close(self) -> None:
        """Waits until everything is delivered, at most ``LEAVE_S``; what is left then counts as dropped.

        Where it waits for room, it waits here as well, for as long as the sink takes a decision each ``PATIENT_S``.

        Raises:
            BaseException: what the sink has raised and the loop has not seen.
        """
        self._leaving = True
        self._news.set()
        before = -1
        while self._waits and self._thread.is_alive() and self.delivered + self._missed != before:
            before = self.delivered + self._missed
            self._thread.join(PATIENT_S)
        self._thread.join(LEAVE_S)
        # What the sink holds in its hands will not be waited for either.
        left = sum(isinstance(item, Decision) for item in self._waiting)
        self._left_out += left + (self._in_hand and self._thread.is_alive())
        self._waiting.clear()
        self.why = self.why or (SLOW if self.dropped else "")
        self._raise()

    def _works(self) -> bool:
        return self._error is None and self._thread.is_alive()

    def _take(self, item: Mark | Pause) -> None:
        if len(self._waiting) < self._capacity + SPARE and self._works():
            self._waiting.append(item)
            self._news.set()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        try:
            self._deliver()
        except BaseException as error:  # whatever it is, it belongs to the loop
            self._error = error
        try:
            if self._after is not None:
                self._after()
        except BaseException as error:  # a full disk says so once more when its file is closed
            self._error = self._error or error

    def _deliver(self) -> None:
        while not self._leaving or self._waiting:
            self._news.wait()
            self._news.clear()
            while self._waiting:
                self._hand_over(self._waiting.popleft())
                self._room.set()

    def _hand_over(self, item: Decision | Mark | Pause) -> None:
        if isinstance(item, Decision):
            self._decide(item)
            return
        try:
            if isinstance(item, Mark):
                if self._mark is not None:
                    self._mark(item.at, item.text)
            elif self._pause is not None:
                self._pause(item.paused)
        except Missed as error:
            self._note(str(error))

    def _decide(self, decision: Decision) -> None:
        self._in_hand = True
        try:
            self._sink(decision)
        except Missed as error:
            before = min(error.before, self.delivered)
            self.delivered -= before
            self._missed += 1 + before
            self._note(str(error))
        except BaseException:
            self._missed += 1
            raise
        else:
            self.delivered += 1
            if self._amiss and monotonic() - self._well_since >= OVER_S:
                self._amiss = False
        finally:
            self._in_hand = False

    def _note(self, why: str) -> None:
        self.why = why or self.why or SLOW
        self._well_since = monotonic()
        self._amiss = True
