"""The beginning of a stream: to the sample, and nothing beyond it is read, counted or waited for."""

from __future__ import annotations

import numpy as np

from devices.integrity import Integrity
from devices.watched import Watched
from dsp.flow import Chunk, StreamInfo
from stream.excerpt import beginning


class Pieces:
    """A device that gives ten samples at each of these indices, and fails if it is asked for more."""

    info = StreamInfo("pieces", 100.0, ("a",))

    def __init__(self, *firsts: int) -> None:
        self.integrity = Integrity(1)
        self._firsts = list(firsts)

    def read(self) -> Chunk | None:
        first = self._firsts.pop(0)
        stamps = np.arange(first, first + 10) / 100
        return Chunk(np.full((10, 1), 7, np.float32), first, stamps, stamps + 1)

    def close(self) -> None:
        pass


def read(*firsts: int, seconds: float) -> tuple[list[tuple[int, int]], Integrity]:
    source = beginning(Watched(Pieces(*firsts)), seconds)
    chunks = list(iter(source.read, None))
    for chunk in chunks:
        assert chunk.stamps is not None
        assert chunk.raw is not None
        np.testing.assert_allclose(chunk.stamps, np.arange(chunk.first, chunk.end) / 100)
        np.testing.assert_allclose(chunk.raw, chunk.stamps + 1)
    return [(chunk.first, chunk.end) for chunk in chunks], source.integrity


def test_a_chunk_is_cut_and_only_what_is_left_of_it_counts() -> None:
    chunks, integrity = read(0, 10, 20, seconds=0.25)
    assert chunks == [(0, 10), (10, 20), (20, 25)]
    assert integrity.samples == 25


def test_where_a_chunk_ends_in_time_no_other_one_is_waited_for() -> None:
    chunks, integrity = read(0, 10, seconds=0.2)
    assert chunks == [(0, 10), (10, 20)]
    assert integrity.samples == 20


def test_gaps_count_as_time_from_the_first_sample_on() -> None:
    chunks, integrity = read(40, 60, seconds=0.25)
    assert chunks == [(40, 50), (60, 65)]
    assert (integrity.lost, integrity.samples) == (10, 15)


def test_an_end_within_a_gap() -> None:
    chunks, integrity = read(0, 50, seconds=0.3)
    assert chunks == [(0, 10)]
    assert (integrity.gaps, integrity.samples) == (0, 10)
