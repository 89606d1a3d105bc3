from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.contact import Contact
from dsp.flow import Chunk

RATE, LEAST = 20.0, 10


def naive(pieces: list[tuple[int, np.ndarray]], limit: float) -> tuple[list[int], list[int]]:
    """Counts of each channel: samples beyond the limit, and those in runs of equal values that are long enough."""
    channels = pieces[0][1].shape[1]
    saturated = [sum(int(np.sum(np.abs(piece[:, c]) >= limit)) for _, piece in pieces) for c in range(channels)]
    flat = [0] * channels
    streams: list[list[np.ndarray]] = []
    end = None
    for first, piece in pieces:
        if first != end:
            streams.append([])
        streams[-1].append(piece)
        end = first + len(piece)
    for stream in streams:
        whole = np.concatenate(stream)
        for c in range(channels):
            runs = [len(list(run)) for _, run in itertools.groupby(whole[:, c].tolist())]
            flat[c] += sum(length for length in runs if length >= LEAST)
    return saturated, flat


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.tuples(st.sampled_from([0, 0, 0, 3]), st.integers(1, 30)), min_size=1, max_size=8),
    seed=st.integers(0, 99),
)
def test_counts_equal_the_slow_twin_however_the_stream_is_cut(lengths, seed):
    rng = np.random.default_rng(seed)
    at, pieces = 0, []
    for gap, length in lengths:
        at += gap
        # Long stretches of one value, in which the runs cross the cuts.
        piece = np.repeat(rng.integers(-2, 3, size=(length // 6 + 1, 3)), 6, axis=0)[:length].astype(np.float32)
        piece[:, 0] = 1
        pieces.append((at, piece))
        at += length
    saturated, flat = np.zeros(3, np.int64), np.zeros(3, np.int64)
    contact = Contact(RATE, 2.0, saturated, flat)
    for first, piece in pieces:
        contact.look(Chunk(piece, first))
    assert (saturated.tolist(), flat.tolist()) == naive(pieces, 2 * 0.999)


def test_a_range_that_nobody_knows_has_no_end():
    saturated, flat = np.zeros(1, np.int64), np.zeros(1, np.int64)
    contact = Contact(RATE, np.inf, saturated, flat)
    contact.look(Chunk(np.array([[1e30], [-1e30]], np.float32), 0))
    contact.look(Chunk(np.zeros((0, 1), np.float32), 5))
    assert (saturated.tolist(), flat.tolist()) == ([0], [0])
