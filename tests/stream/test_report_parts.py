"""The parts of a report: columns, verdicts, strokes, and how large a long one becomes."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest

from devices.recording import UNLABELLED, Recording
from dsp.flow import Chunk
from dsp.pipeline import Pipeline
from models.classifier import Classifier
from models.decision import Decision, Settings
from stream.play import Tally
from stream.present import tally_for
from stream.report.columns import LEVELS, MISSING, coarser, columns, filtered
from stream.report.contents import Run, numbers
from stream.report.document import document
from stream.report.kept import ABSTAINED, RIGHT, UNKNOWN, WRONG, Decisions, Keep, runs
from stream.report.markup import data_block, tag
from stream.report.occurred import occurred
from stream.report.strokes import boxes, clock, envelope, lasted
from stream.score import is_right
from stream.summary import Setting
from tests.stream.conftest import RATE_HZ, WINDOW


def test_the_signal_is_what_the_recogniser_saw(recording: Recording, classifier: Classifier) -> None:
    cut = replace(recording, gaps=((1500, 10),))
    seen = filtered(cut, classifier.design)
    windows = [
        (window.first, window.samples * 20)
        for window in Pipeline(classifier.design).feed(Chunk(recording.samples[:1500], 0))
        for window in [window._replace(samples=window.samples.copy())]
    ]
    for first, samples in windows:
        assert np.array_equal(seen[first : first + WINDOW], samples)
    assert np.isnan(seen[1500:1510]).all()
    assert np.isfinite(seen[1510:3800]).all()
    assert len(seen) == len(recording.samples)
    assert np.isnan(seen[-1]).all(), "the last whole window has ended before"


def test_columns_hold_the_least_and_the_greatest() -> None:
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(1003, 2)).astype(np.float32)
    signal[400:500, 1] = np.nan
    found = columns(signal, most=100)
    assert (found.per, found.low.shape) == (11, (92, 2))
    for column in range(92):
        rows = signal[column * 11 : (column + 1) * 11]
        for channel in range(2):
            known = rows[np.isfinite(rows[:, channel]), channel]
            if not len(known):
                assert found.low[column, channel] == found.high[column, channel] == MISSING
                continue
            expected = np.rint(np.clip(np.array([known.min(), known.max()]) / found.scale_uv, -1, 1) * LEVELS)
            assert (found.low[column, channel], found.high[column, channel]) == tuple(expected)
    each, low, high = coarser(found.low[:, 1], found.high[:, 1], 10)
    assert (each, len(low)) == (10, 10)
    for place in range(10):
        known = found.low[place * 10 : place * 10 + 10, 1]
        known = known[known != MISSING]
        assert low[place] == (known.min() if len(known) else MISSING)
        assert (high[place] == MISSING) == (not len(known))


def test_nothing_but_gaps_is_drawn_as_nothing() -> None:
    found = columns(np.full((10, 1), np.nan, np.float32))
    assert (found.low == MISSING).all()
    assert envelope(*coarser(found.low[:, 0], found.high[:, 0], 5)) == ""


def test_an_envelope_goes_along_the_top_and_back_below() -> None:
    assert envelope(2, [-3, -1, MISSING, 0], [4, 5, MISSING, 0]) == "M0 -4L2 -5L2 1L0 3zM6 0L6 0z"
    assert boxes([(1, 2.504)], 3, 6) == "M1 3H2.5v6H1z"


def test_verdicts_are_those_of_the_score() -> None:
    labels, names = ("rest", "fist"), ("rest", "fist", "foreign")
    truths = [None, *names]
    cases = [(truth, said) for truth in truths for said in (None, *labels)]
    keep = Keep(labels, names, lambda first, _: cases[first][0])
    for place, (_, said) in enumerate(cases):
        keep(Decision(said, 0.5, np.array([0.5, np.nan], np.float32), place, place + 1))
    made = keep.decisions()
    for (truth, said), verdict in zip(cases, made.verdicts().tolist(), strict=True):
        right = is_right(truth, said, labels)
        assert verdict == (UNKNOWN if right is None else RIGHT if right else ABSTAINED if said is None else WRONG)
    assert np.isfinite(made.probabilities).all()
    assert Keep(labels, names, lambda *_: None).decisions().probabilities.shape == (0, 2)


def test_words_and_values_are_escaped() -> None:
    assert tag("b", "<&", tag("i", "x"), title='"<', class_="a", hidden=None) == (
        '<b title="&quot;&lt;" class="a">&lt;&amp;<i>x</i></b>'
    )
    assert "</script>" not in data_block("data", {"</script>": "<!--"})[:-9]
    assert (clock(5, 30), clock(65, 600), numbers([3, 1, 2, 7])) == ("5 s", "1:05", "1-3, 7")
    assert (lasted(38.04), lasted(119.96), lasted(608.1)) == ("38.0 s", "120.0 s", "10 min 8 s")
    assert runs(np.array([1, 1, 2])) == [(0, 2), (2, 3)]


def test_what_was_cut_off_is_no_event(recording: Recording) -> None:
    """A gesture at 2 s ... 4 s and one at 6 s ... 8 s, interrupted at 7 s: the second counts in no way."""
    rate = int(RATE_HZ)
    labels = np.zeros(8 * rate, np.int16)
    labels[2 * rate : 4 * rate] = 1
    labels[6 * rate :] = 1
    muscle = np.random.default_rng(3).normal(size=(8 * rate, 8)) * np.where(labels, 20, 1)[:, None]
    two = replace(recording, samples=muscle.astype(np.float32), labels=labels, gaps=((3 * rate, 10),))
    assert two.labels is not None
    two.labels[3 * rate : 3 * rate + 10] = UNLABELLED
    ends = np.arange(WINDOW, 7 * rate, 50)
    said = np.where((ends > 2.2 * rate) & (ends < 4 * rate) | (ends > 6.2 * rate), 1, 0)
    given = np.zeros((len(ends), 2), np.float32)
    made = Decisions(ends - WINDOW, ends, said, said, np.ones(len(ends)), given)
    signal = muscle.astype(np.float32)
    signal[3 * rate : 3 * rate + 10] = np.nan
    found = occurred(two, signal, made, ("rest", "fist"), Settings(), 7 * rate)
    assert found is not None
    assert (len(found.shown), found.false, found.cut) == (1, 0, True)
    assert found.outcomes[0].named
    assert found.idle_s == pytest.approx(5.8 - 2 - 0.8, abs=0.1)
    whole = occurred(two, signal, made, ("rest", "fist"), Settings(), 8 * rate)
    assert whole is not None
    assert (len(whole.shown), whole.cut) == (2, False)


def test_ten_minutes_of_the_worst_are_small(recording: Recording, classifier: Classifier) -> None:
    """A decision every 20 ms that is never the one before."""
    count = int(600 * RATE_HZ)
    rng = np.random.default_rng(2)
    samples = rng.normal(0, 50, (count, 8)).astype(np.float32)
    labels = np.resize(np.repeat(np.arange(len(recording.names), dtype=np.int16), 1000), count)
    long = replace(recording, samples=samples, labels=labels)
    ends = np.arange(WINDOW, count, int(0.02 * RATE_HZ))
    said = rng.integers(-1, len(classifier.labels), len(ends))
    truth = rng.integers(0, len(classifier.labels), len(ends))
    given = rng.dirichlet(np.ones(len(classifier.labels)), len(ends)).astype(np.float32)
    made = Decisions(ends - WINDOW, ends, said, truth, given.max(axis=1).astype(np.float64), given)
    page = document(run_of(long, classifier, made))
    assert len(page.encode()) < 3_000_000
    ends_told = re.search(r'"ends":(\[\[.*?\]\])', page)
    assert ends_told is not None
    assert len(ends_told[1]) < 100
    told = re.search(r'"said":"([^"]*)"', page)
    assert told is not None
    assert np.array_equal(np.frombuffer(b64decode(told[1]), np.int8), said)


def run_of(recording: Recording, classifier: Classifier, made: Decisions) -> Run:
    channels, length = recording.info.channels, len(recording.samples)
    setting = Setting.of(classifier, source="x", checkpoint="y", channels=channels, speed=0, length=length)
    tally: Tally = tally_for("x", recording.names, recording.label, classifier)
    for true, said in zip(made.truth.tolist(), made.said.tolist(), strict=True):
        tally.score.add(classifier.labels[true], None if said < 0 else classifier.labels[said])
    return Run.of(recording, classifier, setting, tally, made)


def test_nothing_decided_is_a_page_all_the_same(recording: Recording, classifier: Classifier) -> None:
    keep = Keep(classifier.labels, classifier.labels, lambda *_: None)
    run = run_of(recording, classifier, keep.decisions())
    assert "Settings" in document(run)
    run.tally.interrupted = True
    page = document(Run.of(recording, classifier, run.setting, run.tally, keep.decisions()))
    assert "interrupted before the first decision" in page
