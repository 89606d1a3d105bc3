"""Figures of continuous use, added up by hand."""

from __future__ import annotations

import math

import pytest

from devices.events import Outcome, Scored
from devices.tally import figures, intervals, tally, together, worst

AT_ONCE = Outcome(1, True, True, True, True, 0, 0.2)
LATER = Outcome(1, True, False, True, True, 2, 0.6)
MISSED = Outcome(2, False, False, False, False, 0, math.nan)


def person(*outcomes: Outcome, false: int = 0, distracted: int = 0) -> list[Scored]:
    return [Scored(outcomes, false, 30.0), Scored((), distracted, 60.0)]


def test_figures_are_counted() -> None:
    one = figures(tally(person(AT_ONCE, LATER, MISSED, AT_ONCE, false=1, distracted=3)))
    assert (one["events"], one["timed"]) == (4, 3)
    assert (one["detected"], one["named"], one["held"], one["right"]) == (0.75, 0.5, 0.75, 0.75)
    assert one["wrong"] == 0.5
    assert one["delay_ms"] == pytest.approx(200)
    assert one["delay_p90_ms"] == pytest.approx(520)
    assert one["false_per_minute"] == pytest.approx(2)
    assert one["distracted_per_minute"] == pytest.approx(3)


def test_of_nothing_there_is_no_figure() -> None:
    one = figures(tally([]))
    assert (one["events"], one["timed"]) == (0, 0)
    assert all(value is None for name, value in one.items() if name not in ("events", "timed"))


def test_people_are_added_up_and_the_worst_is_named() -> None:
    good, bad = tally(person(AT_ONCE, AT_ONCE)), tally(person(LATER, MISSED))
    assert figures(together([good, bad]))["named"] == 0.5
    assert worst({1: figures(good), 2: figures(bad), 3: figures(tally([]))}) == 2
    assert worst({}) is None


def test_an_interval_holds_the_figure_and_is_the_same_again() -> None:
    people = [tally(person(*[AT_ONCE] * k, *[MISSED] * (6 - k), distracted=k)) for k in range(1, 6)]
    found = intervals(people)
    assert found == intervals(people)
    for name, value in figures(together(people)).items():
        if name in ("events", "timed"):
            assert name not in found
        else:
            bounds = found[name]
            assert bounds is not None
            assert bounds[0] <= value <= bounds[1]
