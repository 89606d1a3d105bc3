"""Label refinement: train, replace the labels that are trusted least by what strangers to them say, train again.

Every recording is answered by a network that was trained without its person ("out of fold"), so that none of them is
asked about what it has learnt by heart. After system 5 of the challenge; see also Northcutt, Jiang & Chuang, J Artif
Intell Res 70:1373-1411, 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.storage import check_writable
from models.networks import load_networks
from train.answers import ask, questions
from train.corpus import Corpus, track
from train.fit import check_out, fit
from train.progress import say
from train.recipe import Recipe
from train.splits import say_numbers
from train.votes import voted, write

VOTES = "votes.csv"


def refine(
    name: str,
    recipe: Recipe,
    overrides: Sequence[str],
    corpus: Corpus,
    out: Path,
    *,
    folds: int = 4,
    share: float = 0.1,
    resume: bool = False,
    device: str = "auto",
) -> dict[str, Any]:
    """Trains once for each fold of people, refines the labels, and trains on all.

    Args:
        name: of the recipe.
        recipe: with the overrides applied.
        overrides: as typed, for the record.
        corpus: the training side; recordings that show one gesture each.
        out: folder for ``fold-1`` ..., ``votes.csv`` and the run itself.
        folds: groups of people.
        share: of the recordings, those whose label is trusted least.
        resume: go on with what is in ``out``.
        device: auto, cpu or cuda.

    Returns:
        As ``train.fit.fit``, with the number of refined recordings and where the votes are.

    Raises:
        ValueError: too few people, or a recipe that does not fit.
    """
    people = sorted({entry.person for entry in corpus.entries})
    if not 2 <= folds <= len(people):
        raise ValueError(f"--folds is {folds}, and the data hold {len(people)} people; give 2 to {len(people)}")
    if not 0 < share < 1:
        raise ValueError(f"--share is {share:g}; give a share of the recordings between 0 and 1")
    labels = _one_hot(corpus)
    check_out(out, resume=resume)
    check_writable(out)
    believed = np.full((len(corpus.entries), len(corpus.labels)), np.nan)
    order = np.random.default_rng(recipe.seed).permutation(people)
    for number, group in enumerate(np.array_split(order, folds), start=1):
        held = sorted(int(person) for person in group)
        say(f"fold {number} of {folds}: without people {say_numbers(held)}")
        others = _without(corpus, set(held))
        where = out / f"fold-{number}"
        fit(
            name,
            replace(recipe, validation=0),
            overrides,
            others,
            where,
            resume=(where / "history.json").exists(),
            device=device,
        )
        mine = [index for index, entry in enumerate(corpus.entries) if entry.person in held]
        believed[mine] = _believed(where, corpus, mine)
    shares, refined = blended(labels, believed, share)
    write(out / VOTES, [entry.name for entry in corpus.entries], corpus.labels, shares)
    say(f"{len(refined)} of {len(corpus.entries)} labels are refined in {out / VOTES}")
    result = fit(name, recipe, overrides, voted(corpus, out / VOTES), out, resume=True, device=device)
    return result | {"refined": len(refined), "votes": str(out / VOTES)}


def blended(
    labels: NDArray[np.float64], believed: NDArray[np.float64], share: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Labels in which those that are trusted least are replaced by what is believed.

    Args:
        labels: ``(R, K)``, rows of one 1.
        believed: ``(R, K)`` probabilities out of fold; NaN where nothing is.
        share: of the rows with a belief that are replaced, the ones whose label has the least probability.

    Returns:
        ``(R, K)`` and the indices of the replaced rows.
    """
    trust = np.where(np.isnan(believed[:, 0]), np.inf, (labels * np.nan_to_num(believed)).sum(1))
    count = int(np.isfinite(trust).sum() * share)
    least = np.argsort(trust, kind="stable")[:count]
    refined = labels.copy()
    refined[least] = believed[least]
    return refined, least


def _without(corpus: Corpus, people: set[int]) -> Corpus:
    kept = [index for index, entry in enumerate(corpus.entries) if entry.person not in people]
    entries = tuple(corpus.entries[index] for index in kept)
    return replace(corpus, entries=entries, recordings=tuple(corpus.recordings[index] for index in kept))


def _believed(run: Path, corpus: Corpus, mine: Sequence[int]) -> NDArray[np.float64]:
    """``(len(mine), K)`` mean probabilities of these recordings; NaN for one without a window."""
    networks = load_networks(run, device="cpu", threads=None)
    spec = networks.design.spec
    asked_track = track(networks.design, [corpus.recordings[index] for index in mine], networks.labels)
    entries = [corpus.entries[index] for index in mine]
    asked = questions(asked_track, entries, spec.window, spec.hop)
    *_, given = ask(networks, asked_track, asked, []).values()
    order = [networks.labels.index(label) for label in corpus.labels]
    believed = given.averaged[:, order].astype(np.float64)
    believed[~np.isin(np.arange(len(mine)), asked.owner)] = np.nan
    return believed


def _one_hot(corpus: Corpus) -> NDArray[np.float64]:
    """``(R, K)`` of recordings that show one gesture each.

    Raises:
        ValueError: one shows several, or none.
    """
    rows = np.zeros((len(corpus.entries), len(corpus.labels)))
    for index, (entry, recording) in enumerate(zip(corpus.entries, corpus.recordings, strict=True)):
        known = () if recording.labels is None else recording.labels[recording.labels >= 0].tolist()
        marks = sorted(set(known))
        if len(marks) != 1:
            raise ValueError(
                f"{entry.name!r} shows {len(marks)} gestures, and refinement is for recordings of one; leave it out"
            )
        rows[index, corpus.labels.index(recording.names[marks[0]])] = 1
    return rows
