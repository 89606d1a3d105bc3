"""The log of all decisions, the spectrum, and what a frame holds."""

from __future__ import annotations

import numpy as np
import pytest

from stream.board import Board, Reader
from stream.web.decisions import AT_ONCE, MOST, Decisions
from stream.web.following import Follower
from stream.web.frames import Shown, frame
from stream.web.spectrum import BINS, mains, spectrum
from tests.stream.web.served import about_some, parsed

ZEROS = np.zeros(4, np.float32)


@pytest.fixture
def board():
    with Board(about_some()) as board:
        yield board


@pytest.fixture
def reader(board):
    reader = Reader(board.path)
    yield reader
    reader.close()


def test_all_decisions_are_kept_by_number(board, reader):
    log, made = Decisions(), 0
    for some in (1, 3, 700, 5):
        for _ in range(some):
            board.publish(made, made % 4, -2, 0.5, ZEROS)
            made += 1
        log.see(reader.read())
        log.see(reader.read())
    seen, at = [], 0
    while at < log.stop:
        at, part = log.since(at)
        seen += part
        at += len(part)
    assert [each.end for each in seen] == list(range(made))
    assert log.missed == 0
    assert log.since(made) == (made, [])
    assert log.since(made + 99) == (made, [])


def test_what_the_board_had_dropped_is_missed_and_numbers_stay(board, reader):
    log, past = Decisions(), board.about.past
    for made in range(10):
        board.publish(made, 0, -2, 0.5, ZEROS)
    log.see(reader.read())
    for made in range(10, 10 + past + 5):
        board.publish(made, 0, -2, 0.5, ZEROS)
    log.see(reader.read())
    begin, part = log.since(0)
    assert (log.missed, begin, part[0].end) == (5, 15, 15)


def test_the_log_is_bounded(board, reader):
    log, past = Decisions(), board.about.past
    page = None
    for made in range(past):
        board.publish(made, 0, -2, 0.5, ZEROS)
    page = reader.read()
    for turn in range(1, 2 + (MOST + AT_ONCE) // past):
        object.__setattr__(page, "decisions", turn * past)
        log.see(page)
    assert MOST <= log.stop - log.first <= MOST + AT_ONCE
    assert len(log.since(log.first)[1]) == AT_ONCE


def test_a_tone_stands_where_it_is():
    time = np.arange(1000) / 500
    samples = np.stack([np.sin(2 * np.pi * 100 * time), np.zeros(1000)], axis=1).astype(np.float32)
    samples[3] = np.nan
    shown = spectrum(samples, 500)
    assert shown.shape == (BINS, 2)
    assert abs(int(shown[:, 0].argmax()) / BINS * 250 - 100) < 250 / BINS * 1.5
    assert shown[:, 1].max() < 1e-6
    assert spectrum(samples[:10], 500).max() == 0


@pytest.mark.parametrize("line", [50, 60])
def test_the_mains_are_told_apart(line):
    noise = np.random.default_rng(0).normal(size=(1000, 2))
    hum = np.sin(2 * np.pi * line * np.arange(1000) / 500)[:, None]
    assert mains((noise + hum).astype(np.float32), 500) == line
    assert mains(noise.astype(np.float32), 500) == 0
    assert mains(noise[:100].astype(np.float32), 500) == 0


def test_a_frame_holds_what_is_new_to_a_viewer(board, reader):
    follower, shown = Follower(reader), Shown()
    follower.viewers = 1
    follower.look()
    text, numbers = parsed(frame(follower, shown, "run"))
    assert "page" not in text
    assert text["about"]["labels"] == list(board.about.labels)
    assert len(numbers) == 0
    board.margin.note(3, "marker 1")
    board.publish(1000, 1, -2, 0.5, ZEROS, p50_s=1e-3)
    board.tell("ch4 flat", waiting=False)
    follower.look()
    text, numbers = parsed(frame(follower, shown, "run"))
    assert "about" not in text
    assert text["decisions"] == {"from": 0, "made": [[1000, 1, -2, 0.5]]}
    assert [event[1:] for event in text["events"]] == [[1000, "ch4 flat"], [3, "marker 1"]]
    assert len(numbers) == text["columns"]["count"] * 2 * 8 > 0
    assert (text["page"]["p50_ms"], text["page"]["p99_ms"]) == (1.0, None)
    board.tell("", waiting=False)
    follower.look()
    text, numbers = parsed(frame(follower, shown, "run"))
    assert text["decisions"] == {"from": 1, "made": []}
    assert [event[2] for event in text["events"]] == ["over: ch4 flat"]
    assert text["columns"]["count"] == 0
