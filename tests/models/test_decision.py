from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.flow import Window
from models.decision import Decide, DecideAll, Decision, Settings

LABELS = ("fist", "open", "point")
HOP, LENGTH = 10, 40
modest = settings(deadline=None, max_examples=150)

rows = st.lists(st.tuples(*[st.integers(0, 20)] * len(LABELS)).filter(any), min_size=1, max_size=12)
share = st.integers(0, 20).map(lambda twentieths: twentieths / 20)
anyhow = st.builds(Settings, smoothing=st.integers(1, 4), threshold=share, hysteresis=share)


def shares(row: tuple[int, ...]) -> NDArray[np.float32]:
    return (np.array(row, np.float64) / sum(row)).astype(np.float32)


def window(first: int, *, intact: bool = True) -> Window:
    return Window(np.zeros((LENGTH, 1), np.float32), first, first + LENGTH, intact)


def decided(given_rows: list[tuple[int, ...]], how: Settings) -> list[Decision]:
    decide = Decide(LABELS, how)
    return [decide(shares(row), window(k * HOP)) for k, row in enumerate(given_rows)]


def smoothed(given_rows: list[tuple[int, ...]], k: int, how: Settings) -> NDArray[np.float64]:
    """The slow obvious twin."""
    last = given_rows[max(0, k + 1 - how.smoothing) : k + 1]
    return np.mean([shares(row).astype(np.float64) for row in last], axis=0)


@modest
@given(rows)
def test_by_default_it_takes_the_likeliest(given_rows: list[tuple[int, ...]]) -> None:
    for k, decision in enumerate(decided(given_rows, Settings())):
        probabilities = shares(given_rows[k])
        assert decision.label == LABELS[int(np.argmax(probabilities))]
        assert decision.confidence == probabilities.max()
        assert np.array_equal(decision.probabilities, probabilities)
        assert (decision.first, decision.end) == (k * HOP, k * HOP + LENGTH)


@modest
@given(rows, anyhow)
def test_it_abstains_below_the_threshold_and_only_there(given_rows: list[tuple[int, ...]], how: Settings) -> None:
    for k, decision in enumerate(decided(given_rows, how)):
        expected = smoothed(given_rows, k, how)
        chosen = int(expected.argmax()) if decision.label is None else LABELS.index(decision.label)
        assert decision.confidence == expected[chosen]
        assert (decision.label is None) == (decision.confidence < how.threshold)


@modest
@given(rows, anyhow)
def test_another_gesture_needs_the_margin(given_rows: list[tuple[int, ...]], how: Settings) -> None:
    decisions = decided(given_rows, how)
    for k in range(1, len(decisions)):
        before, now = decisions[k - 1].label, decisions[k].label
        if before is None or now is None:
            continue
        expected = smoothed(given_rows, k, how)
        present, likeliest = expected[LABELS.index(before)], expected.max()
        stays = present >= how.threshold and likeliest - present < how.hysteresis
        assert now == (before if stays else LABELS[int(expected.argmax())])


@modest
@given(rows, st.integers(1, 4), share)
def test_with_no_threshold_it_never_abstains(given_rows: list[tuple[int, ...]], smoothing: int, margin: float) -> None:
    how = Settings(smoothing=smoothing, hysteresis=margin)
    assert all(decision.label is not None for decision in decided(given_rows, how))


@modest
@given(rows, anyhow, st.data())
def test_a_broken_window_abstains_and_leaves_no_trace(
    given_rows: list[tuple[int, ...]], how: Settings, data: st.DataObject
) -> None:
    broken = data.draw(st.lists(st.booleans(), min_size=len(given_rows), max_size=len(given_rows)))
    with_broken, without = Decide(LABELS, how), Decide(LABELS, how)
    for k, row in enumerate(given_rows):
        decision = with_broken(shares(row), window(k * HOP, intact=not broken[k]))
        if broken[k]:
            assert (decision.label, decision.confidence) == (None, 0.0)
        else:
            assert _plain(decision) == _plain(without(shares(row), window(k * HOP)))


@modest
@given(rows, rows, anyhow, st.booleans())
def test_after_a_reset_and_after_a_new_recording_nothing_is_remembered(
    before: list[tuple[int, ...]], after: list[tuple[int, ...]], how: Settings, explicit: bool
) -> None:
    decide = Decide(LABELS, how)
    for k, row in enumerate(before):
        decide(shares(row), window(10_000 + k * HOP))
    if explicit:
        decide.reset()
    again = [decide(shares(row), window(k * HOP)) for k, row in enumerate(after)]
    assert [_plain(one) for one in again] == [_plain(one) for one in decided(after, how)]


def test_smoothing_does_not_reach_across_a_gap() -> None:
    decide = Decide(LABELS, Settings(smoothing=3))
    decide(shares((20, 0, 0)), window(0))
    assert decide(shares((0, 20, 0)), window(LENGTH - 1)).confidence == 0.5
    assert decide(shares((0, 0, 20)), window(2 * LENGTH)).confidence == 1.0


def test_hysteresis_alone_works_where_windows_do_not_overlap() -> None:
    decide = Decide(LABELS, Settings(hysteresis=0.5))
    assert decide(shares((11, 9, 0)), window(0)).label == "fist"
    assert decide(shares((9, 11, 0)), window(2 * LENGTH)).label == "fist"
    assert decide(shares((4, 16, 0)), window(4 * LENGTH)).label == "open"


def test_an_abstention_lets_go_of_the_gesture() -> None:
    decide = Decide(LABELS, Settings(threshold=0.45, hysteresis=0.3))
    labels = [decide(shares(row), window(k * HOP)).label for k, row in enumerate([(20, 0, 0), (8, 7, 5), (9, 11, 0)])]
    assert labels == ["fist", None, "open"]


def test_probabilities_that_are_no_numbers_get_an_abstention() -> None:
    decide = Decide(LABELS, Settings(smoothing=4))
    nan = np.full(3, np.nan, np.float32)
    assert decide(nan, window(0))[:2] == (None, 0.0)
    assert decide(shares((0, 20, 0)), window(HOP))[:2] == ("open", 1.0)


def test_deciding_does_not_import_torch() -> None:
    program = "import sys, models.decision; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_labels_and_probabilities_must_agree() -> None:
    with pytest.raises(ValueError, match=r"shape \(4,\) for 3 labels \(fist, open, point\)"):
        Decide(LABELS)(np.ones(4, np.float32) / 4, window(0))


@given(anyhow)
@modest
def test_settings_survive_json(how: Settings) -> None:
    assert Settings.from_json(how.to_json()) == how


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"smoothing": 0}, "smoothing is 0"),
        ({"smoothing": 1.5}, "smoothing is 1.5"),
        ({"threshold": 1.2}, "threshold is 1.2"),
        ({"hysteresis": -0.1}, "hysteresis is -0.1"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"debounce_ms": -1.0}, "debounce_ms is -1.0"),
        ({"release_ms": -1.0}, "release_ms is -1.0"),
        ({"margin": 0.1}, "unknown keys margin; known are smoothing, threshold, hysteresis"),
    ],
)
def test_wrong_settings_get_a_sentence(values: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Settings.from_json(values)


def _plain(decision: Decision) -> tuple[object, ...]:
    return (decision.label, decision.confidence, decision.probabilities.tolist(), decision.first, decision.end)


def test_windows_side_by_side_are_one_stream() -> None:
    decide = Decide(("a", "b"), Settings(smoothing=3))
    rows = [(0.9, 0.1), (0.9, 0.1), (0.4, 0.6)]
    windows = [Window(np.zeros((100, 1), np.float32), 100 * k, 100 * (k + 1)) for k in range(3)]
    said = [decide(np.array(row, np.float32), window) for row, window in zip(rows, windows, strict=True)]
    assert said[-1].label == "a"


PATIENT = Settings(threshold=0.5, debounce_ms=20, release_ms=30, rest="rest")
RATE_HZ = 1000.0  # a hop of 10 samples is 10 ms
FIST, OPEN, REST, UNSURE = (20, 0, 0), (0, 20, 0), (0, 0, 20), (7, 7, 6)


def announced(given_rows: list[tuple[int, ...]], how: Settings = PATIENT, hop: int = HOP) -> list[str | None]:
    decide = Decide(("fist", "open", "rest"), how, RATE_HZ)
    return [decide(shares(row), window(k * hop)).label for k, row in enumerate(given_rows)]


def test_a_gesture_is_announced_once_it_has_lasted() -> None:
    assert announced([REST, FIST, FIST, FIST, FIST]) == ["rest", "rest", "rest", "fist", "fist"]
    assert announced([REST, FIST, OPEN, FIST, FIST]) == ["rest"] * 5
    assert announced([FIST, FIST, FIST, OPEN, OPEN, OPEN]) == [None, None, "fist", "fist", "fist", "open"]


def test_a_gesture_is_let_go_of_once_it_has_been_gone_for_long() -> None:
    held = [FIST] * 3
    assert announced([*held, REST, UNSURE, REST, FIST])[2:] == ["fist"] * 5
    assert announced([*held, REST, REST, UNSURE, REST])[3:] == ["fist"] * 3 + ["rest"]
    assert announced([*held, REST, UNSURE, REST, UNSURE])[3:] == ["fist"] * 3 + [None]


def test_waiting_is_in_time_whatever_the_hop() -> None:
    assert announced([FIST] * 3, hop=20) == [None, "fist", "fist"]
    assert announced([FIST] * 6, hop=5) == [None, None, None, None, "fist", "fist"]


def test_without_rest_every_label_waits() -> None:
    assert announced([REST] * 3, Settings(debounce_ms=20, rest="idle")) == [None, None, "rest"]


def test_a_gap_starts_the_waiting_anew() -> None:
    decide = Decide(("fist", "open", "rest"), PATIENT, RATE_HZ)
    labels = [decide(shares(FIST), window(first)).label for first in (0, 10, 20, 20 + LENGTH + 1)]
    assert labels == [None, None, "fist", None]


def test_waiting_needs_to_know_how_long_a_sample_is() -> None:
    with pytest.raises(ValueError, match="give rate_hz"):
        Decide(LABELS, PATIENT)
    with pytest.raises(ValueError, match="give hop_ms"):
        DecideAll(3, 1, PATIENT)


@modest
@given(rows, st.integers(2, 40).map(lambda tenths: tenths / 10))
def test_a_temperature_keeps_the_order_and_changes_how_sure(given_rows: list[tuple[int, ...]], heat: float) -> None:
    plain, changed = decided(given_rows, Settings()), decided(given_rows, Settings(temperature=heat))
    for before, after in zip(plain, changed, strict=True):
        assert after.label == before.label
        assert (after.confidence - before.confidence) * (heat - 1) <= 1e-6  # a hotter one is less sure
        assert np.array_equal(after.probabilities, before.probabilities)


def test_a_checkpoint_without_the_newer_settings_loads() -> None:
    old = {"smoothing": 3, "threshold": 0.4, "hysteresis": 0.1}
    assert Settings.from_json(old) == Settings(3, 0.4, 0.1)
