"""A sink that runs behind a bounded buffer, in a thread of its own, so that a slow one never holds up the loop."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from models.decision import Decision
from stream.loop import Sink

CAPACITY = 1024
"""Decisions that wait for a sink: several seconds even at the shortest hop."""

LEAVE_S = 2.0
"""How long the last decisions may take to be delivered at the end."""


class Missed(Exception):  # noqa: N818 - said of a decision, not of a program
    """Raised by a sink that could not deliver one decision and may well deliver the next."""


class Behind:
    """Hands decisions to another sink from a thread of its own.

    The loop never waits. Where ``capacity`` decisions are waiting already, the next one is left out and counted. What
    the sink raises (but ``Missed``) is raised again in the loop with the next decision, or by ``close``.

    Args:
        sink: is called by the thread alone.
        name: for people.
        capacity: how many decisions may wait.
        after: is called by the thread when everything has been delivered, to close a file or a socket.

    Attributes:
        name: for people.
        delivered: decisions that the sink has taken.
    """

    def __init__(
        self, sink: Sink, name: str, *, capacity: int = CAPACITY, after: Callable[[], object] | None = None
    ) -> None:
        self.name = name
        self.delivered = 0
        self._left_out = 0  # counted by the loop
        self._missed = 0  # counted by the thread
        self._sink, self._capacity, self._after = sink, capacity, after
        self._waiting: deque[Decision] = deque()
        self._news = threading.Event()
        self._leaving = self._in_hand = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=f"sink {name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Decisions that did not get through; with those delivered and those that wait, all there were."""
        return self._left_out + self._missed

    def __call__(self, decision: Decision) -> None:
        """Takes a decision; costs a few microseconds.

        Raises:
            BaseException: what the sink has raised; once, and whatever comes after it counts as dropped.
        """
        if self._error is not None or len(self._waiting) >= self._capacity or not self._thread.is_alive():
            self._left_out += 1
            self._raise()
            return
        self._waiting.append(decision)
        self._news.set()

    def close(self) -> None:
        """Waits until everything is delivered, at most ``LEAVE_S``; what is left then counts as dropped.

        Raises:
            BaseException: what the sink has raised and the loop has not seen.
        """
        self._leaving = True
        self._news.set()
        self._thread.join(LEAVE_S)
        # What the sink holds in its hands will not be waited for either.
        self._left_out += len(self._waiting) + (self._in_hand and self._thread.is_alive())
        self._waiting.clear()
        self._raise()

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

    def _hand_over(self, decision: Decision) -> None:
        self._in_hand = True
        try:
            self._sink(decision)
        except Missed:
            self._missed += 1
        except BaseException:
            self._missed += 1
            raise
        else:
            self.delivered += 1
        finally:
            self._in_hand = False
