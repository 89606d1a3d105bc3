"""A checkpoint trained on with one person's recordings, so that it is that person's own.

What ``stream calibrate`` does in seconds with a repetition of each gesture, this does in a minute or two with sessions
of recordings, such as ``devices record --guide`` makes: every member goes on from its weights, by its own recipe, for a
few hundred steps. The decision layer stays as it was, and what is known of wearers as well, but for how this person's
armband sits, so the result adapts and can be calibrated like any other checkpoint.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from dsp.storage import check_writable
from models import checkpoint as checkpoints
from models import folder
from models.card import CARD, ENSEMBLE, Card
from models.ensemble import save_ensemble
from models.examination import turned
from models.listing import RUN, Listing, read_listing
from models.repetition import Repetition
from models.wearer import Wearers, read_wearers, write_wearers
from train.answers import AT_ONCE, cut, questions
from train.changes import override
from train.corpus import Corpus, load, track
from train.fit import fit
from train.progress import say
from train.recipe import Recipe, restored
from train.splits import say_numbers
from train.telling import repetitions

STEPS = 150
"""Of the optimiser, at least."""

REPETITIONS = 6
"""Of each gesture, by which it is found out how the armband sits."""

EPOCHS = 8
"""Passes over the recordings, at least."""

COURSE = ("lr=0.001", "warmup=0.1", "ema=0.99", "batch=128", "validation=0", "keep_every=0", "restart=0", "patience=0")
"""What differs from the recipe that a member was trained by; chosen on sessions 1 and 2 of three of the Myo readings'
people (``train/LOG.md``)."""


def own(
    checkpoint: Path,
    data: str,
    out: Path,
    people: Sequence[int] | None = None,
    sessions: Sequence[int] | None = None,
    changes: Sequence[str] = (),
    *,
    device: str = "auto",
) -> dict[str, Any]:
    """Writes a checkpoint of one person; it appears whole or not at all, and the one that was given stays as it is.

    Args:
        checkpoint: a checkpoint, an ensemble, or the folder of a run.
        data: recordings that show every gesture of the checkpoint.
        out: folder to make; another checkpoint of a person there is replaced.
        people: the person; None where the recordings are of one only.
        sessions: to train on; None for all.
        changes: to the course of every member, as typed: ``epochs=4``.
        device: auto, cpu or cuda.

    Returns:
        The path, the person, the sessions and how many steps each member took, fit for JSON.

    Raises:
        ValueError: the recordings are of several people or show other gestures, the checkpoint is calibrated or a
            member's recipe is not known, or something else stands at ``out``.
    """
    listing = read_listing(checkpoint)
    check_out(out, listing)
    _check_nobodys(listing)
    recipes = [_recipe(card, changes) for card in listing.cards]
    corpus = _of_one(load(data, people, sessions, rate_hz=listing.cards[0].design.spec.rate_hz), listing)
    said = {
        "person": corpus.entries[0].person,
        "data": corpus.name,
        "sessions": sorted({entry.session for entry in corpus.entries}),
        "recordings": len(corpus.entries),
        "course": [*COURSE, *changes],
        "from": {"source": listing.source, "vote": listing.vote},
        "date": datetime.now(UTC).date().isoformat(),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    runs = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        steps = {}
        for card, recipe in zip(listing.cards, recipes, strict=True):
            whole = _long_enough(recipe, corpus, card, changes)
            steps[card.name] = _trained(card, whole, [*COURSE, *changes], corpus, runs / card.name, device)
        _write(out, listing, runs, said, seated(listing, corpus))
    finally:
        shutil.rmtree(runs, ignore_errors=True)
    return {"checkpoint": str(out), **said, "steps": steps}


def check_out(out: Path, listing: Listing) -> None:
    """Refuses a folder that the result could not be put into, before any work.

    Raises:
        ValueError: it is, or lies in, the checkpoint that is trained on, holds something that is nobody's own, or
            cannot be written.
    """
    check_writable(out)
    if out.resolve() == listing.root.resolve() or out.resolve().is_relative_to(listing.root.resolve()):
        raise ValueError(f"{out} is the checkpoint that is to be trained on, or inside it; give another --out")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    usable = out.is_dir() and any((out / name).is_file() for name in (CARD, ENSEMBLE))
    if not usable or "own" not in read_listing(out).provenance:
        raise ValueError(f"{out} exists and is nobody's own checkpoint, so it is not overwritten; give another --out")


def _check_nobodys(listing: Listing) -> None:
    """Refuses a checkpoint that expects an armband as it sat at a calibration.

    Raises:
        ValueError: it is one.
    """
    wearers = read_wearers(listing)
    if wearers is not None and wearers.calibrated is not None:
        raise ValueError(
            f"{listing.root} is calibrated for somebody already; begin with the checkpoint that it was made from, and "
            "calibrate the result"
        )


def _recipe(card: Card, changes: Sequence[str]) -> Recipe:
    """By which a member is trained on.

    Raises:
        ValueError: it does not say how it was trained.
    """
    try:
        recipe = restored(card.provenance["settings"])
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"the member {card.name} does not say by which recipe it was trained ({error}), so it cannot be trained "
            "on; begin with a checkpoint that python -m train made"
        ) from error
    return override(recipe, [*COURSE, *changes])


def _of_one(corpus: Corpus, listing: Listing) -> Corpus:
    """Recordings of one person, labelled as the checkpoint does it.

    Raises:
        ValueError: they are not.
    """
    people = {entry.person for entry in corpus.entries}
    if len(people) > 1:
        raise ValueError(
            f"{corpus.name!r} holds recordings of people {say_numbers(people)}; say with --people whose own it is to be"
        )
    labels = listing.cards[0].labels
    if set(corpus.labels) != set(labels):
        raise ValueError(
            f"the recordings show {', '.join(corpus.labels)}, but the checkpoint tells {', '.join(labels)} apart; "
            "record every one of its gestures and no other"
        )
    return replace(corpus, labels=labels)


def _long_enough(recipe: Recipe, corpus: Corpus, card: Card, changes: Sequence[str]) -> Recipe:
    """With as many epochs as make enough steps, unless somebody says how many."""
    if any(change.startswith("epochs=") for change in changes):
        return recipe
    samples = sum(len(recording.samples) for recording in corpus.recordings)
    each = max(1, int(samples * recipe.overlap / card.design.spec.window / recipe.batch))
    return replace(recipe, epochs=max(EPOCHS, math.ceil(STEPS / each)))


def _trained(card: Card, recipe: Recipe, changes: Sequence[str], corpus: Corpus, run: Path, device: str) -> int:
    """Trains a member on, into the folder of a run; how many steps it took."""
    say(f"training {card.name} on")
    name = str(card.provenance.get("recipe", card.family))
    result = fit(name, recipe, changes, corpus, run, device=device, start=card.path)
    return int(result["steps"])


def seated(listing: Listing, corpus: Corpus) -> Wearers | None:
    """What the checkpoint knows of wearers, as if all wore the armband as this person does.

    The networks learn it as it is worn, so it must not be taken for turned when the result settles in.
    """
    wearers = read_wearers(listing)
    if wearers is None:
        return None
    first = listing.cards[0]
    whole = track(first.design, corpus.recordings, first.labels)
    asked = questions(whole, corpus.entries, first.design.spec.window, first.design.spec.hop)
    number = repetitions(asked)
    shown = []
    for label, gesture in enumerate(first.labels):
        for one in np.unique(number[asked.truth == label])[:REPETITIONS]:
            (windows,) = cut(whole, asked.places[number == one][:AT_ONCE], first.design.spec.window)
            shown.append(Repetition(gesture, windows))
    order = turned(wearers.population, first.labels, shown)
    return wearers if order is None else replace(wearers, population=wearers.population.seated(order))


def _write(out: Path, listing: Listing, runs: Path, said: Mapping[str, Any], wearers: Wearers | None) -> None:
    """The members as they are now, with the decision layer that they had."""
    earlier = [path.name for path in out.iterdir()] if out.exists() else []
    with folder.replacing(out.resolve(), earlier) as fresh:
        for card in listing.cards:
            member = checkpoints.load_member(runs / card.name / RUN)
            stated = replace(
                member.checkpoint, views=card.views, decision=card.decision, provenance=_joined(card.provenance, said)
            )
            place = fresh if card.path == listing.root else fresh / card.path.relative_to(listing.root)
            checkpoints.save(place, stated, member.module, member.golden.windows)
        if (listing.root / ENSEMBLE).is_file():
            places = [str(card.path.relative_to(listing.root)) for card in listing.cards]
            weights = [card.weight for card in listing.cards]
            save_ensemble(fresh, list(zip(places, weights, strict=True)), _joined(listing.provenance, said))
        if wearers is not None:
            write_wearers(fresh, read_listing(fresh), wearers)


def _joined(provenance: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What it came from, and whose own it is now."""
    people = sorted({*provenance.get("people", ()), said["person"]})
    sessions = sorted({*provenance.get("sessions", ()), *said["sessions"]})
    return {**provenance, "people": people, "sessions": sessions, "own": dict(said)}
