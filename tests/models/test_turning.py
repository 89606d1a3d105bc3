"""How the armband sits, found without labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.adaptation import Adaptation, State
from models.evidence import arrangements, sits
from models.population import Classes, Population, inverse, softmax
from models.turning import FADING, LEAD, MOST, Turning
from tests.models.people import CHANNELS, LABELS, People

HOP_MS = 200.0
"""Eight windows are a block, as a repetition of ``People`` has."""

WAYS = arrangements(CHANNELS)


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
def known(people: People) -> Population:
    return replace(people.population(), otherwise=0.4)


def as_given(windows: NDArray[np.float32], way: int) -> NDArray[np.float32]:
    """What an armband in this arrangement gives of what one that sits as most do would give."""
    return windows[:, :, np.argsort(WAYS[way])]


def wear(adaptation: Adaptation, people: People, person: int, way: int, times: int) -> list[tuple[int, ...] | None]:
    """Wears it for so many rounds of all gestures; the order before each window."""
    orders = []
    classes = Classes.of(adaptation.population.means, inverse(adaptation.population.between))
    for turn in range(times):
        for gesture in np.random.default_rng([person, turn]).permutation(len(LABELS)).tolist():
            for window in as_given(people.windows(person, gesture, 100 + turn), way):
                order = adaptation.order
                seen = window if order is None else window[:, order]
                said = softmax(0.3 * classes.logits(adaptation.population.features(seen[None])))[0]
                adaptation.answer(seen, said.astype(np.float32))
                adaptation.learn()
                orders.append(order)
    return orders


def test_it_is_found_for_every_way_to_wear_it(known: Population, people: People) -> None:
    right = 0
    for way in range(len(WAYS)):
        adaptation = Adaptation(known, HOP_MS)
        wear(adaptation, people, 100 + way, way, 12)
        right += adaptation.order == (WAYS[way] if way else None)
    assert right >= len(WAYS) - 1


def test_who_wears_it_as_most_do_is_left_alone(known: Population, people: People) -> None:
    for person in range(110, 116):
        adaptation = Adaptation(known, HOP_MS)
        assert set(wear(adaptation, people, person, 0, 8)) == {None}
        assert adaptation.turned == 0


def test_nobody_is_turned_where_all_wore_it_alike(known: Population, people: People) -> None:
    adaptation = Adaptation(replace(known, otherwise=0.0), HOP_MS)
    assert set(wear(adaptation, people, 100, 3, 12)) == {None}
    assert not len(adaptation.state.evidence)


def test_nobody_is_turned_who_was_calibrated(known: Population, people: People) -> None:
    assert set(wear(Adaptation(known, HOP_MS, placed=True), people, 100, 3, 12)) == {None}


def test_what_was_learnt_in_another_order_is_forgotten(known: Population, people: People) -> None:
    adaptation = Adaptation(known, HOP_MS)
    orders = wear(adaptation, people, 103, 3, 12)
    found = orders.index(WAYS[3])
    assert orders[:found] == [None] * found
    assert adaptation.turned == 1
    assert len(adaptation.state.blocks) <= (len(orders) - found) // 8


def test_an_armband_that_is_turned_while_worn_is_found_again(known: Population, people: People) -> None:
    adaptation = Adaptation(known, HOP_MS)
    wear(adaptation, people, 104, 2, 12)
    assert adaptation.order == WAYS[2]
    wear(adaptation, people, 104, 0, 30)
    assert adaptation.order is None
    assert adaptation.turned == 2


def test_who_goes_on_from_a_state_does_as_who_never_stopped(known: Population, people: People) -> None:
    one, other = Adaptation(known, HOP_MS), Adaptation(known, HOP_MS)
    wear(one, people, 106, 5, 16)
    assert one.order == WAYS[5]
    other.restore(one.state)
    assert other.order == one.order
    assert wear(one, people, 106, 6, 20) == wear(other, people, 106, 6, 20)
    np.testing.assert_array_equal(one.state.evidence, other.state.evidence)
    one.reset()
    assert one.order is None
    assert not one.state.evidence.any()


def test_a_state_of_another_armband_is_refused(known: Population) -> None:
    adaptation, plain = Adaptation(known, HOP_MS), Adaptation(replace(known, otherwise=0.0), HOP_MS)
    blocks, guesses = np.zeros((0, len(known.own))), np.zeros((0, len(LABELS)))
    for evidence, way in (
        (np.zeros(16), 0),
        (np.zeros(8), 8),
        (np.zeros(8), -1),
        (np.full(8, np.nan), 0),
    ):
        with pytest.raises(ValueError, match="belongs to another checkpoint: begin anew"):
            adaptation.restore(State(blocks, guesses, evidence, way))
    with pytest.raises(ValueError, match="does not look for how it sits"):
        plain.restore(State(blocks, guesses, np.zeros(8), 3))
    plain.restore(State(blocks, guesses, np.zeros(8), 0))


def test_one_block_never_decides_and_its_weight_is_bounded(known: Population, people: People) -> None:
    turning = Turning(known, CHANNELS)
    for window in as_given(people.windows(100, 0, 0), 3):
        turning.look(window)
    assert not turning.weigh()
    assert np.ptp(turning.evidence) <= MOST
    assert MOST < LEAD < MOST / FADING


def test_what_is_no_gesture_in_any_order_says_nothing(known: Population) -> None:
    turning = Turning(known, CHANNELS)
    for window in 1e-3 * np.random.default_rng(0).standard_normal((40, 80, 4)).astype(np.float32):
        turning.look(window)
        assert not turning.weigh()
    turning.look(np.full((80, 4), np.nan, np.float32))
    assert not turning.weigh()
    assert not turning.weigh()
    assert not turning.evidence.any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), loud=st.floats(-6, 6))
def test_whatever_comes_it_stays_a_number(known: Population, seed: int, loud: float) -> None:
    turning = Turning(known, CHANNELS)
    rng = np.random.default_rng(seed)
    for window in rng.standard_normal((30, 80, 4)).astype(np.float32) * np.float32(10**loud):
        turning.look(window)
        turning.weigh()
    assert np.isfinite(turning.evidence).all()
    assert turning.evidence.min() >= -MOST / FADING


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ((2, 3, 0, 1), "turned by 2 of 4 electrodes"),
        ((0, 3, 2, 1), "the other way round"),
        ((3, 2, 1, 0), "turned by 3 of 4 electrodes and the other way round"),
    ],
)
def test_it_is_said_in_words(order: tuple[int, ...], said: str) -> None:
    assert sits(order) == said
