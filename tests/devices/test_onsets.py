"""Onsets found in made-up muscles that begin at known samples."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from devices.onsets import events, following, turn
from devices.recording import UNLABELLED, Recording
from dsp.flow import StreamInfo

RATE = 200
NAMES = ("rest", "fist", "open")
LABELLED = [(1000, 2000, 1), (3000, 4000, 1), (5000, 6000, 1)]
"""Begin, end and label of what the schedule asked for, in six thousand samples: the last one has no end."""


def labels(stretches: list[tuple[int, int, int]], length: int = 6000) -> NDArray[np.int16]:
    marks = np.zeros(length, np.int16)
    for begin, end, label in stretches:
        marks[begin:end] = label
    return marks


def recorded(active: list[tuple[int, int]], *, loud: float = 8.0, seed: int = 0) -> Recording:
    """Noise of deviation 1 on all of eight channels, and ``loud`` on three of them while the muscle is active."""
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((6000, 8))
    for begin, end in active:
        samples[begin:end, 2:5] *= loud
    info = StreamInfo("made up", float(RATE), tuple(f"ch{number}" for number in range(8)))
    return Recording(info, (samples + 5).astype(np.float32), NAMES, labels(LABELLED))  # with an offset


@pytest.mark.parametrize("lag", [-250, -90, 0, 46, 190, 400])
def test_the_muscle_is_found_whether_it_lags_or_leads(lag: int) -> None:
    truth = [(begin + lag, min(6000, end + lag)) for begin, end, _ in LABELLED]
    found = events(recorded(truth))
    assert [event.label for event in found] == [1, 1, 1]
    assert all(event.found for event in found)
    assert [event.released for event in found] == [True, True, False]
    for event, (begin, end) in zip(found, truth, strict=True):
        assert abs(event.onset - begin) <= 10  # 50 ms
        if event.released:
            assert abs(event.offset - end) <= 10


def test_a_jerk_before_it_is_no_onset() -> None:
    truth = [(begin + 60, end + 60) for begin, end, _ in LABELLED]
    found = events(recorded([*truth, (850, 860)]))
    assert abs(found[0].onset - 1060) <= 10


def test_a_gesture_without_a_muscle_keeps_the_times_of_its_label() -> None:
    found = events(recorded([], loud=1.0))
    assert [(event.onset, event.offset) for event in found] == [(1000, 2000), (3000, 4000), (5000, 6000)]
    assert not any(event.found or event.released for event in found)


def test_labels_follow_the_muscle_and_may_lead_it() -> None:
    truth = [(begin + 60, min(6000, end + 60)) for begin, end, _ in LABELLED]
    recording = recorded(truth)
    for lead_ms, lead in ((0.0, 0), (100.0, 20)):
        marks = following(recording, "rest", lead_ms).labels
        assert marks is not None
        turns = np.flatnonzero(np.diff(marks)) + 1
        wanted = [1060, 2060, 3060, 4060, 5060, 6000]
        assert marks[-1] == (1 if lead == 0 else 0)
        assert np.abs(turns[:5] - np.array(wanted[:5]) + lead).max() <= 10


def test_where_nothing_was_found_labels_are_unknown() -> None:
    marks = following(recorded([], loud=1.0)).labels
    assert marks is not None
    assert marks[1000] == UNLABELLED
    assert marks[100] == 0


def test_what_had_no_label_gets_none() -> None:
    recording = recorded([(begin + 60, min(6000, end + 60)) for begin, end, _ in LABELLED])
    assert recording.labels is not None
    recording.labels[2900:4100] = UNLABELLED  # the second one was discarded, and what lies around it
    marks = following(recording).labels
    assert marks is not None
    assert (marks[2900:4100] == UNLABELLED).all()
    assert set(marks[:2900].tolist()) | set(marks[4100:].tolist()) == {0, 1}


def test_a_narrow_search_needs_less_around_it() -> None:
    samples = recorded([(500, 1200)]).samples[300:900]  # a second of rest and two of the gesture
    assert turn(samples, RATE, 150, forward=True) is None
    found = turn(samples, RATE, 150, forward=True, search_s=(-0.25, 1.0))
    assert found is not None
    assert abs(found - 200) <= 10


def test_a_minute_without_gestures_stays_as_it_is() -> None:
    recording = recorded([(100, 2000)])
    idle = Recording(recording.info, recording.samples, NAMES, np.zeros(6000, np.int16))
    assert events(idle) == []
    assert following(idle) is idle
    held = Recording(recording.info, recording.samples, ("fist",), np.zeros(6000, np.int16))
    assert following(held) is held
