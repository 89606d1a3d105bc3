"""Settling in without labels: it gains, it is bounded, and it forgets what no longer holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.adaptation import Adaptation, Settings, State
from models.population import Classes, Population, inverse, softmax
from tests.models.people import LABELS, People

HOP_MS = 200.0
"""Eight windows are a block, as a repetition of ``People`` has."""


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
def known(people: People) -> Population:
    return people.population()


def network(known: Population, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a network that has never met anybody would say."""
    classes = Classes.of(known.means, inverse(known.between))
    return softmax(0.3 * classes.logits(known.features(windows))).astype(np.float32)


def stream(
    adaptation: Adaptation, known: Population, people: People, person: int, times: int, seed: int = 0
) -> NDArray[np.bool_]:
    """Right or wrong, window by window: ``(T, 2)`` of network and of both together."""
    rng = np.random.default_rng([seed, person])
    found = []
    for turn in range(times):
        for gesture in rng.permutation(len(LABELS)).tolist():
            windows = people.windows(person, gesture, 100 + turn)
            for window, given_ in zip(windows, network(known, windows), strict=True):
                both = adaptation.answer(window, given_)
                adaptation.learn()
                found.append((given_.argmax() == gesture, both.argmax() == gesture))
    return np.array(found)


def test_it_gains_on_strangers(known: Population, people: People) -> None:
    hits = np.stack([stream(Adaptation(known, HOP_MS), known, people, person, 8) for person in range(100, 112)])
    later = hits[:, 48:].mean((0, 1))
    assert later[1] > later[0] + 0.02
    assert (hits[:, 48:].mean(1) @ [-1, 1]).min() > -0.1


def test_before_anything_has_passed_it_says_what_the_networks_say(known: Population, people: People) -> None:
    windows = people.windows(100, 0, 0)
    adaptation = Adaptation(known, HOP_MS)
    for window, given_ in zip(windows, network(known, windows), strict=True):
        np.testing.assert_array_equal(adaptation.answer(window, given_), given_)
    assert adaptation.share == 0


def test_answers_are_probabilities_and_no_number_stays_none(known: Population, people: People) -> None:
    adaptation = Adaptation(known, HOP_MS)
    stream(adaptation, known, people, 100, 3)
    window = people.windows(100, 1, 0)[0]
    answer = adaptation.answer(window, np.full(3, 1 / 3, np.float32))
    assert answer.dtype == np.float32
    assert answer.sum() == pytest.approx(1)
    spoilt = adaptation.answer(window * np.nan, np.full(3, np.nan, np.float32))
    assert np.isnan(spoilt).all()
    assert np.isfinite(np.concatenate([part.ravel() for part in adaptation.state[:2]])).all()


def test_what_is_no_gesture_is_not_learnt_from(known: Population, people: People) -> None:
    adaptation = Adaptation(known, HOP_MS)
    stream(adaptation, known, people, 100, 4)
    before = adaptation.state.blocks
    rng = np.random.default_rng(0)
    for window in 1e-3 * rng.standard_normal((80, 80, 4)).astype(np.float32):
        given_ = np.array([0.9, 0.05, 0.05], np.float32)
        np.testing.assert_array_equal(adaptation.answer(window, given_), given_)
        adaptation.learn()
    assert adaptation.refused == 10
    assert adaptation.state.blocks is before


def test_another_arm_is_noticed_and_the_first_forgotten(known: Population, people: People) -> None:
    far = People(common=1.5)
    adaptation = Adaptation(far.population(), HOP_MS)
    stream(adaptation, adaptation.population, far, 100, 12)
    assert adaptation.forgotten == 0
    stream(adaptation, adaptation.population, far, 107, 12)
    assert adaptation.forgotten >= 1
    assert len(adaptation.state.blocks) < 12 * 3 + Settings().patience + 3


def test_memory_is_bounded(known: Population, people: People) -> None:
    adaptation = Adaptation(known, HOP_MS, Settings(memory=7))
    stream(adaptation, known, people, 101, 5)
    assert len(adaptation.state.blocks) == len(adaptation.state.guesses) == 7


def test_a_wearer_can_be_saved_restored_and_reset(known: Population, people: People) -> None:
    one, other = Adaptation(known, HOP_MS), Adaptation(known, HOP_MS)
    stream(one, known, people, 102, 4)
    other.restore(one.state)
    np.testing.assert_array_equal(
        stream(one, known, people, 102, 2, seed=1), stream(other, known, people, 102, 2, seed=1)
    )
    one.reset()
    assert one.share == 0
    assert len(one.state.blocks) == 0
    first = stream(one, known, people, 103, 2)
    np.testing.assert_array_equal(first, stream(Adaptation(known, HOP_MS), known, people, 103, 2))


def test_somebody_elses_state_is_refused(known: Population) -> None:
    adaptation = Adaptation(known, HOP_MS)
    size = len(known.own)
    for state in (
        State(np.zeros((2, size + 1)), np.zeros((2, 3))),
        State(np.zeros((2, size)), np.zeros((2, 4))),
        State(np.zeros((2, size)), np.zeros((3, 3))),
        State(np.full((2, size), np.nan), np.zeros((2, 3))),
    ):
        with pytest.raises(ValueError, match="belongs to another checkpoint: begin anew"):
            adaptation.restore(state)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), loud=st.floats(-6, 6))
def test_whatever_comes_its_answers_stay_near_the_networks(
    known: Population, people: People, seed: int, loud: float
) -> None:
    """Gestures count as much as the networks at most, so that what these are sure of stands."""
    rng = np.random.default_rng(seed)
    adaptation = Adaptation(known, HOP_MS)
    stream(adaptation, known, people, 100 + seed % 9, 2)
    for window in rng.standard_normal((30, 80, 4)).astype(np.float32) * np.float32(10**loud):
        given_ = rng.dirichlet(np.full(3, 0.3)).astype(np.float32)
        answer = adaptation.answer(window, given_)
        adaptation.learn()
        assert np.isfinite(answer).all()
        assert np.abs(answer - given_).max() <= 0.5 + 1e-6
        assert 0 <= adaptation.share <= 1
