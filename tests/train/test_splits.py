"""Splits: nobody is on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.entry import Entry
from train.splits import UNSEEN_PEOPLE, choose, parse_numbers, say_numbers, set_apart, under_test

ENTRIES = [
    Entry(p, s, f"gesture{g:02d}", t, f"{p}-{s}-{g}-{t}")
    for p in range(1, 21)
    for s in (1, 2, 3)
    for g in (0, 1)
    for t in (1, 2)
]


@settings(deadline=None, max_examples=50)
@given(st.sets(st.integers(0, 60), min_size=1))
def test_numbers_are_read_as_they_are_said(numbers: set[int]) -> None:
    assert parse_numbers(say_numbers(numbers)) == tuple(sorted(numbers))


@pytest.mark.parametrize(
    ("text", "numbers"), [("17-20", (17, 18, 19, 20)), ("3,7,21-23", (3, 7, 21, 22, 23)), ("5, 4-5", (4, 5))]
)
def test_people_as_typed(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "all", "1-", "-3", "3-1", "1,,2", "1-2-3", "²"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write "):
        parse_numbers(text)


@settings(deadline=None, max_examples=50)
@given(st.sets(st.integers(1, 40), min_size=2), st.integers(0, 5), st.integers(0, 1000))
def test_nobody_trains_and_validates(people: set[int], validation: int, seed: int) -> None:
    if validation >= len(people):
        with pytest.raises(ValueError, match="leaves nobody to train on"):
            set_apart(people, validation, seed)
        return
    split = set_apart(people, validation, seed)
    assert not set(split.train) & set(split.validation)
    assert set(split.train) | set(split.validation) == people
    assert len(split.validation) == validation
    assert split == set_apart(sorted(people), validation, seed)


def test_another_seed_sets_other_people_apart() -> None:
    assert len({set_apart(range(1, 17), 3, seed).validation for seed in range(10)}) > 1


def test_unseen_shares_nobody_with_the_training_side() -> None:
    tested = {entry.person for entry in under_test("unseen", ENTRIES)}
    trained = {entry.person for entry in choose(ENTRIES, range(1, 17))}
    assert tested == set(UNSEEN_PEOPLE)
    assert not tested & trained


def test_new_day_shares_no_session_with_the_training_side() -> None:
    tested = under_test("new-day", ENTRIES)
    assert {entry.session for entry in tested} == {3}
    assert {entry.person for entry in tested} == set(range(1, 21))
    assert not set(tested) & set(choose(ENTRIES, None, (1, 2)))


def test_people_may_be_named() -> None:
    assert {entry.person for entry in under_test("unseen", ENTRIES, (3, 5))} == {3, 5}


@pytest.mark.parametrize(
    ("protocol", "people", "sentence"),
    [("unseen", (21,), "people 21 asked for"), ("seen", None, "known are unseen, new-day")],
)
def test_what_is_not_there_is_refused(protocol: str, people: tuple[int, ...] | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        under_test(protocol, ENTRIES, people)


def test_a_data_set_without_the_third_day_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sessions 3 asked for, but the data set has sessions 1-2"):
        under_test("new-day", [entry for entry in ENTRIES if entry.session < 3])
