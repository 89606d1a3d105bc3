"""Events scored by hand: one gesture from sample 200 to 600 at 100 Hz, decisions every ten samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from devices.events import Scored, announcements, score
from devices.onsets import Event

RATE, SAMPLES, HOP = 100.0, 1000, 10
REST, FIST, OPEN = 0, 1, 2
SHOWN = [Event(FIST, 200, 600, True, True)]


def scored(*spoken: tuple[int, int, int], shown: list[Event] = SHOWN) -> Scored:
    """Rest but for ``(first end, end after the last, label)``."""
    ends = np.arange(40, SAMPLES + 1, HOP)
    said = np.full(len(ends), REST)
    for first, stop, label in spoken:
        said[(ends >= first) & (ends < stop)] = label
    return score(said, ends, shown, SAMPLES, RATE, REST)


def test_announcements_are_where_a_gesture_begins() -> None:
    said = np.array([1, 1, 0, 1, -1, 1, 2, 2, 0])
    assert announcements(said, 0).tolist() == [0, 3, 5, 6]


def test_named_at_once() -> None:
    (outcome,), false, idle_s = scored((230, 620, FIST))
    assert outcome == (FIST, True, True, True, True, 0, pytest.approx(0.3))
    assert false == 0
    assert idle_s == pytest.approx(10 - 4 - 0.2 - 0.6, abs=0.02)


def test_missed() -> None:
    (outcome,), false, _ = scored()
    assert outcome[:6] == (FIST, False, False, False, False, 0)
    assert math.isnan(outcome.delay_s)
    assert false == 0


def test_first_wrong_then_right() -> None:
    (outcome,), false, _ = scored((230, 260, OPEN), (260, 600, FIST))
    assert outcome == (FIST, True, False, True, True, 1, pytest.approx(0.6))
    assert false == 0


def test_wrong_only() -> None:
    (outcome,), _, _ = scored((230, 600, OPEN))
    assert (outcome.detected, outcome.named, outcome.right, outcome.wrong) == (True, False, False, 1)
    assert math.isnan(outcome.delay_s)


def test_a_little_early_is_in_time_and_much_too_early_is_false() -> None:
    (outcome,), false, _ = scored((180, 600, FIST))
    assert (outcome.named, outcome.delay_s, false) == (True, pytest.approx(-0.2), 0)
    (outcome,), false, _ = scored((170, 600, FIST))
    assert (outcome.detected, false) == (False, 1)


def test_what_is_announced_while_the_hand_lets_go_is_wrong_but_no_detection() -> None:
    (outcome,), false, _ = scored((610, 650, OPEN))
    assert (outcome.detected, outcome.wrong, false) == (False, 1, 0)
    (outcome,), false, _ = scored((670, 700, OPEN))
    assert (outcome.wrong, false) == (0, 1)


def test_a_gesture_announced_again_after_rest_is_one_detection() -> None:
    (outcome,), false, _ = scored((230, 300, FIST), (350, 600, FIST))
    assert (outcome.named, outcome.wrong, false) == (True, 0, 0)


def test_without_an_onset_there_is_no_delay() -> None:
    (outcome,), _, _ = scored((230, 600, FIST), shown=[Event(FIST, 200, 600, False, True)])
    assert outcome.named
    assert math.isnan(outcome.delay_s)


def test_in_a_minute_of_distraction_everything_is_false() -> None:
    outcomes, false, idle_s = scored((100, 200, FIST), (200, 300, OPEN), (500, 510, FIST), shown=[])
    assert (outcomes, false, idle_s) == ((), 3, 10.0)


def test_an_announcement_belongs_to_one_event() -> None:
    near = [Event(FIST, 200, 400, True, True), Event(OPEN, 430, 600, True, True)]
    (first, second), false, _ = scored((230, 400, FIST), (440, 600, OPEN), shown=near)
    assert first.named
    assert (second.named, second.delay_s, false) == (True, pytest.approx(0.1), 0)
