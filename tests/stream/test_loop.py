from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from math import nan
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from devices.integrity import Integrity
from devices.recording import Recording
from devices.replay import Replay
from devices.source import Source
from devices.watched import Watched
from dsp.design import DspSpec
from dsp.flow import Chunk, StreamInfo, Window
from dsp.pipeline import Pipeline
from models.classifier import Classifier
from models.decision import Decide, Decision
from stream.latency import LEGS, Stages
from stream.loop import check_match, run
from stream.pace import Pace
from stream.play import Tally, play
from stream.score import Score
from stream.sinks import JsonLines, unknown
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
    counted = {name: histogram.count for name, histogram in tally.stages.named().items()}
    assert counted == dict.fromkeys(LEGS, count) | {"device -> ring": 0}
    assert tally.end == WINDOW + (count - 1) * HOP


class Grid:
    """Windows of one channel whose content is their own index."""

    def feed(self, chunk: Chunk) -> Iterator[Window]:
        for end in range(chunk.first + 1, chunk.end + 1):
            yield Window(chunk.samples[end - chunk.first - 1 : end - chunk.first], end - 1, end)


class Counting:
    """Answers with the end of the window."""

    def __init__(self) -> None:
        self.end = 0
        self.efforts: list[int] = []

    def take(self, window: Window) -> None:
        self.end = window.end

    def answer(self, effort: int = 0) -> NDArray[np.float32]:
        self.efforts.append(effort)
        return np.array([1, self.end], np.float32)

    def in_words(self, effort: int) -> str:
        return f"{3 - effort} of 3"

    def learn(self) -> None:
        pass


def decided(probabilities: NDArray[np.float32], window: Window) -> Decision:
    return Decision("a", float(probabilities[1]), probabilities, window.first, window.end)


def pieces(*lengths: int) -> list[Chunk]:
    firsts = np.cumsum([0, *lengths]).tolist()
    return [Chunk(np.zeros((n, 1), np.float32), first) for n, first in zip(lengths, firsts, strict=False)]


def test_every_sink_has_every_decision_in_order() -> None:
    first: list[Decision] = []
    second: list[Decision] = []
    watched: list[int] = []
    stages = Stages()
    made = run(
        pieces(2, 0, 3),
        Grid(),
        Counting(),
        decided,
        [first.append, second.append],
        stages=stages,
        watch=lambda window: watched.append(window.end),
    )
    assert made == 5
    assert [decision.end for decision in first] == [1, 2, 3, 4, 5] == watched
    assert [decision.confidence for decision in second] == [1, 2, 3, 4, 5]
    assert {decision.reduced for decision in first} == {""}
    assert stages.total.count == 5


class Scripted(Pace):
    """A pace that chooses by a list."""

    def __init__(self, *choices: int | None) -> None:
        super().__init__(1.0, [1.0] * 3)
        self._script, self.newer = list(choices), []

    def choose(self, arrived: float, now: float, superseded: bool, stamp: float = nan) -> int | None:
        super().choose(arrived, now, superseded, stamp)
        self.newer.append(superseded)
        return self._script.pop(0)


class Told:
    """A backlog that says what a list says."""

    def __init__(self, waiting: Sequence[int], lost: Sequence[int]) -> None:
        self._waiting, self._lost = list(waiting), list(lost)

    def waiting(self) -> int:
        return self._waiting.pop(0)

    def lost(self) -> int:
        return self._lost.pop(0)


class EverySecond(Grid):
    """Windows that end with every second sample; one was taken every second, the last of twenty just now."""

    def __init__(self) -> None:
        self.start = perf_counter() - 20

    def feed(self, chunk: Chunk) -> Iterator[Window]:
        for window in super().feed(chunk):
            if window.end % 2 == 0:
                yield window._replace(stamp=self.start + window.end)


def test_windows_that_the_ring_lost_count_as_skipped() -> None:
    """The windows that ended at 4, 6 and 8 were due like all others; those of the source's own gap were not."""
    zeros = np.zeros((2, 1), np.float32)
    stages, pace = Stages(), Pace(1.0, [1e3], strict=False)
    backlog = Told([0] * 3, [0, 0, 6, 6])
    run(
        [Chunk(zeros, first) for first in (0, 8, 18)],
        EverySecond(),
        Counting(),
        decided,
        [],
        stages=stages,
        pace=pace,
        hop=2,
        backlog=backlog,
    )
    assert pace.skipped == 3
    assert sum(pace.made) == 3
    assert stages.total.count == 6
    ages = [stages.total.quantile(share) for share in (1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1)]
    assert ages[1:] == pytest.approx([10, 12, 14, 16, 18], rel=0.02), "ended at 10, 8, 6, 4 and 2, decided just now"


def test_who_is_interrupted_in_a_decision_has_waited_until_then() -> None:
    stages = Stages()

    def interrupted(_: Decision) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(pieces(1), Grid(), Counting(), decided, [interrupted], stages=stages)
    assert stages.total.count == 1
    assert stages.named()["classify"].count == 0


def test_the_pace_says_what_a_window_gets() -> None:
    classify, pace, stages, got = Counting(), Scripted(0, None, 2, None, 1), Stages(), []
    backlog = Told([0, 0, 2, 0, 0], [0] * 6)
    made = run(
        pieces(2, 3),
        Grid(),
        classify,
        decided,
        [got.append],
        stages=stages,
        pace=pace,
        hop=1,
        backlog=backlog,
    )
    assert made == 3
    assert [decision.end for decision in got] == [1, 3, 5]
    assert [decision.reduced for decision in got] == ["", "1 of 3", "2 of 3"]
    assert classify.efforts == [0, 2, 1]
    assert pace.made == [1, 1, 1]
    assert pace.newer == [True, False, True, True, False]
    assert stages.total.count == 5, "what is skipped counts up to the next decision"
    assert stages.named()["classify"].count == 3


def test_latency_counts_from_the_device_and_from_the_ring(recording: Recording, classifier: Classifier) -> None:
    stages = Stages()
    samples = recording.samples[:WINDOW]
    now = perf_counter()
    chunk = Chunk(samples, 0, np.full(WINDOW, now - 1000.0), arrived=np.full(WINDOW, now - 10))
    run([chunk], Pipeline(classifier.design), classifier, Decide(classifier.labels), [], stages=stages)
    longest = {name: histogram.max for name, histogram in stages.named().items()}
    assert longest["device -> ring"] == pytest.approx(990)
    assert longest["ring -> window"] == pytest.approx(10, abs=1)
    assert longest["total"] > 1000


class Slow:
    """A classifier that takes a while longer, while ``extra_s`` says so; else the real one."""

    def __init__(self, real: Classifier) -> None:
        self.real, self.extra_s = real, 0.0

    def answer(self, effort: int = 0) -> NDArray[np.float32]:
        probabilities = self.real.answer(effort)
        until = perf_counter() + self.extra_s * (0.3 if effort else 1.0)
        while perf_counter() < until:
            pass
        return probabilities

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def test_an_overload_is_degraded_skipped_counted_and_over(recording: Recording, classifier: Classifier) -> None:
    """A hop of 20 ms, and for a while a classifier that takes 60 ms more, or 18 at less effort; then 200, or 60."""
    often = copy(classifier)
    often.design = replace(often.design, spec=replace(often.design.spec, hop_ms=20.0))
    often.warm_up()
    slow = Slow(often)
    tally, got, words = Tally(Score(classifier.labels, ()), truth=unknown), [], set()

    def watch(window: Window) -> None:
        seconds = window.end / recording.info.rate_hz
        slow.extra_s = 0.06 if 2 < seconds < 4 else 0.2 if 4 <= seconds < 5 else 0.0
        words.add(tally.trouble())

    play(
        Watched(Replay(recording, 1.0)),
        Pipeline(often.design),
        slow,  # type: ignore[arg-type]
        tally,
        [got.append],
        ring_samples=len(recording.samples),
        strict=True,
        watch=watch,
    )
    pace = tally.pace
    assert pace is not None
    windows = (len(recording.samples) - WINDOW) // often.design.spec.hop + 1
    assert len(got) == tally.decisions == sum(pace.made)
    assert tally.decisions + pace.skipped == windows, "every window is decided or counted"
    assert pace.skipped > 0
    assert tally.dropped() == 0
    assert tally.stages.total.count == windows
    by_second: dict[int, list[Decision]] = defaultdict(list)
    for decision in got:
        by_second[int(decision.end / recording.info.rate_hz)].append(decision)
    assert any(decision.reduced for decision in by_second[3])
    assert not any(decision.reduced for decision in by_second[1])
    assert not any(decision.reduced for decision in by_second[7]), "with the load gone, everything comes back"
    assert len(by_second[7]) >= 45
    assert any("too slow for a hop of 20 ms" in said for said in words)
    assert tally.trouble() == ""
    # It never falls behind: what is decided last in the overload is at most a few hops old.
    last = max(decision.end for decision in by_second[4])
    assert last > 4.5 * recording.info.rate_hz


def test_a_replay_that_is_not_strict_decides_everything_however_late(
    recording: Recording, classifier: Classifier
) -> None:
    slow = Slow(classifier)
    slow.extra_s = 0.004
    tally, got = Tally(Score(classifier.labels, ()), truth=unknown), []
    source = Watched(Replay(recording, 60.0))
    play(
        source, Pipeline(classifier.design), slow, tally, [got.append], ring_samples=len(recording.samples), speed=60.0
    )  # type: ignore[arg-type]
    count = (len(recording.samples) - WINDOW) // HOP + 1
    assert len(got) == count
    assert tally.pace is not None
    assert tally.pace.late > count / 2
    assert (tally.pace.skipped, tally.pace.made[1:]) == (0, [0] * (len(tally.pace.made) - 1))


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
