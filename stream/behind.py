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


class Behind:
    """Hands decisions to another sink from a thread of its own.

    The loop never waits. Where ``capacity`` decisions are waiting already, the next one is left out and counted. What
    the sink raises is raised again in the loop with the next decision, or by ``close``.

    Args:
        sink: is called by the thread alone.
        name: for people.
        capacity: how many decisions may wait.
        after: is called by the thread when everything has been delivered, to close a file or a socket.

    Attributes:
        name: for people.
        delivered: decisions that the sink has taken.
        dropped: decisions that were left out.
    """

    def __init__(
        self, sink: Sink, name: str, *, capacity: int = CAPACITY, after: Callable[[], object] | None = None
    ) -> None:
        self.name = name
        self.delivered = 0
        self.dropped = 0
        self._sink, self._capacity, self._after = sink, capacity, after
        self._waiting: deque[Decision] = deque()
        self._news = threading.Event()
        self._leaving = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._deliver, name=f"sink {name}", daemon=True)
        self._thread.start()

    def __call__(self, decision: Decision) -> None:
        """Takes a decision; costs a few microseconds.

        Raises:
            BaseException: what the sink has raised; once, and whatever comes after it counts as dropped.
        """
        self._raise()
        if len(self._waiting) >= self._capacity or not self._thread.is_alive():
            self.dropped += 1
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
        self.dropped += len(self._waiting)
        self._waiting.clear()
        self._raise()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            self.dropped += 1
            raise error

    def _deliver(self) -> None:
        try:
            while not self._leaving or self._waiting:
                self._news.wait()
                self._news.clear()
                while self._waiting:
                    self._sink(self._waiting.popleft())
                    self.delivered += 1
        except BaseException as error:  # whatever it is, it belongs to the loop
            self._error = error
        finally:
            if self._after is not None:
                self._after()
