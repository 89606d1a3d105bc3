"""A checkpoint rounded to eight bits, verified on people who had no part in the rounding, and kept beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from models.engines import kept, rounded, rounding
from models.engines.golden import differs
from models.engines.rounding import Convolution, Range
from models.engines.rows import Rows, mean_over_views
from models.engines.runtime import onnxruntime
from models.engines.sessions import session_logits
from models.engines.vote import Vote
from models.listing import Listing, read_listing
from models.loading import efforts
from train.corpus import Corpus, Track, load, track
from train.progress import progress, say
from train.splits import say_numbers
from train.task import grid

CALIBRATED = 400
"""Windows that ranges are chosen by, with all their views."""

SELECTED = 3000
"""Windows by which it is decided what stays in float32."""

VERIFIED = 5000
"""Windows that the result is held to."""

AIM = 0.998
"""Agreement with float32 that the selection goes for: above what is required, since other people follow."""


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
    work = _Work(listing, models, pool.draw(parts.rounding, CALIBRATED)[0])
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


class _Work:
    """The float32 models of a checkpoint, and what is known of their tensors."""

    def __init__(self, listing: Listing, models: Sequence[ModelProto], windows: NDArray[np.float32]) -> None:
        self._listing, self._models = listing, models
        self._everything = efforts(listing)[0]
        self._convolutions = [rounding.convolutions(model) for model in models]
        self._ranges: list[Mapping[str, Range]] = []
        self._sensitivity: list[tuple[float, int, Convolution]] = []
        total = sum(len(found) for found in self._convolutions)
        with progress("measuring what rounding does", total + len(models)) as advance:
            for member, found in enumerate(self._convolutions):
                rows = self._rows(member, windows)
                tensors = {name for one in found for name in (one.entry, one.exit)}
                self._ranges.append(rounding.ranges(models[member], rows, tensors))
                advance(1, "")
                before = self._soft(models[member], rows)
                for one in found:
                    after = self._soft(rounding.rounded(models[member], [one], self._ranges[member]), rows)
                    self._sensitivity.append((float(np.abs(after - before).mean()) / one.work, member, one))
                    advance(1, "")

    @property
    def convolutions(self) -> int:
        """How many could be rounded."""
        return len(self._sensitivity)

    def select(self, windows: NDArray[np.float32]) -> tuple[list[ModelProto], list[str]]:
        """Rounds everything, then gives back what costs most for its work, until the decisions are what they were.

        Returns:
            The models, and names of the convolutions that stay in float32, ``member/name``.
        """
        expected = self._answers(self._models, windows).argmax(1)
        worst_first = sorted(self._sensitivity, key=lambda found: -found[0])
        for count in range(len(worst_first) + 1):
            left = {(member, one.name) for _, member, one in worst_first[:count]}
            made = self._rounded(left)
            agreement = float((self._answers(made, windows).argmax(1) == expected).mean())
            say(f"{len(worst_first) - count} of {len(worst_first)} convolutions in eight bits: {agreement:.2%} agree")
            if agreement >= AIM:
                break
        names = [f"{self._listing.cards[member].name}/{name}" for member, name in sorted(left)]
        return made, names

    def verify(
        self, made: Sequence[ModelProto], windows: NDArray[np.float32], truth: NDArray[np.int64]
    ) -> dict[str, Any]:
        """How the rounded models decide, beside the float32 ones."""
        before, after = (self._answers(models, windows) for models in (self._models, made))
        one, other = before.argmax(1), after.argmax(1)
        return {
            "windows": len(windows),
            "agreement": float((one == other).mean()),
            "accuracy_float32": float((one == truth).mean()),
            "accuracy": float((other == truth).mean()),
            "loss": float((one == truth).mean() - (other == truth).mean()),
            "mean_change": float(np.abs(before - after).mean()),
        }

    def golden(self, made: Sequence[ModelProto]) -> list[list[list[float]]]:
        """Logits of each member's golden windows, by which another machine can tell that it computes the same."""
        answers = []
        for model, card in zip(made, self._listing.cards, strict=True):
            rows = np.ascontiguousarray(card.golden().windows.transpose(0, 2, 1))
            answers.append([[round(float(value), 4) for value in row] for row in _run(rounding.session(model), rows)])
        return answers

    def _rounded(self, left: set[tuple[int, str]]) -> list[ModelProto]:
        return [
            rounding.rounded(model, [one for one in found if (member, one.name) not in left], known)
            for member, (model, found, known) in enumerate(
                zip(self._models, self._convolutions, self._ranges, strict=True)
            )
        ]

    def _answers(self, models: Sequence[ModelProto], windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(B, K)`` probabilities of the whole ensemble."""
        sessions = [rounding.session(model) for model in models]
        vote = Vote(self._listing, lambda member, rows: _run(sessions[member], rows), kept.INT8)
        return vote.batch(windows, self._everything)

    def _rows(self, member: int, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        spec, views = self._listing.cards[member].design.spec, self._listing.cards[member].views
        rows = Rows(views, len(windows), spec.channels, spec.window)
        rows.fill(windows)
        return rows.of(rows.count)

    def _soft(self, model: ModelProto, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return mean_over_views(_run(rounding.session(model), rows), len(rows))


def _run(session: Any, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits, a few rows at a time."""
    parts = [session.run(None, {"rows": rows[at : at + 40]})[0] for at in range(0, len(rows), 40)]
    return np.concatenate(parts)


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
