"""How much each member of an ensemble should count, by people who were set apart from its training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.networks import load_networks
from train.answers import ask, questions
from train.corpus import gather, track
from train.progress import say
from train.sources import open_collection
from train.splits import choose, say_numbers

ROUNDS = 500
"""Of expectation maximisation; it has settled long before."""

LEAST = 1e-3
"""Weight below which a member is not worth its time; it keeps that much, since one that never votes is no member."""


def fitted(ensemble: Path, data: str, people: Sequence[int]) -> list[float]:
    """The weights under which the members' mean gives these people's true gestures the highest likelihood.

    Args:
        ensemble: folder, whatever its weights.
        data: folder, zip or simulated people.
        people: whose windows decide.

    Returns:
        One weight for each member, in their order; they sum to one.

    Raises:
        ValueError: the data hold no labelled windows of these people.
    """
    networks = load_networks(ensemble, device="cpu", threads=None)
    trained = {person for member in networks.members for person in member.checkpoint.provenance.get("people", ())}
    if seen := sorted(trained & set(people)):
        say(f"note: some member was trained on people {say_numbers(seen)}, so the weights flatter it")
    spec = networks.design.spec
    collection = open_collection(data, spec.rate_hz)
    corpus = gather(data, collection, choose(collection.entries, people))
    whole = track(networks.design, corpus.recordings, networks.labels)
    asked = questions(whole, corpus.entries, spec.window, spec.hop)
    known = np.flatnonzero(asked.truth >= 0)
    if not len(known):
        raise ValueError(f"{data!r} holds no labelled window of people {', '.join(map(str, people))} to fit weights on")
    answers = ask(networks, whole, asked, [])
    given = [answers[name].windows[known, asked.truth[known]] for name in networks.member_names]
    return mixture(np.array(given, np.float64))


def mixture(likelihoods: NDArray[np.float64]) -> list[float]:
    """Weights of a mixture by expectation maximisation (Dempster, Laird & Rubin, J R Stat Soc B 39, 1977).

    Args:
        likelihoods: ``(M, n)``, what each member gave to the true class of each window.

    Returns:
        M weights of at least ``LEAST``, which sum to one and give the product of the mixtures its greatest value.
    """
    weights = np.full(len(likelihoods), 1 / len(likelihoods))
    floor = np.maximum(likelihoods, 1e-12)
    for _ in range(ROUNDS):
        shares = weights[:, None] * floor
        weights = (shares / shares.sum(0)).mean(1)
    weights = np.maximum(weights, LEAST)
    return [float(weight) for weight in weights / weights.sum()]
