"""Repetitions looked at before they are learnt from: what is left out, what cannot be right, how the armband sits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.evidence import arrangement, astray, by_gesture, strange, swapped
from models.personal import reordered
from models.population import Array, Population
from models.repetition import Doubt, Repetition

LEAST = 3
"""Windows of a repetition."""

ENOUGH = 8
"""Windows of a repetition that are looked at to find out how the armband sits."""


class Examined(NamedTuple):
    """What came of it.

    Attributes:
        doubts: about those that are left out.
        used: the others.
        order: of the channels; see ``models.evidence.arrangement``.
    """

    doubts: list[Doubt]
    used: list[Repetition]
    order: tuple[int, ...] | None


def examine(
    population: Population, labels: Sequence[str], repetitions: Sequence[Repetition], *, partial: bool = False
) -> Examined:
    """Each by itself, beside the others of its gesture, and all together.

    Args:
        population: in general.
        labels: K gestures.
        repetitions: as the armband gives them.
        partial: not all have been shown yet, so how the armband sits is only asked where nothing looks as it should.
    """
    found = {number: reason for number, one in enumerate(repetitions) if (reason := _formal(one, labels))}
    sound = [number for number in range(len(repetitions)) if number not in found]
    order = None
    if sound:
        order = _look(population, labels, repetitions, sound, found, partial=partial)
    listed = [Doubt(number, repetitions[number].gesture, reason) for number, reason in sorted(found.items())]
    return Examined(listed, [one for number, one in enumerate(repetitions) if number not in found], order)


def _look(
    population: Population,
    labels: Sequence[str],
    repetitions: Sequence[Repetition],
    sound: Sequence[int],
    found: dict[int, str],
    *,
    partial: bool,
) -> tuple[int, ...] | None:
    """Adds to ``found`` what looks wrong; returns the order."""
    some = [repetitions[number] for number in sound]
    means, gesture = _means(population, some), _gestures(labels, some)
    order = None
    if not partial or strange(population, means).any():
        order = turned(population, labels, some)
        means = means if order is None else _means(population, reordered(some, order))
    unlike = strange(population, means)
    for place in np.flatnonzero(unlike).tolist():
        found[sound[place]] = (
            f"{some[place].gesture} is like no gesture of anybody's: check the electrodes, then show it again"
        )
    like = np.flatnonzero(~unlike)
    astray_ones = astray(population, means[like], gesture[like])
    wrong = {place for place, _ in astray_ones}
    for place, other in astray_ones:
        if all(int(one) in wrong for one in np.flatnonzero(gesture[like] == gesture[like][place])):
            continue  # where none agrees with another, nobody can tell which is wrong
        number = sound[int(like[place])]
        found[number] = (
            f"{repetitions[number].gesture} looks like {labels[other]} this time, unlike before; show it again"
        )
    return order


def check_complete(population: Population, labels: Sequence[str], seen: Examined) -> None:
    """Refuses what no recogniser can be made of.

    Raises:
        ValueError: a gesture has nothing left, or the labels seem to be mixed up.
    """
    if missing := [label for label in labels if not any(one.gesture == label for one in seen.used)]:
        reasons = [doubt.reason for doubt in seen.doubts if doubt.gesture in missing]
        why = f" ({reasons[0]})" if reasons else ""
        raise ValueError(
            f"there is no usable repetition of {', '.join(missing)}{why}, and this checkpoint tells "
            f"{', '.join(labels)} apart; show each of them at least once"
        )
    gesture = _gestures(labels, seen.used)
    means = by_gesture(_means(population, reordered(seen.used, seen.order)), gesture, len(labels))
    if exchanged := swapped(population, means, counts_of(gesture, len(labels))):
        words = ", ".join(f"what is called {labels[given]} looks like {labels[shown]}" for shown, given in exchanged)
        raise ValueError(
            f"the gestures seem to be mixed up: {words}; calibrate again, each under its own "
            "name, or, if each was right, show each of them twice"
        )


def turned(population: Population, labels: Sequence[str], some: Sequence[Repetition]) -> tuple[int, ...] | None:
    """How the armband sits; see ``models.evidence.arrangement``."""
    spans = [one.windows[:: max(1, len(one.windows) // ENOUGH)] for one in some]
    number = np.repeat(np.arange(len(spans)), [len(span) for span in spans])
    gesture, windows = _gestures(labels, some), np.concatenate(spans)

    def seen(way: Sequence[int]) -> Array:
        features = population.features(windows[:, :, list(way)])
        return by_gesture(by_gesture(features, number, len(some)), gesture, len(labels))

    return arrangement(population, seen, counts_of(gesture, len(labels)), windows.shape[2])


def counts_of(gesture: NDArray[np.int64], gestures: int) -> Array:
    """``(K,)`` how often each of K gestures occurs."""
    return np.bincount(gesture, minlength=gestures).astype(np.float64)


def _formal(one: Repetition, labels: Sequence[str]) -> str:
    """What can be said without knowing any gesture; "" for nothing."""
    if one.gesture not in labels:
        return f"{one.gesture} is no gesture of this checkpoint, which knows {', '.join(labels)}"
    if len(one.windows) < LEAST:
        return f"{one.gesture} was held for {len(one.windows)} windows, and {LEAST} are needed; hold it longer"
    if not np.isfinite(one.windows).all():
        return f"{one.gesture} holds values that are no numbers; check the device, then show it again"
    dead = np.flatnonzero(np.ptp(one.windows, axis=(0, 1)) == 0)
    if len(dead):
        return f"{one.gesture}: channel {dead[0] + 1} is flat; press its electrode to the skin, then show it again"
    return ""


def _means(population: Population, some: Sequence[Repetition]) -> Array:
    return np.stack([population.features(one.windows).mean(0) for one in some])


def _gestures(labels: Sequence[str], some: Sequence[Repetition]) -> NDArray[np.int64]:
    return np.array([labels.index(one.gesture) for one in some], np.int64)
