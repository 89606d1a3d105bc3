"""A stream that is left for a calibration and taken up again."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from models.loading import load_classifier
from stream import again
from stream.controls import Recalibrate
from stream.live import Wish
from stream.present import Manner

DEMO = Path(__file__).parents[2] / "models" / "checkpoints" / "demo"
WISH = Wish("sim:", str(DEMO), Manner.VIEW)


@pytest.fixture(scope="module")
def classifier():
    return load_classifier(DEMO)


@pytest.mark.parametrize(
    ("seconds", "passed", "left"), [(None, 20.0, None), (30.0, 20.0, 10.0), (30.0, 29.9, 0.56), (30.0, 31.0, 0.56)]
)
def test_the_stream_goes_on_for_the_seconds_that_are_left(classifier, monkeypatch, tmp_path, seconds, passed, left):
    begun = []

    def live(wish, of):
        begun.append((wish.seconds, wish.checkpoint, of))
        if len(begun) == 1:
            wanted = Recalibrate()
            wanted.passed_s = passed
            raise wanted
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(again, "live", live)
    monkeypatch.setattr(again, "_calibrated", lambda *_: True)
    status = again.live_on(replace(WISH, seconds=seconds), classifier, str, lambda _: nullcontext())
    assert status == 0
    out = str(tmp_path / "demo-calibrated")
    assert begun[0] == (seconds, str(DEMO), classifier)
    assert begun[1] == (pytest.approx(left), out, out)


def test_why_a_stream_cannot_be_left_is_said(classifier, monkeypatch):
    assert again.no_calibration(WISH, classifier, None) == ""
    assert "--record" in again.no_calibration(replace(WISH, record=Path("a.xdf")), classifier, None)
    assert "jsonl:" in again.no_calibration(replace(WISH, sinks=("jsonl:a",)), classifier, None)
    assert "--wearer" in again.no_calibration(WISH, classifier, Path("me"))
    monkeypatch.setattr(classifier, "wearers", None)
    assert "does not know" in again.no_calibration(WISH, classifier, None)
