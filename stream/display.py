"""The loop's end of the display: starts its process, writes the board, restores the terminal if that process dies."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Self

from devices.integrity import Integrity
from dsp.flow import Window
from models.decision import Decision
from stream.board import Board
from stream.latency import Stages
from stream.page import ABSTAINED, UNKNOWN, About
from stream.score import Score
from stream.trouble import Contacts, Trouble, in_words, no_trouble

REFRESH_S = 0.1
"""How often the latencies are summed up and the process is looked after."""

CONTACT_S = 0.5
"""How often the contacts are looked at: a channel is shown as flat while its flat samples have grown since then."""

LEAVE_S = 3.0
"""How long the process may take to end before it is killed."""

RESTORE = "\x1b[?1049l\x1b[?25h\x1b[0m"
"""Leave the alternate screen, show the cursor, plain colours (xterm control sequences): what a killed display owes."""


class Display:
    """A sink that shows decisions in another process while the ``with`` block lasts.

    Args:
        about: what does not change.
        truth: the true label of a stretch of the stream, or None.
        score: kept by a sink before this one.
        stages: kept by the loop.
        dropped: how many samples were lost so far.
        integrity: of the source, if what is amiss is to be shown.
        also: what else is amiss at present, in words; shown with it.
        missed: decisions that came late so far, and windows that were skipped.
    """

    def __init__(
        self,
        about: About,
        truth: Callable[[int, int], str | None],
        score: Score,
        stages: Stages,
        dropped: Callable[[], int],
        integrity: Integrity | None = None,
        also: Trouble = no_trouble,
        missed: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        self._truth, self._score, self._stages, self._dropped = truth, score, stages, dropped
        self._also, self._missed = also, missed
        self._index = {name: index for index, name in enumerate(about.names)}
        self._integrity = integrity
        self._contacts = None if integrity is None else Contacts(integrity, about.channels)
        self._latency = (float("nan"), float("nan"))
        self._due = self._look = 0.0
        self._restored = False
        self.board = Board(about)
        try:
            with _no_interrupt():
                self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                    [sys.executable, "-m", "stream.view", str(self.board.path)],
                    stdin=subprocess.PIPE,
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
        except BaseException:  # Ctrl-C that came meanwhile is raised here, with the process already there
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, window: Window) -> None:
        """Take note of the window that the next decision is about."""
        self.board.watch(window)

    def __call__(self, decision: Decision) -> None:
        """Show a decision."""
        self.refresh()
        truth = self._truth(decision.first, decision.end)
        late, skipped = self._missed()
        self.board.publish(
            decision.end,
            ABSTAINED if decision.label is None else self._index[decision.label],
            UNKNOWN if truth is None else self._index[truth],
            decision.confidence,
            decision.probabilities,
            p50_s=self._latency[0],
            p99_s=self._latency[1],
            dropped=self._dropped(),
            late=late,
            skipped=skipped,
            right=self._score.right,
            counted=self._score.counted,
        )

    def refresh(self) -> None:
        """Sum up and say what is amiss, if that is due; also to be called while no decisions come."""
        now = monotonic()
        if now < self._due:
            return
        self._due = now + REFRESH_S
        total = self._stages.total
        self._latency = (total.quantile(0.5), total.quantile(0.99))
        if self.process.poll() is not None:
            self._restore()
        if now >= self._look:
            self._tell(now)

    def _tell(self, now: float) -> None:
        if self._integrity is None or self._contacts is None:
            state, words = "", [self._also()]
        else:
            state = self._integrity.state
            words = [state, self._also(), in_words(self._integrity), self._contacts.in_words()]
        self._look = now + (0 if state else CONTACT_S)
        self.board.tell("; ".join(filter(None, words)), bool(state))

    def close(self) -> None:
        """End the process, restore the terminal if it could not, and remove the board; safe to call twice."""
        try:
            if hasattr(self, "process"):
                self._end_process()
        finally:  # also after another Ctrl-C
            self.board.close()

    def _end_process(self) -> None:
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone already
                self.process.stdin.close()
        try:
            self.process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._restore()

    def _restore(self) -> None:
        if self.process.returncode and not self._restored:
            self._restored = True
            sys.stdout.write(RESTORE)
            sys.stdout.flush()
            print("the display ended early; nothing else is lost", file=sys.stderr)


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Start a process that Ctrl-C does not reach: on POSIX it inherits the blocked signal, on Windows its own group."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
