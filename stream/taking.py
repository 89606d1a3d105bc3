"""Repetitions of gestures: judged, kept, and cut out of a stream that knows what is shown in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from devices.guiding.quality import Held, complaint, complaint_at_rest
from devices.recorder.loop import LabelOf, changes
from dsp.flow import Chunk, StreamInfo
from dsp.pipeline import Pipeline
from models.repetition import Repetition
from stream.listening import Listening, Stretch

AT_LEAST = 3
"""Windows in a repetition: one alone says nothing of how a gesture varies."""


@dataclass(slots=True)
class Takings:
    """What was taken so far.

    Attributes:
        labels: of the checkpoint.
        rest: the label that is no gesture, or "".
        most: repetitions of each label; None for all there are.
        repetitions: those that can be used.
        refused: gesture and reason of each that cannot.
    """

    labels: tuple[str, ...]
    rest: str = ""
    most: int | None = None
    repetitions: list[Repetition] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        """Usable repetitions of each gesture."""
        return Counter(repetition.gesture for repetition in self.repetitions)

    def wants(self, gesture: str) -> bool:
        """Whether one more repetition of it is of use."""
        return gesture in self.labels and (self.most is None or self.counts()[gesture] < self.most)

    def take(self, gesture: str, info: StreamInfo, stretch: Stretch, before: Stretch | None = None) -> str:
        """Judges a stretch and keeps it, if it can be used.

        Args:
            gesture: that was shown in it.
            info: of the stream.
            stretch: that was held.
            before: the rest before it, where one is known.

        Returns:
            What is wrong with it, "" where nothing is.
        """
        held = Held(info, stretch.samples, stretch.lost, None if before is None else before.samples)
        words = complaint_at_rest(held) if gesture == self.rest else complaint(held)
        if not words and len(stretch.windows) < AT_LEAST:
            words = (
                f"it holds {len(stretch.windows)} whole windows, and {AT_LEAST} are needed; hold the gesture longer, "
                "and see that no samples are lost"
            )
        if words:
            self.refused.append((gesture, words))
        else:
            self.repetitions.append(Repetition(gesture, stretch.windows))
        return words

    def check(self, name: str) -> None:
        """Makes sure that every gesture of the checkpoint was taken.

        Args:
            name: of the source, for the sentence.

        Raises:
            ValueError: one was not; it lists them, and what was wrong with those there were.
        """
        counts = self.counts()
        if missing := [label for label in self.labels if not counts[label]]:
            raise ValueError(
                f"there is no usable repetition of {_listed([self._missed(label) for label in missing])} in {name}; "
                "a calibration needs each gesture of the checkpoint at least once"
            )

    def _missed(self, label: str) -> str:
        reasons = [words for gesture, words in self.refused if gesture == label]
        return f"{label!r} ({reasons[-1]})" if reasons else f"{label!r}"


def follow(arriving: Iterable[Chunk], info: StreamInfo, label: LabelOf, pipeline: Pipeline, takings: Takings) -> None:
    """Takes each stretch of one label that is wanted, until the stream ends.

    Args:
        arriving: the stream's chunks.
        info: of the stream.
        label: what a stretch of it shows.
        pipeline: fresh.
        takings: are added to.
    """
    listening, shown, since = Listening(pipeline), "", 0

    def ended(end: int) -> None:
        if takings.wants(shown):
            takings.take(shown, info, listening.between(since, end))

    for chunk in arriving:
        listening.feed(chunk)
        for first, now in changes(label, chunk.first, chunk.end, shown) if len(chunk.samples) else ():
            ended(first)
            shown, since = now, first
            listening.forget(first)
        if not takings.wants(shown):
            listening.forget(listening.end)
    ended(listening.end)


def _listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
