"""Leads a person through a script and labels what is recorded meanwhile: rest, hold, rest, hold, ..., rest.

The stream's index is the clock: a prompt changes with a sample, so that labels are exact. A repetition is judged when
it ends, can be discarded until the next one begins, and goes to the recorder only then, with its label or without.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from devices.guiding.attempt import Attempt, Cause, judge
from devices.guiding.prompt import Prompt
from devices.guiding.prompts import Shows
from devices.guiding.quality import Held, complaint_at_rest
from devices.guiding.script import REACTION_S, Gesture, Script
from devices.guiding.sitting import sitting
from devices.guiding.tape import Tape
from devices.recorder.loop import OFFSET_EVERY_S, Progress, keep
from devices.watched import Watched

READY, RESTING, PAUSED = "get ready", "rest", "pause"
"""What is said before the first repetition, between two of them, and in a pause; whatever the labels are."""

BEHIND_S = 0.25
"""By how much a prompt may come after its sample. Where the stream has run on (a device was away), the next prompt
counts from the newest sample instead."""

CONTACT_S, LOOK_S = 1.0, 0.25
"""Of the latest signal, from which the contact of the electrodes is told, and how often."""

PAUSE_HELD_S = 60.0
"""How long into a pause the repetition before it can still be discarded: what is not settled is held in the memory."""

KEYS = "d discards the last one   space pauses   q ends it here"
PAUSED_KEYS = "d discards the last one   space goes on   q ends it here"


class _Ended(Exception):  # noqa: N818 - an end is no error
    """It ends before the script does; says why."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A repetition that is to be made."""

    gesture: Gesture
    number: int
    tried: int = 1


class Leader:
    """Leads through a script, once.

    Args:
        source: opened; read here and nowhere else.
        progress: kept up to date, as ``devices.recorder.loop.record`` does.
        script: what to do.
        show: takes the prompts.
        prompt: with task and title; the rest is filled in.
        pressed: gives the next key that was pressed, "" where there is none; None where there are no keys.
        ask: tells a source that can be told what is to be done.
        ending: somebody wants it to end.

    Attributes:
        attempts: all that were made, in order.
        given_up: repetitions that were no good in all tries, as their gestures.
        came_s: when each chunk came, by ``time.perf_counter``.
        ends: the stream index after each.
    """

    def __init__(
        self,
        source: Watched,
        progress: Progress,
        script: Script,
        show: Shows,
        prompt: Prompt,
        *,
        pressed: Callable[[], str] | None = None,
        ask: Callable[[str], object] = lambda _: None,
        ending: threading.Event,
    ) -> None:
        self.attempts: list[Attempt] = []
        self.given_up: list[str] = []
        self.came_s, self.ends = array("d"), array("q")
        self._source, self._progress, self._script = source, progress, script
        self._show, self._pressed, self._ask, self._ending = show, pressed, ask, ending
        self._rate_hz = source.info.rate_hz
        self._tape = Tape(progress.recorder, len(source.info.channels))
        self._due = deque(_Due(gesture, number) for number, gesture in enumerate(script.order(), 1))
        self._prompt = replace(
            prompt, channels=source.info.channels, total=len(self._due), keys="" if pressed is None else KEYS
        )
        self._next = self._looked = 0
        self._offset_due_s = 0.0
        self._pausing = self._discarding = False
        self._last: tuple[Attempt, _Due] | None = None

    def run(self) -> None:
        """Goes through the script; ``progress.ended`` says how it ended: ``done``, ``asked`` and so on.

        Raises:
            ValueError: the source fails; what came before is recorded.
        """
        try:
            self._prepare()
            rest = self._rest()
            while self._due:
                self._hold(self._due.popleft(), rest)
                rest = self._rest()
            self._progress.ended = "done"
        except _Ended as end:
            self._progress.ended = str(end)
        finally:
            self._progress.ended = self._progress.ended or "error"
            self._tape.settle()

    def _prepare(self) -> None:
        """Waits for the device, then for the person."""
        self._ask(RESTING)
        while self._progress.first is None:
            self._read()
            self._update(doing=READY, then=RESTING, words=self._script.words)
        self._next = self._progress.first
        if self._script.prepare_s:
            self._spend(self._begin(), self._script.prepare_s, lambda: self._pausing)

    def _rest(self) -> int:
        """A whole rest, after the pauses that are asked for; the sample at which it began."""
        while True:
            if self._pausing:
                self._pause()
            begin = self._begin()
            self._tape.forget(begin - round(CONTACT_S * self._rate_hz))
            self._tape.mark(begin, self._script.rest)
            self._note(doing=RESTING, active=False, words="let go", then=self._then())
            end = self._spend(begin, self._script.rest_s, lambda: self._pausing)
            if not self._pausing:
                break
        held = self._tape.between(begin + round(REACTION_S * self._rate_hz), end)
        if complaint_at_rest(Held(self._source.info, held.samples, held.lost)):
            self._tape.mark(begin, "")
        return begin

    def _pause(self) -> None:
        begin = self._tape.end
        self._tape.mark(begin, "")
        self._note(doing=PAUSED, active=False, words="", then=self._then(), length_s=0.0, left_s=-1.0)
        self._update(keys=PAUSED_KEYS)
        while self._pausing:
            self._read()
            self._tape.forget(self._tape.end - round(CONTACT_S * self._rate_hz))
            if self._tape.end - begin > PAUSE_HELD_S * self._rate_hz:
                self._settle(self._tape.end)
            self._update()
        self._next = self._tape.end
        self._note(keys=KEYS)

    def _hold(self, due: _Due, rest: int) -> None:
        self._settle(self._next)
        begin = self._begin()
        attempt = Attempt(due.gesture.name, due.number, due.tried, begin, begin)
        self.attempts.append(attempt)
        self._ask(attempt.gesture)
        self._tape.note(begin, f"prompt: {attempt.gesture}")
        self._ring(1)
        self._note(doing=attempt.gesture, active=True, words=due.gesture.words, then=RESTING)
        self._last = attempt, due
        try:
            attempt.end = self._spend(begin, self._script.hold_s, lambda: self._discarding)
        except BaseException:
            attempt.end = self._tape.end
            self._discard(attempt, Cause.END, "it ended before its time")
            raise
        finally:
            self._ask(RESTING)
        self._tape.mark(attempt.end, "")  # until the rest is announced
        self._ring(2)
        if self._discarding:
            self._refuse()
        else:
            self._judge(attempt, due, rest)

    def _judge(self, attempt: Attempt, due: _Due, rest: int) -> None:
        """Labels a repetition that has just ended, or has it made again."""
        judge(attempt, self._tape, self._source.info, rest)
        if attempt.onset is not None:
            self._tape.note(attempt.onset, f"muscle: {attempt.gesture}")
        if attempt.cause is None:
            self._tape.mark(attempt.first, attempt.gesture)
            self._note(verdict=f"{attempt.gesture}: good", good=True, done=self._prompt.done + 1)
            return
        self._discard(attempt, attempt.cause, attempt.reason)
        again = due.tried < self._script.tries
        if again:
            self._due.appendleft(replace(due, tried=due.tried + 1))
        else:
            self.given_up.append(attempt.gesture)
            self._note(done=self._prompt.done + 1)
        more = (
            f"try {due.tried + 1} of {self._script.tries}, once more" if again else f"left out after {due.tried} tries"
        )
        self._note(verdict=f"{attempt.gesture}: {attempt.reason} ({more})", good=False)

    def _refuse(self) -> None:
        """The person does not want the last repetition, of which nothing is settled; it is made again."""
        self._discarding = False
        if self._last is None or not self._last[0].good:
            return
        attempt, due = self._last
        if self._prompt.doing != attempt.gesture or not self._prompt.active:  # it had been counted
            self._note(done=self._prompt.done - 1)
        self._discard(attempt, Cause.PERSON, "the person discarded it")
        self._due.appendleft(due)
        self._note(verdict=f"{attempt.gesture}: discarded, once more", good=False, then=self._then())

    def _discard(self, attempt: Attempt, cause: Cause, reason: str) -> None:
        attempt.discard(cause, reason)
        self._tape.mark(attempt.first, "")
        self._tape.note(attempt.first, f"discarded: {attempt.gesture}: {reason}")

    def _settle(self, before: int) -> None:
        """What lies before a sample is final."""
        self._tape.settle(before)
        self._last = None

    def _then(self) -> str:
        return self._due[0].gesture.name if self._due else "the end"

    def _begin(self) -> int:
        """The sample with which what comes next begins."""
        return self._tape.end if self._tape.end - self._next > BEHIND_S * self._rate_hz else self._next

    def _spend(self, begin: int, seconds: float, cut: Callable[[], bool]) -> int:
        """Shows what was noted for so long, or until it is cut short; the sample after it."""
        end = begin + round(seconds * self._rate_hz)
        self._update(length_s=seconds, left_s=seconds)
        while self._tape.end < end and not cut():
            self._read()
            self._update(left_s=min(max(end - self._tape.end, 0) / self._rate_hz, seconds))
        self._next = max(begin, self._tape.end) if cut() else end
        return self._next

    def _read(self) -> None:
        self._hear_keys()
        chunk = self._source.read()
        if chunk is None:
            raise _Ended("end of the stream")
        now = time.perf_counter()
        keep(chunk, now, self._tape, self._progress)
        recorder = self._progress.recorder
        if len(chunk.samples):
            self.came_s.append(now)
            self.ends.append(chunk.end)
            if now >= self._offset_due_s:
                recorder.offset(now, self._source.integrity.clock_offset_s)
                self._offset_due_s = now + OFFSET_EVERY_S
        if recorder.state:
            raise _Ended("error")
        if self._ending.is_set():
            raise _Ended("asked")
        if self._tape.end - self._looked >= LOOK_S * self._rate_hz:
            self._looked = self._tape.end
            latest = self._tape.between(self._tape.end - round(CONTACT_S * self._rate_hz), self._tape.end)
            self._prompt = sitting(self._prompt, latest.samples, self._source.info)

    def _hear_keys(self) -> None:
        while self._pressed is not None and (key := self._pressed().lower()):
            if key == "q":
                raise _Ended("asked")
            if key in {" ", "p"}:
                self._pausing = not self._pausing
            elif key == "d" and self._prompt.active:
                self._discarding = True  # ends the hold
            elif key == "d":
                self._refuse()

    def _ring(self, times: int) -> None:
        if self._script.beeps:
            self._note(bell=self._prompt.bell + 1, rings=times)

    def _note(self, **changed: object) -> None:
        """What the next prompt says."""
        self._prompt = replace(self._prompt, **changed)  # type: ignore[arg-type]

    def _update(self, **changed: object) -> None:
        self._note(trouble=self._source.integrity.state, **changed)
        self._show(self._prompt)
