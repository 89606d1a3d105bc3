"""Who trains, who is tested: by person and by session, never by window.

Windows of one recording overlap and resemble one another; a split that cuts through a recording measures memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from devices.entry import Entry

UNSEEN_PEOPLE = (17, 18, 19, 20)
"""Test people of the protocol ``unseen``."""

NEW_DAY = 3
"""Test session of the protocol ``new-day``."""

HIGHEST_NUMBER = 999_999
"""Of a person or session."""

PROTOCOLS = ("unseen", "new-day")


@dataclass(frozen=True, slots=True)
class Split:
    """People on the training side, and those among them set apart for early stopping.

    Attributes:
        train: people whose recordings are trained on.
        validation: people taken out of the training side; empty where nothing is to be selected.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]


def parse_numbers(text: str, what: str = "people") -> tuple[int, ...]:
    """Reads ``17-20`` or ``3,7,21-25``.

    Returns:
        The numbers, sorted, each once.

    Raises:
        ValueError: the text says something else.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise ValueError(f"{what} {text!r} is not understood at {part!r}; write 17-20 or 3,7,21-25")
        low, high = int(first), int(last or first)
        if low > high:
            raise ValueError(f"{what} {text!r} runs backwards at {part!r}; write {high}-{low}")
        if high > HIGHEST_NUMBER:
            raise ValueError(f"{what} {text!r} is not understood at {part!r}; the numbers end at {HIGHEST_NUMBER}")
        numbers.update(range(low, high + 1))
    return tuple(sorted(numbers))


def chosen(text: str | None, what: str = "people") -> tuple[int, ...] | None:
    """``parse_numbers`` of what an option says; None, which stands for all, where it was left out."""
    return None if text is None else parse_numbers(text, what)


def say_numbers(numbers: Iterable[int]) -> str:
    """The inverse of ``parse_numbers``: ``1-3,7``."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


def choose(
    entries: Sequence[Entry], people: Sequence[int] | None = None, sessions: Sequence[int] | None = None
) -> list[Entry]:
    """The recordings of these people and sessions; None stands for all.

    Raises:
        ValueError: one of them is not in the data set, or nothing is left.
    """
    for what, asked, present in (
        ("people", people, {entry.person for entry in entries}),
        ("sessions", sessions, {entry.session for entry in entries}),
    ):
        if asked is not None and (absent := set(asked) - present):
            raise ValueError(
                f"{what} {say_numbers(absent)} asked for, but the data set has {what} {say_numbers(present)}; "
                f"choose among those"
            )
    chosen = [
        entry
        for entry in entries
        if (people is None or entry.person in people) and (sessions is None or entry.session in sessions)
    ]
    if not chosen:
        raise ValueError("no recordings are left of these people and sessions; ask for others")
    return chosen


def set_apart(people: Iterable[int], validation: int, seed: int) -> Split:
    """Takes ``validation`` people out of the training side, the same ones for the same seed.

    Raises:
        ValueError: nobody would be left to train on.
    """
    everyone = sorted(set(people))
    if not 0 <= validation < len(everyone):
        raise ValueError(
            f"validation={validation} of {len(everyone)} people leaves nobody to train on; "
            "give validation=0 to train for a fixed number of epochs, or more people"
        )
    order = np.random.default_rng(seed).permutation(everyone)
    held = tuple(sorted(int(person) for person in order[:validation]))
    return Split(tuple(person for person in everyone if person not in held), held)


def under_test(protocol: str, entries: Sequence[Entry], people: Sequence[int] | None = None) -> list[Entry]:
    """The recordings that a protocol tests on.

    Args:
        protocol: ``unseen`` (people 17-20, all sessions) or ``new-day`` (session 3 of everybody).
        entries: of the data set.
        people: in place of the protocol's own.

    Raises:
        ValueError: the protocol is unknown, or the data set lacks these people or sessions.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"{protocol!r} is no protocol; known are {', '.join(PROTOCOLS)}")
    if protocol == "new-day":
        return choose(entries, people, (NEW_DAY,))
    return choose(entries, UNSEEN_PEOPLE if people is None else people)
