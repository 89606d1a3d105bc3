from __future__ import annotations

import numpy as np
import pytest

from stream.score import Score, is_right


def test_counts_by_hand() -> None:
    score = Score(["fist", "pinch"], ["fist", "pinch", "wave"])
    pairs = [("fist", "fist")] * 6 + [("fist", "pinch")] * 2 + [("pinch", "pinch")] * 3 + [("pinch", None)]
    for truth, decided in [*pairs, ("wave", "fist"), ("wave", None), (None, "fist")]:
        score.add(truth, decided)
    assert score.names == ("fist", "pinch", "wave")
    np.testing.assert_array_equal(score.confusion, [[6, 2, 0], [0, 3, 1], [1, 0, 1]])
    assert score.counted == 14
    assert score.accuracy == 10 / 14
    fist, pinch = score.per_gesture()
    assert (fist.gesture, fist.windows) == ("fist", 8)
    assert (fist.recall, fist.precision) == (6 / 8, 6 / 7)
    assert fist.f1 == pytest.approx(2 / (8 / 6 + 7 / 6))
    assert (pinch.windows, pinch.recall, pinch.precision) == (4, 3 / 4, 3 / 5)


def test_unknown_truth_is_not_counted() -> None:
    score = Score(["fist"])
    score.add(None, "fist")
    assert score.accuracy is None
    assert np.isnan(score.per_gesture()[0].recall)


def test_what_is_not_known_is_got_right_by_abstaining() -> None:
    labels = ["fist"]
    assert is_right("wave", None, labels) is True
    assert is_right("wave", "fist", labels) is False
    assert is_right("fist", None, labels) is False
    assert is_right(None, "fist", labels) is None


def test_a_name_that_was_not_announced_is_refused() -> None:
    with pytest.raises(KeyError):
        Score(["fist"]).add("wave", "fist")
