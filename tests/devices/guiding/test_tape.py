"""What is held back until it is settled goes on with its label, in order and to the sample."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.guiding.tape import Tape
from dsp.flow import Chunk


class Recorded:
    """In place of a recorder."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, str] | Chunk] = []
        self.notes: list[tuple[int, str]] = []

    def put(self, chunk: Chunk) -> None:
        self.taken.append(chunk)

    def mark(self, first: int, label: str) -> None:
        self.taken.append((first, label))

    def note(self, first: int, text: str) -> None:
        self.notes.append((first, text))

    @property
    def chunks(self) -> list[Chunk]:
        return [each for each in self.taken if isinstance(each, Chunk)]


def chunk(first: int, count: int) -> Chunk:
    samples = np.arange(first, first + count, dtype=np.float32)[:, None] * np.ones((1, 2), np.float32)
    return Chunk(samples, first, np.arange(first, first + count) / 100, np.arange(first, first + count) / 50)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=30), st.lists(st.integers(0, 300), max_size=8)
)
def test_every_sample_goes_on_once_and_in_order(sizes: list[tuple[int, int]], settled: list[int]) -> None:
    recorded = Recorded()
    tape, at, given = Tape(recorded, 2), 5, []
    stops = iter(sorted(settled))
    for gap, count in sizes:
        given += list(range(at + gap, at + gap + count))
        tape.put(chunk(at + gap, count))
        at += gap + count
        if (stop := next(stops, None)) is not None:
            before = min(stop, tape.end)
            tape.settle(before)
            assert [int(value) for each in recorded.chunks for value in each.samples[:, 0]] == [
                index for index in given if index < max(before, *[0, *(each.end for each in recorded.chunks)])
            ]
            tape.forget(before)
    tape.settle()
    assert [int(value) for each in recorded.chunks for value in each.samples[:, 0]] == given
    for each in recorded.chunks:
        assert each.first == int(each.samples[0, 0])
        assert each.stamps is not None
        assert each.raw is not None
        assert each.stamps.tolist() == (each.samples[:, 0].astype(float) / 100).tolist()
        assert each.raw.tolist() == (each.samples[:, 0].astype(float) / 50).tolist()
    assert tape.held == 0


def test_a_label_can_be_changed_until_it_is_settled() -> None:
    recorded = Recorded()
    tape = Tape(recorded, 2)
    tape.put(chunk(0, 10))
    tape.mark(4, "fist")
    tape.mark(7, "rest")
    tape.note(4, "prompt")
    tape.settle(4)
    assert [each.end if isinstance(each, Chunk) else each for each in recorded.taken] == [4]
    tape.mark(4, "")
    tape.settle(7)
    assert [each.end if isinstance(each, Chunk) else each for each in recorded.taken] == [4, (4, ""), 7]
    tape.settle()
    assert recorded.taken[-2] == (7, "rest")
    assert recorded.notes == [(4, "prompt")]


def test_what_was_is_remembered_until_it_is_forgotten() -> None:
    tape = Tape(Recorded(), 2)
    tape.put(chunk(0, 10))
    tape.put(chunk(15, 10))
    tape.forget(12)
    assert tape.between(5, 20).samples[:, 0].tolist() == [5, 6, 7, 8, 9, 15, 16, 17, 18, 19], "not settled yet"
    assert tape.between(5, 20).lost == 5
    tape.settle(12)
    assert tape.between(5, 20).samples[:, 0].tolist() == [15, 16, 17, 18, 19]
    assert (tape.between(30, 40).samples.shape, tape.between(30, 40).lost) == ((0, 2), 10)
