"""Repetitions of gestures out of a stream that knows what is shown in it: labelled recordings, the simulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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

    @property
    def complete(self) -> bool:
        """Nothing more is wanted."""
        return not any(map(self.wants, self.labels))

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


def follow(
    arriving: Iterable[Chunk], info: StreamInfo, label: LabelOf, pipeline: Pipeline, takings: Takings
) -> Iterator[tuple[str, str, Listening]]:
    """Takes each stretch of one label that is wanted, until the stream ends.

    Args:
        arriving: the stream's chunks.
        info: of the stream.
        label: what a stretch of it shows.
        pipeline: fresh.
        takings: are added to.

    Yields:
        After each chunk: what is shown, the verdict on a repetition that has just ended ("fist: good", or why not; ""
            where none has), and the stream, of which at least the last second is remembered.
    """
    listening, shown, since = Listening(pipeline), "", 0

    def ended(end: int) -> str:
        if not takings.wants(shown):
            return ""
        return f"{shown}: {takings.take(shown, info, listening.between(since, end)) or 'good'}"

    for chunk in arriving:
        listening.feed(chunk)
        verdict = ""
        for first, now in changes(label, chunk.first, chunk.end, shown) if len(chunk.samples) else ():
            verdict = ended(first) or verdict
            shown, since = now, first
            listening.forget(first - round(info.rate_hz))
        if not takings.wants(shown):
            listening.forget(listening.end - round(info.rate_hz))
        yield shown, verdict, listening
    if verdict := ended(listening.end):
        yield shown, verdict, listening


def _listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
