"""A guided calibration: rest, hold, rest, hold, each judged as soon as it ends and repeated where it was no good.

The stream's index is the clock: a prompt changes with a sample, so that what was held when is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from devices.guiding.leading import BEHIND_S, CONTACT_S, LOOK_S
from devices.guiding.prompt import Prompt
from devices.guiding.prompts import Shows
from devices.guiding.script import REACTION_S
from devices.guiding.sitting import sitting
from devices.watched import Watched
from dsp.flow import Chunk, StreamInfo
from dsp.ring import Ring
from models.repetition import Doubt, Repetition
from stream.acquire import chunks
from stream.listening import Listening, Stretch
from stream.taking import Takings

REST = "rest"
"""What is said between two gestures, whatever the checkpoint calls it."""

TRIES = 3
"""At one repetition, before it is given up."""

DoubtIn = Callable[[Sequence[Repetition]], Sequence[Doubt]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        order: gestures, one for each repetition.
        hold_s: seconds of each.
        rest_s: seconds of rest before each.
    """

    order: tuple[str, ...]
    hold_s: float
    rest_s: float

    @property
    def seconds(self) -> float:
        """How long it takes where nothing is repeated."""
        return len(self.order) * (self.hold_s + self.rest_s)


def planned(gestures: Sequence[str], repetitions: int, hold_s: float, rest_s: float, seed: int) -> Plan:
    """Every gesture once in each round, in an order that is new in each; none twice in a row if there are others."""
    random = np.random.default_rng(seed)
    order: list[str] = []
    for _ in range(repetitions):
        round_of = [gestures[place] for place in random.permutation(len(gestures))]
        if order and round_of[0] == order[-1]:
            round_of.append(round_of.pop(0))
        order += round_of
    return Plan(tuple(order), hold_s, rest_s)


def _contact(prompt: Prompt, listening: Listening, info: StreamInfo) -> Prompt:
    """With how the electrodes sit at present."""
    latest = listening.between(listening.end - round(CONTACT_S * info.rate_hz), listening.end)
    return sitting(prompt, latest.samples, info)


class Guide:
    """Leads through a plan.

    Args:
        source: is read elsewhere; for its description and its integrity.
        ring: where its samples come in.
        listening: is fed with them.
        takings: are added to.
        show: takes the prompts.
        prompt: with the title; the rest is filled in.
        ask: tells a source that can be told what is to be done.
    """

    def __init__(
        self,
        source: Watched,
        ring: Ring,
        listening: Listening,
        takings: Takings,
        show: Shows,
        prompt: Prompt,
        ask: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._source, self._ring, self._arriving = source, ring, chunks(ring, idle=self._update)
        self._listening, self._takings, self._show, self._ask = listening, takings, show, ask
        self._rate_hz = source.info.rate_hz
        self._prompt = replace(prompt, channels=source.info.channels)
        self._next = self._looked = 0

    def run(self, plan: Plan, doubts: DoubtIn) -> None:
        """Goes through the plan; then what is doubtful among the takings is held once more.

        Args:
            plan: what to do.
            doubts: looks at all repetitions together.

        Raises:
            ValueError: a repetition was no good in ``TRIES`` tries, or the device is gone.
        """
        self._prompt = replace(self._prompt, total=len(plan.order), doing=REST)
        self._next = self._read().first
        for gesture in plan.order:
            self._until_good(gesture, plan)
        for _ in range(TRIES - 1):
            self._update(doing="looking", active=False, then="", length_s=0.0, left_s=-1.0)
            found = doubts(tuple(self._takings.repetitions))
            if not found:
                return
            self._once_more(found, plan)

    def _once_more(self, found: Sequence[Doubt], plan: Plan) -> None:
        """Holds again what is doubtful; rest that is has been taken anew by then."""
        kept, out = self._takings.repetitions, {doubt.number for doubt in found}
        for doubt in found:
            self._takings.refused.append((doubt.gesture, doubt.reason))
        self._takings.repetitions = [each for place, each in enumerate(kept) if place not in out]
        gestures = [doubt for doubt in found if doubt.gesture != self._takings.rest]
        self._update(done=len(plan.order) - len(gestures))
        for doubt in gestures:
            self._update(verdict=f"{doubt.gesture}: {doubt.reason}", good=False)
            self._until_good(doubt.gesture, plan)

    def _until_good(self, gesture: str, plan: Plan) -> None:
        words = ""
        for tried in range(1, TRIES + 1):
            words = self._hold(gesture, plan)
            if not words:
                self._update(verdict=f"{gesture}: good", good=True, done=self._prompt.done + 1)
                return
            again = f" (try {tried + 1} of {TRIES}, once more)" if tried < TRIES else ""
            self._update(verdict=f"{gesture}: {words}{again}", good=False)
        raise ValueError(f"{gesture!r} was no good in {TRIES} tries, and nothing was written: {words}")

    def _hold(self, gesture: str, plan: Plan) -> str:
        """One rest and one gesture; what is wrong with the latter."""
        takings, info = self._takings, self._source.info
        before = self._spend(plan.rest_s, doing=REST, active=False, then=gesture)
        if takings.rest:
            takings.take(takings.rest, info, before)
        held = self._spend(plan.hold_s, doing=gesture, active=True, then=REST)
        return takings.take(gesture, info, held, before)

    def _spend(self, seconds: float, *, doing: str, active: bool, then: str) -> Stretch:
        """Prompts for so long; what was held after the time to react."""
        listening = self._listening
        newest = listening.end + self._ring.waiting
        first = newest if newest - self._next > BEHIND_S * self._rate_hz else self._next
        end = self._next = first + round(seconds * self._rate_hz)
        self._ask(doing)
        self._update(doing=doing, active=active, then=then, length_s=seconds, left_s=seconds)
        while listening.end < end:
            self._read()
            self._update(left_s=min(max(end - listening.end, 0) / self._rate_hz, seconds))
        held = listening.between(first + round(REACTION_S * self._rate_hz), end)
        listening.forget(end - round(CONTACT_S * self._rate_hz))
        return held

    def _read(self) -> Chunk:
        chunk = next(self._arriving, None)
        if chunk is None:
            raise ValueError(
                f"{self._source.info.name!r} ended before every gesture was taken; nothing was written. Start it again"
            )
        self._listening.feed(chunk)
        if self._listening.end - self._looked >= LOOK_S * self._rate_hz:
            self._looked = self._listening.end
            self._prompt = _contact(self._prompt, self._listening, self._source.info)
        return chunk

    def _update(self, **changed: object) -> None:
        self._prompt = replace(self._prompt, trouble=self._source.integrity.state, **changed)  # type: ignore[arg-type]
        self._show(self._prompt)
