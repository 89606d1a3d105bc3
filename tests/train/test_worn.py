"""How training people's armbands sat: found from the labels, undone before anything is learnt of wearers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsp.design import Design, DspSpec, design
from models.evidence import arrangements
from tests.models.people import CHANNELS, LABELS, People
from train.answers import questions
from train.corpus import Corpus, load, track
from train.telling import learn
from train.worn import likeliest, worn

WAYS = arrangements(8)
TURNED = {(2, 1): 1, (4, 1): 13, (5, 1): 7}
"""Sittings of the simulated people whose armband is made to sit otherwise."""


@pytest.fixture(scope="module")
def how() -> Design:
    return design(DspSpec(200.0, band_hz=(20.0, 90.0), window_ms=400.0, hop_ms=100.0))


@pytest.fixture(scope="module")
def alike() -> Corpus:
    return load("sim:people=1-12,sessions=1", rate_hz=200.0, cache=False)


def turned(corpus: Corpus, ways: dict[tuple[int, int], int]) -> Corpus:
    """The same people, some of whose armbands sit otherwise."""
    recordings = []
    for entry, recording in zip(corpus.entries, corpus.recordings, strict=True):
        back = np.argsort(WAYS[ways.get((entry.person, entry.session), 0)])
        recordings.append(replace(recording, samples=np.ascontiguousarray(recording.samples[:, back])))
    return replace(corpus, recordings=tuple(recordings))


def found(corpus: Corpus, how: Design) -> tuple[dict[tuple[int, int], int], float]:
    whole = track(how, corpus.recordings, corpus.labels)
    asked = questions(whole, corpus.entries, how.spec.window, how.spec.window)
    ways, otherwise = worn(whole, corpus.entries, asked, how.spec.window)
    by_name = {(entry.person, entry.session): way for entry, way in zip(corpus.entries, ways.tolist(), strict=True)}
    return {name: way for name, way in by_name.items() if way}, otherwise


def test_every_turned_sitting_is_found(alike: Corpus, how: Design) -> None:
    assert found(turned(alike, TURNED), how) == (TURNED, 3 / 12)


def test_where_all_wore_it_alike_nothing_is_turned(alike: Corpus, how: Design) -> None:
    assert found(alike, how) == ({}, 0.0)


def test_one_armband_put_on_badly_makes_no_custom(alike: Corpus, how: Design) -> None:
    assert found(turned(alike, {(3, 1): 4}), how) == ({}, 0.0)


def test_few_people_can_be_compared_with_nobody(how: Design) -> None:
    few = load("sim:people=1-2,sessions=1-2", rate_hz=200.0, cache=False)
    assert found(turned(few, {(1, 2): 3}), how) == ({}, 0.0)


def test_wearers_are_learnt_as_if_all_had_worn_it_alike(alike: Corpus, how: Design) -> None:
    one, other = (
        learn(track(how, some.recordings, some.labels), some, some.labels, how.spec.window, how.spec.hop)
        for some in (alike, turned(alike, TURNED))
    )
    assert (one.otherwise, other.otherwise) == (0.0, 3 / 12)
    np.testing.assert_allclose(other.means, one.means, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other.between, one.between, rtol=1e-6, atol=1e-6)
    assert other.limits == pytest.approx(one.limits)


def test_who_shows_nothing_that_others_show_is_left_as_it_is() -> None:
    people = People()
    shown = [(person, label) for person in range(6) for label in range(len(LABELS)) if (label == 2) == (person == 0)]
    heard = []
    for person, label in shown:
        windows = people.windows(person, label, 0).astype(np.float64)
        heard.append((windows.transpose(0, 2, 1) @ windows / windows.shape[1]).mean(0))
    sitting, gesture = np.array(shown).T
    assert likeliest(np.array(heard), gesture, sitting, np.arange(6), CHANNELS)[0] == 0
