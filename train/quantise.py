"""A checkpoint rounded to eight bits, verified on people who had no part in the rounding, and kept beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models.engines import kept, rounded, rounding
from models.engines.golden import differs
from models.engines.runtime import onnxruntime
from models.engines.sessions import session_logits
from models.listing import Listing, read_listing
from train.corpus import Corpus, Track, load, track
from train.eightbits import Rounding
from train.progress import say
from train.splits import say_numbers
from train.task import grid

CALIBRATED = 400
"""Windows that ranges are chosen by, with all their views."""

SELECTED = 3000
"""Windows by which it is decided what stays in float32."""

VERIFIED = 5000
"""Windows that the result is held to."""


@dataclass(frozen=True, slots=True)
class People:
    """Who has which part.

    Attributes:
        rounding: by whose windows the ranges are chosen.
        selection: by whose windows it is decided which convolutions stay as they are.
        verification: on whose windows the result is measured; they have no other part.
        strangers: the people for verification were not trained on either.
    """

    rounding: tuple[int, ...]
    selection: tuple[int, ...]
    verification: tuple[int, ...]
    strangers: bool


def quantise(checkpoint: Path, data: str, people: Sequence[int] | None = None) -> dict[str, Any]:
    """Makes the form of a checkpoint in eight bits and keeps it beside the checkpoint, if it holds what it must.

    Args:
        checkpoint: of one network, an ensemble, or the folder of a run.
        data: folder, zip or simulated people, in the layout that it was trained on.
        people: of the data; None for all.

    Returns:
        What was measured and where the result is, fit for JSON.

    Raises:
        ValueError: data and checkpoint do not fit, or the result decides otherwise too often; nothing is kept then.
    """
    listing = read_listing(checkpoint)
    if bound := kept.bound_to_pytorch(listing):
        raise ValueError(f"{bound} runs in PyTorch only, which stays in float32; there is nothing to round")
    exported = kept.exported(listing)
    if complaint := differs(listing, session_logits(exported.files)):
        raise ValueError(f"in ONNX Runtime {complaint} from its golden logits; delete {exported.folder}, and try again")
    models = [onnx.load(file) for file in exported.files]
    corpus = load(data, people, None, rate_hz=listing.cards[0].design.spec.rate_hz)
    pool = _pool(listing, corpus)
    parts = split({entry.person for entry in corpus.entries}, listing.provenance)
    say(
        f"{checkpoint}: ranges by people {say_numbers(parts.rounding)}, selection by {say_numbers(parts.selection)}, "
        f"verification on {say_numbers(parts.verification)}"
    )
    if not any(rounding.convolutions(model) for model in models):
        raise ValueError(f"{checkpoint} holds no convolution large enough to be worth rounding; use float32")
    work = Rounding(listing, models, pool.draw(parts.rounding, CALIBRATED)[0])
    made, left = work.select(pool.draw(parts.selection, SELECTED)[0])
    verified = work.verify(made, *pool.draw(parts.verification, VERIFIED))
    verified["people"], verified["strangers"] = list(parts.verification), parts.strangers
    golden = work.golden(made)
    exact = [card.golden().logits for card in listing.cards]
    verified["golden_change"] = max(
        rounded.change(np.asarray(one, np.float32), other) for one, other in zip(golden, exact, strict=True)
    )
    _refuse_unfit(checkpoint, verified)
    if len(left) == work.convolutions:
        raise ValueError(
            f"nothing of {checkpoint} can be rounded to eight bits without other decisions, so nothing is kept; use "
            "float32"
        )
    provenance = {
        "verified": verified,
        "vote": listing.vote,
        "float32": left,
        "data": corpus.name,
        "rounding_people": list(parts.rounding),
        "selection_people": list(parts.selection),
        "golden": golden,
        "versions": {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
    }
    place = kept.keep(listing, kept.INT8, [model.SerializeToString() for model in made], provenance)
    return {"checkpoint": str(checkpoint), "kept": str(place), **verified, "float32": left}


def split(everyone: set[int], provenance: Mapping[str, Any]) -> People:
    """Who has which part: people that the checkpoint does not know verify it, if there are any, else a quarter.

    Args:
        everyone: of the data.
        provenance: of the checkpoint.

    Raises:
        ValueError: fewer than three people.
    """
    if len(everyone) < 3:
        raise ValueError(
            f"the data hold {len(everyone)} people, and rounding, selection and verification need at least one each; "
            "give more people"
        )
    known = {*provenance.get("people", ()), *provenance.get("validation_people", ())}
    order = [int(person) for person in np.random.default_rng(0).permutation(sorted(everyone))]
    strangers = [person for person in order if person not in known] if known else []
    held = strangers if strangers and len(everyone) - len(strangers) >= 2 else order[: max(1, len(order) // 4)]
    rest = [person for person in order if person not in held]
    chosen = rest[: max(1, len(rest) // 3)]
    others = [person for person in rest if person not in chosen]
    return People(tuple(sorted(others)), tuple(sorted(chosen)), tuple(sorted(held)), held is strangers)


def say_result(result: Mapping[str, Any]) -> str:
    """The result as sentences."""
    who = "people it was not trained on" if result["strangers"] else "people who had no part in the rounding"
    return (
        f"in eight bits it agrees with float32 on {result['agreement']:.2%} of {result['windows']} windows of {who} "
        f"({say_numbers(result['people'])}) and recognises {result['accuracy']:.2%} of them, in float32 "
        f"{result['accuracy_float32']:.2%}; {len(result['float32'])} convolutions stayed in float32; it is in "
        f"{result['kept']}"
    )


@dataclass(frozen=True, slots=True)
class _Pool:
    """Labelled windows of a data set, by person.

    Attributes:
        whole: the filtered recordings.
        places: where each window begins.
        labels: of each.
        person: of each.
        length: of a window.
    """

    whole: Track
    places: NDArray[np.int64]
    labels: NDArray[np.int64]
    person: NDArray[np.int64]
    length: int

    def draw(self, people: Sequence[int], count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """``(n, N, C)`` windows and ``(n,)`` labels, at most ``count``, by a seed."""
        mine = np.flatnonzero(np.isin(self.person, people))
        if not len(mine):
            raise ValueError(f"people {say_numbers(people)} show no labelled window; give others")
        drawn = np.sort(np.random.default_rng(0).permutation(mine)[:count])
        windows = self.whole.samples[self.places[drawn][:, None] + np.arange(self.length)]
        return windows, self.labels[drawn]


def _pool(listing: Listing, corpus: Corpus) -> _Pool:
    design = listing.cards[0].design
    spec = design.spec
    whole = track(design, corpus.recordings, listing.cards[0].labels)
    grids = [grid(whole, index, spec.window, spec.hop) for index in range(len(corpus.entries))]
    person = np.repeat([entry.person for entry in corpus.entries], [len(places) for places, _ in grids])
    places, labels = (np.concatenate([pair[at] for pair in grids]).astype(np.int64) for at in (0, 1))
    known = labels >= 0
    return _Pool(whole, places[known], labels[known], person[known], spec.window)


def _refuse_unfit(checkpoint: Path, verified: Mapping[str, Any]) -> None:
    if verified["windows"] < rounded.FEWEST:
        raise ValueError(
            f"the people that verify {checkpoint} in eight bits give {verified['windows']} windows, and "
            f"{rounded.FEWEST} are needed to tell; give more data"
        )
    if not rounded.fit(verified):
        raise ValueError(
            f"{checkpoint} in eight bits agrees with float32 on {verified['agreement']:.2%} of windows and recognises "
            f"{verified['loss']:.2%} fewer, where {rounded.AGREEMENT:.1%} and {rounded.LOSS:.1%} are allowed, so it is "
            "not kept; use float32"
        )
    if verified["golden_change"] > rounded.CHANGE:
        raise ValueError(
            f"{checkpoint} in eight bits changes probabilities of its golden windows by up to "
            f"{verified['golden_change']:.2f}, where {rounded.CHANGE:g} is allowed, so it is not kept; use float32"
        )
