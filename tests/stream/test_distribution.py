from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stream.distribution import as_picture, as_text, bars
from stream.latency import Histogram


def filled(durations: list[float]) -> Histogram:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    return histogram


def test_bars_hold_every_duration_and_lie_side_by_side() -> None:
    durations = np.random.default_rng(0).lognormal(-6, 0.7, 3000).tolist()
    found = bars(filled(durations))
    assert sum(one.number for one in found) == 3000
    for one, other in pairwise(found):
        assert one.high_s == pytest.approx(other.low_s)
        assert one.high_s / one.low_s == pytest.approx(10 ** (1 / 8))
    lows, highs = np.array([one.low_s for one in found]), np.array([one.high_s for one in found])
    exact = [int(((durations >= low) & (durations < high)).sum()) for low, high in zip(lows, highs, strict=True)]
    assert np.abs(np.array(exact) - [one.number for one in found]).max() < 120, "but for the width of a bucket"
    assert bars(Histogram()) == []


def test_a_bar_stands_where_the_quantiles_do() -> None:
    """A bucket's middle may lie beyond the longest; then it is the longest that is shown, here as there."""
    for duration in np.random.default_rng(0).lognormal(-6, 0.7, 300).tolist():
        histogram = filled([duration])
        (only,) = bars(histogram)
        assert only.low_s * 0.9999 <= histogram.quantile(1.0) <= only.high_s * 1.0001


def test_text_shows_what_is_rare() -> None:
    text = as_text("title", filled([0.002] * 1000 + [0.05]), 20).plain.splitlines()
    assert text[0] == "title"
    assert "████████████████████ 1000" in text[1]
    assert text[-1].split()[-1] == "1"
    assert "▏" in text[-1], "one of a thousand is still to be seen"
    assert as_text("t", filled([0.002]), 10, plain=True).plain.isascii()
    assert as_text("t", Histogram()).plain == "t\n"


def test_the_picture_is_one(tmp_path: Path) -> None:
    path = tmp_path / "latency.png"
    as_picture(path, {"classify": filled([0.002, 0.003]), "nothing": Histogram(), "total": filled([0.004, 0.2])}, "ü")
    with Image.open(path) as picture:
        assert picture.width > 600
        assert np.asarray(picture.convert("L")).std() > 10
