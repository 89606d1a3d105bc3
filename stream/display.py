"""The loop's end of the display: starts its process, writes the board."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Self

from devices.guiding.painter import Painter
from devices.integrity import Integrity
from dsp.flow import Chunk, Window
from models.decision import Decision
from stream.board import Board
from stream.controls import Controls, Recalibrate
from stream.latency import Stages
from stream.page import ABSTAINED, UNKNOWN, About
from stream.score import Score
from stream.trouble import Contacts, Trouble, in_words, no_trouble

REFRESH_S = 0.1
"""How often the latencies are summed up and the process is looked after."""

CONTACT_S = 0.5
"""How often the contacts are looked at: a channel is shown as flat while its flat samples have grown since then."""


def on_terminal(board: Path) -> Sequence[Painter]:
    """The process that draws on the terminal."""
    return [Painter("stream.view", str(board))]


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
        controls: what the keys of the display do, if it has any.
        painters: starts the processes that show the board.
        tell_address: is told once where the page is, if there is one.
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
        controls: Controls | None = None,
        painters: Callable[[Path], Sequence[Painter]] = on_terminal,
        tell_address: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._truth, self._score, self._stages, self._dropped = truth, score, stages, dropped
        self._also, self._missed = also, missed
        self._index = {name: index for index, name in enumerate(about.names)}
        self._integrity = integrity
        self._contacts = None if integrity is None else Contacts(integrity, about.channels)
        self._latency = (float("nan"), float("nan"))
        self._due = self._look = 0.0
        self._controls = controls
        self._end = 0
        self._tell_address: Callable[[str], object] | None = tell_address
        self._painters: Sequence[Painter] = ()
        self.board = Board(about)
        try:
            self._painters = painters(self.board.path)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.board.margin.calibrating = kind is Recalibrate
        self.close()

    def hear(self, chunk: Chunk) -> None:
        """Take note of samples as they came; called by the acquisition thread, never waits."""
        self.board.margin.hear(chunk)

    def watch(self, window: Window) -> None:
        """Take note of the window that the next decision is about."""
        self.board.watch(window)

    def __call__(self, decision: Decision) -> None:
        """Show a decision."""
        self._end = decision.end
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
        self.board.margin.time(total)
        for painter in self._painters:
            painter.look()
        if self._tell_address is not None and (address := self.board.margin.address):
            self._tell_address(address)
            self._tell_address = None
        if now >= self._look:
            self._tell(now)
        self._obey()

    def _obey(self) -> None:
        """Does what the keys say that were pressed on the display."""
        if self._controls is None:
            return
        for key in self.board.margin.take_keys():
            if done := self._controls.press(key, max(self._end - 1, 0)):
                self.board.margin.note(self._end, done)
        self.board.pause(self._controls.paused)

    def _tell(self, now: float) -> None:
        if self._integrity is None or self._contacts is None:
            state, words = "", [self._also()]
        else:
            state = self._integrity.state
            words = [state, self._also(), in_words(self._integrity), self._contacts.in_words()]
        self._look = now + (0 if state else CONTACT_S)
        self.board.tell("; ".join(filter(None, words)), bool(state))

    def close(self) -> None:
        """End the processes, restore the terminal if it could not, and remove the board; safe to call twice."""
        try:
            for painter in self._painters:
                painter.dismiss()
            for painter in self._painters:
                painter.close()
        finally:  # also after another Ctrl-C
            self.board.close()
