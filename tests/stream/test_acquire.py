from __future__ import annotations

import threading

import numpy as np
import pytest

from devices.integrity import Integrity
from devices.recording import Recording
from devices.replay import Replay
from devices.watched import Watched
from dsp.flow import Chunk, StreamInfo
from dsp.pipeline import Pipeline
from dsp.ring import Ring
from models.classifier import Classifier
from stream.acquire import Acquisition, chunks, straight
from stream.play import Tally, play
from stream.score import Score


class Broken:
    """Gives three samples, then fails like a device that was unplugged."""

    info = StreamInfo("broken", 500.0, ("a",))
    integrity = Integrity(1)

    def __init__(self) -> None:
        self._reads = 0

    def read(self) -> Chunk | None:
        self._reads += 1
        if self._reads > 1:
            raise ValueError("the device 'broken' is gone; plug it in again")
        return Chunk(np.ones((3, 1), np.float32), 0)

    def close(self) -> None:
        """Nothing to leave."""


class Silent:
    """A device that never says anything, until it is closed."""

    info = StreamInfo("silent", 500.0, ("a",))
    integrity = Integrity(1)

    def __init__(self) -> None:
        self._closed = threading.Event()
        self.asked = threading.Event()

    def read(self) -> Chunk | None:
        self.asked.set()
        self._closed.wait()
        return None

    def close(self) -> None:
        self._closed.set()


def test_everything_arrives_in_order_with_stamps(recording: Recording) -> None:
    ring = Ring(8, len(recording.samples))
    with Acquisition(Replay(recording, 500.0), ring):
        parts = list(chunks(ring))
    np.testing.assert_array_equal(np.concatenate([part.samples for part in parts]), recording.samples)
    ends = np.cumsum([len(part.samples) for part in parts])
    assert [part.end for part in parts] == ends.tolist()
    assert all(part.stamps is not None and np.isfinite(part.stamps).all() for part in parts)


def test_an_exception_in_the_source_reaches_the_main_thread_after_the_last_sample() -> None:
    ring = Ring(1, 10)
    seen: list[Chunk] = []
    acquisition = Acquisition(Broken(), ring)
    with acquisition, pytest.raises(ValueError, match="plug it in again"):
        seen.extend(chunks(ring))
    assert [len(chunk.samples) for chunk in seen] == [3]
    assert seen[0].stamps is not None
    assert np.isfinite(seen[0].stamps).all()
    assert not acquisition.running


def test_leaving_ends_a_source_that_waits() -> None:
    source = Silent()
    acquisition = Acquisition(source, Ring(1, 10))
    with acquisition:
        assert source.asked.wait(10)
    assert not acquisition.running


def _interrupt(chunk: Chunk) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_in_the_loop_ends_the_thread(recording: Recording) -> None:
    ring = Ring(8, len(recording.samples))
    acquisition = Acquisition(Replay(recording, 1.0), ring)
    with pytest.raises(KeyboardInterrupt), acquisition:
        _interrupt(next(chunks(ring)))
    assert not acquisition.running


def test_straight_reads_to_the_end_and_closes(recording: Recording) -> None:
    source = Replay(recording, None)
    assert sum(len(chunk.samples) for chunk in straight(source)) == len(recording.samples)
    assert source.read() is None


def test_a_value_that_is_no_number_ends_the_stream_with_a_sentence() -> None:
    ring = Ring(2, 100)
    bad = np.zeros((10, 2), np.float32)
    bad[7, 1] = np.nan

    class Broken:
        info = StreamInfo("loose wire", 1000, ("a", "b"))
        integrity = Integrity(1)

        def read(self) -> Chunk | None:
            return Chunk(bad, 40)

        def close(self) -> None:
            pass

    with Acquisition(Broken(), ring), pytest.raises(ValueError, match=r"'loose wire' sent a value .* as sample 47"):
        list(chunks(ring))


def test_a_gap_of_the_source_is_counted_as_dropped(classifier: Classifier) -> None:
    spec = classifier.design.spec
    pieces = [Chunk(np.zeros((spec.window, spec.channels), np.float32), first) for first in (0, spec.window + 7)]

    class Gappy:
        info = StreamInfo("gappy", spec.rate_hz, tuple("abcdefgh"[: spec.channels]))
        integrity = Integrity(spec.channels)

        def read(self) -> Chunk | None:
            return pieces.pop(0) if pieces else None

        def close(self) -> None:
            pass

    tally = Tally(Score(classifier.labels, ()))
    made: list[str | None] = []
    sinks = [lambda decision: made.append(decision.label)]
    play(Watched(Gappy()), Pipeline(classifier.design), classifier, tally, sinks, ring_samples=4 * spec.window)
    assert tally.dropped() == 7
    assert made[0] is not None
    assert made[1:] == [None, None], "windows that touch the gap"
    assert tally.pipeline is not None
    assert (tally.pipeline.bridged, tally.pipeline.marred) == (7, 2)


def test_what_the_ring_lost_before_the_first_window_is_counted_besides_the_gaps(classifier: Classifier) -> None:
    spec = classifier.design.spec
    tally = Tally(Score(classifier.labels, ()), ring=Ring(spec.channels, 100), integrity=Integrity(spec.channels))
    assert tally.ring is not None
    assert tally.integrity is not None
    pipeline = tally.pipeline = Pipeline(classifier.design)
    tally.ring.write(Chunk(np.zeros((130, spec.channels), np.float32), 0))
    list(pipeline.feed(tally.ring.read()))
    tally.ring.write(Chunk(np.zeros((10, spec.channels), np.float32), 150))
    tally.integrity.lost += 20
    list(pipeline.feed(tally.ring.read()))
    assert pipeline.lost == 20, "it has never seen the first ones"
    assert tally.dropped() == 50
