"""What the keys of a display do."""

from __future__ import annotations

import numpy as np
import pytest

from models.decision import Decision
from stream.controls import SURE_S, Controls, Ended, Recalibrate


class Noted:
    """Writes down what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def __call__(self, decision: Decision) -> None:
        self.told.append(decision.end)

    def mark(self, index: int, text: str) -> None:
        self.told.append((index, text))

    def pause(self, paused: bool) -> None:
        self.told.append(paused)


def decision(end: int) -> Decision:
    return Decision("fist", 0.9, np.array([0.9, 0.1], np.float32), end - 400, end)


def test_while_paused_nothing_is_handed_on_and_the_recording_stands_still():
    held: list[bool] = []
    controls, sink = Controls(held.append), Noted()
    controls.sinks.append(sink)
    hand_on = controls.gate()
    hand_on(decision(400))
    assert controls.press("p", 399) == "paused"
    hand_on(decision(450))
    assert controls.press(" ", 449) == "goes on"
    hand_on(decision(500))
    assert sink.told == [400, True, False, 500]
    assert held == [True, False]


def test_markers_are_numbered_and_reach_recording_and_sinks_also_while_paused():
    controls, sink, tape = Controls(), Noted(), Noted()
    controls.sinks.append(sink)
    controls.marks.append(tape)
    assert controls.press("m", 99) == "marker 1"
    controls.press("p", 100)
    assert controls.press("M", 123) == "marker 2"
    assert tape.told == [(99, "marker 1"), (123, "marker 2")]
    assert sink.told == [(99, "marker 1"), True, (123, "marker 2")]


def test_a_run_is_ended_and_calibrated_where_that_is_possible():
    with pytest.raises(Ended):
        Controls().press("q", 0)
    with pytest.raises(Ended):
        Controls().press("\x1b", 0)
    assert Controls(no_calibration="no, since").press("c", 0) == "no, since"
    controls = Controls(no_calibration="")
    assert controls.press("c", 0) == "press c once more to calibrate"
    with pytest.raises(Recalibrate):
        controls.press("c", 0)
    assert ("c", "calibrate") in Controls(no_calibration="").keys
    assert Controls(no_calibration="", away=lambda: True).press("c", 0) == "no calibration while the device is away"
    assert ("c", "calibrate") not in Controls().keys


def test_a_key_that_was_pressed_by_mistake_is_forgotten(monkeypatch):
    controls = Controls(no_calibration="")
    now = [100.0]
    monkeypatch.setattr("stream.controls.monotonic", lambda: now[0])
    controls.press("c", 0)
    now[0] += SURE_S + 0.1
    assert controls.press("c", 0) == "press c once more to calibrate"


def test_other_keys_do_nothing():
    controls = Controls(no_calibration="")
    assert not any(controls.press(key, 0) for key in "xyz1\n")
    assert not controls.paused
