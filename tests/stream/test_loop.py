from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.integrity import Integrity
from devices.recording import Recording
from devices.replay import Replay
from devices.source import Source
from dsp.design import DspSpec
from dsp.flow import Chunk, StreamInfo, Window
from dsp.pipeline import Pipeline
from models.classifier import Classifier
from models.decision import Decide, Decision
from stream.latency import Stages
from stream.loop import check_match, run
from stream.play import Tally, play
from stream.score import Score
from stream.sinks import JsonLines
from tests.stream.conftest import HOP, WINDOW


class Cut:
    """A recording in chunks of given lengths, over and over; without stamps, like a file that is read at once."""

    def __init__(self, recording: Recording, lengths: Sequence[int]) -> None:
        self._recording, self._lengths, self._at, self._turn = recording, lengths, 0, 0
        self.integrity = Integrity(len(recording.info.channels))

    @property
    def info(self) -> StreamInfo:
        return self._recording.info

    def read(self) -> Chunk | None:
        if self._at == len(self._recording.samples):
            return None
        first = self._at
        self._at = min(first + self._lengths[self._turn % len(self._lengths)], len(self._recording.samples))
        self._turn += 1
        return Chunk(self._recording.samples[first : self._at], first)

    def close(self) -> None:
        """Nothing to leave."""


def lines(source: Source, recording: Recording, classifier: Classifier, ring_samples: int | None) -> tuple[str, Tally]:
    tally = Tally(Score(classifier.labels, recording.names), truth=recording.label)
    out = io.StringIO()
    sink = JsonLines(out, classifier.labels, recording.label)
    play(source, Pipeline(classifier.design), classifier, tally, [sink], ring_samples=ring_samples)
    return out.getvalue(), tally


@pytest.fixture(scope="module")
def expected(recording: Recording, classifier: Classifier) -> str:
    return lines(Replay(recording, None), recording, classifier, None)[0]


@settings(deadline=None, max_examples=12)
@given(
    lengths=st.lists(st.integers(0, 700), min_size=1, max_size=6).filter(any),
    threaded=st.booleans(),
)
def test_decisions_do_not_depend_on_the_chunks_nor_on_the_thread(
    recording: Recording, classifier: Classifier, expected: str, lengths: list[int], threaded: bool
) -> None:
    ring_samples = len(recording.samples) if threaded else None
    found, tally = lines(Cut(recording, lengths), recording, classifier, ring_samples)
    assert found == expected
    assert tally.dropped() == 0


@pytest.mark.parametrize("speed", [40.0, 1000.0])
def test_decisions_do_not_depend_on_the_speed(
    recording: Recording, classifier: Classifier, expected: str, speed: float
) -> None:
    found, _ = lines(Replay(recording, speed), recording, classifier, len(recording.samples))
    assert found == expected


def test_exactly_one_decision_for_each_hop(recording: Recording, classifier: Classifier, expected: str) -> None:
    count = (len(recording.samples) - WINDOW) // HOP + 1
    _, tally = lines(Replay(recording, None), recording, classifier, None)
    assert len(expected.splitlines()) == tally.decisions == tally.score.counted == count
    assert [histogram.count for histogram in tally.stages.named().values()] == [count] * 5
    assert tally.end == WINDOW + (count - 1) * HOP


class Grid:
    """Windows of one channel whose content is their own index."""

    def feed(self, chunk: Chunk) -> Iterator[Window]:
        for end in range(chunk.first + 1, chunk.end + 1):
            yield Window(chunk.samples[end - chunk.first - 1 : end - chunk.first], end - 1, end)


def test_every_sink_has_every_decision_in_order() -> None:
    first: list[Decision] = []
    second: list[Decision] = []
    watched: list[int] = []
    chunks = [Chunk(np.zeros((n, 1), np.float32), at) for at, n in ((0, 2), (2, 0), (2, 3))]
    stages = Stages()
    made = run(
        chunks,
        Grid(),
        lambda window: np.array([1, window.end], np.float32),
        lambda probabilities, window: Decision("a", float(probabilities[1]), probabilities, window.first, window.end),
        [first.append, second.append],
        stages=stages,
        watch=lambda window: watched.append(window.end),
    )
    assert made == 5
    assert [decision.end for decision in first] == [1, 2, 3, 4, 5] == watched
    assert [decision.confidence for decision in second] == [1, 2, 3, 4, 5]
    assert stages.total.count == 5


def test_latency_counts_from_the_arrival_where_it_is_known(recording: Recording, classifier: Classifier) -> None:
    pipeline = Pipeline(classifier.design)
    stages = Stages()
    samples = recording.samples[:WINDOW]
    run(
        [Chunk(samples, 0, np.full(WINDOW, -1000.0))],
        pipeline,
        classifier,
        Decide(classifier.labels),
        [],
        stages=stages,
    )
    assert stages.window.max > 1000


@pytest.mark.parametrize(
    ("channels", "rate_hz", "sentence"),
    [
        (
            8,
            250.0,
            "'x' streams 8 channels at 250 Hz, but this checkpoint was trained on 8 at 500 Hz; train one with dsp.",
        ),
        (7, 500.0, "'x' streams 7 channels at 500 Hz, .* train one on 7 channels, or pass a recording of 8 at 500 Hz"),
    ],
)
def test_a_stream_that_does_not_fit_is_refused(channels: int, rate_hz: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_match(StreamInfo("x", rate_hz, tuple("abcdefgh"[:channels])), DspSpec(500.0, band_hz=(20.0, 200.0)))
