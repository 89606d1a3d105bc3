"""Chooses the decision layer of a checkpoint by events, on people and sessions that are not those under test.

The temperature comes first, by the likelihood of the windows that lie wholly within a gesture or between two. The rest
is a search along one setting after another, from the checkpoint's own on, until none changes, for the least ``cost``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.tally import Figures, figures, tally
from dsp.design import DspSpec
from dsp.storage import check_writable, write
from models import folder, plain, stored
from models.card import CARD, ENSEMBLE, FILES
from models.checkpoint import refuse_foreign
from models.decision import Settings
from models.listing import checkpoint_in, read_listing
from models.networks import load_networks
from train import continuous, metrics
from train.corpus import load
from train.fit import device_of
from train.progress import say
from train.streams import Stream, scored, streams

QUARTER_MS = 250.0
"""A median delay beyond which it costs more."""

STEPS: Mapping[str, Sequence[float]] = {
    "threshold": (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "debounce_ms": (0.0, 25.0, 50.0, 75.0, 100.0, 150.0, 200.0),
    "release_ms": (0.0, 100.0, 200.0, 300.0, 400.0, 500.0),
    "smoothing": (1, 2, 3, 5),
    "hysteresis": (0.0, 0.1, 0.2, 0.3, 0.5),
}
"""What is tried of each setting, in this order."""

TEMPERATURES = tuple(float(value) for value in np.geomspace(0.5, 4.0, 31).round(3))

ROUNDS = 4
"""Most times that every setting is gone through."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings, what they cost, and the figures behind that."""

    settings: Settings
    cost: float
    figures: Figures


def cost(one: Figures) -> float:
    """What figures cost: a missed event 1; one that was not named at once 1, not held 0.5 (both as shares of all).

    A second of median delay costs 1, and each quarter of a second beyond the first one 2 more. A false activation a
    minute costs 0.2, in distraction as well as between gestures, and in distraction each beyond the first one 1 more.
    A figure that there is none of costs nothing, a delay that there is none of as much as a second's.
    """

    def known(name: str, otherwise: float) -> float:
        value = one[name]
        return otherwise if value is None else value

    delay_ms, distracted = known("delay_ms", 1000.0), known("distracted_per_minute", 0.0)
    wrong = (1 - known("detected", 1.0)) + (1 - known("named", 1.0)) + 0.5 * (1 - known("held", 1.0))
    late = delay_ms / 1000 + 2 * max(0.0, delay_ms / QUARTER_MS - 1)
    false = 0.2 * (known("false_per_minute", 0.0) + distracted) + max(0.0, distracted - 1)
    return wrong + late + false


def tune(
    checkpoint: Path,
    data: str,
    out: Path,
    people: Sequence[int] | None = None,
    sessions: Sequence[int] | None = None,
    *,
    device: str = "auto",
) -> dict[str, Any]:
    """Writes a checkpoint that decides better, whole or not at all; its network is the same.

    Args:
        checkpoint: a checkpoint, an ensemble, or the folder of a run.
        data: continuous recordings with rest.
        out: folder of the new checkpoint.
        people: to tune on; None for all.
        sessions: to tune on; None for all.
        device: auto, cpu or cuda.

    Returns:
        Settings and figures before and after, fit for JSON.

    Raises:
        ValueError: checkpoint and data do not fit, or something else stands at ``out``.
    """
    source = checkpoint_in(checkpoint)
    check_out(out)
    classifier = load_networks(source, device=str(device_of(device)))
    corpus = load(data, people, sessions, rate_hz=classifier.design.spec.rate_hz)
    continuous.check(classifier, corpus)
    answered, spec = streams(classifier, corpus), classifier.design.spec
    began = classifier.members[0].checkpoint.decision
    before = attempt(answered, classifier.labels, began, spec)
    hot, losses = temperature(answered, classifier.labels, began, spec)
    best = search(answered, classifier.labels, replace(began, temperature=hot), spec)
    facts = {
        "data": corpus.name,
        "people": sorted({entry.person for entry in corpus.entries}),
        "sessions": sorted({entry.session for entry in corpus.entries}),
        "log_loss": {"as_it_was": losses[0], "at_this_temperature": losses[1]},
        "before": {"decision": before.settings.to_json(), "cost": before.cost, **before.figures},
        "after": {"decision": best.settings.to_json(), "cost": best.cost, **best.figures},
    }
    redecided(source, out, best.settings, facts)
    return {"checkpoint": str(out), **facts}


def attempt(answered: Sequence[Stream], labels: Sequence[str], settings: Settings, spec: DspSpec) -> Trial:
    """What settings cost on these streams."""
    found = figures(tally(scored(answered, labels, settings, spec)))
    return Trial(settings, cost(found), found)


def search(answered: Sequence[Stream], labels: Sequence[str], settings: Settings, spec: DspSpec) -> Trial:
    """The cheapest settings found along one axis after another; of equally cheap ones the first."""
    best = attempt(answered, labels, settings, spec)
    for turn in range(ROUNDS):
        start = best
        for name, values in STEPS.items():
            others = [changed(best.settings, name, value) for value in values]
            trials = [attempt(answered, labels, other, spec) for other in others if other != best.settings]
            best = min((best, *trials), key=lambda trial: trial.cost)
        say(f"turn {turn + 1}: cost {best.cost:.3f}, {_in_words(best.settings)}")
        if best is start:
            break
    return best


def changed(settings: Settings, name: str, value: float) -> Settings:
    """With one setting changed."""
    return Settings.from_json({**settings.to_json(), name: value})


def temperature(
    answered: Sequence[Stream], labels: Sequence[str], settings: Settings, spec: DspSpec
) -> tuple[float, tuple[float | None, float | None]]:
    """The temperature at which the labels are likeliest, and the mean log loss (nats) at 1 and there."""
    truth = np.concatenate([within(stream, spec.window, settings.resting(labels)) for stream in answered])
    given = np.concatenate([stream.probabilities for stream in answered])
    losses = {
        value: metrics.log_loss(replace(settings, temperature=value).calibrated(given).astype(np.float32), truth)
        for value in (1.0, *TEMPERATURES)
    }
    best = min(losses, key=lambda value: losses[value] or 0.0)
    return best, (losses[1.0], losses[best])


def within(stream: Stream, window: int, resting: int) -> NDArray[np.int64]:
    """``(W,)`` label of the windows that lie wholly within an event or outside of all; -1 of those on an edge."""
    marks = np.full(stream.samples, resting, np.int64)
    for event in stream.shown:
        marks[event.onset : event.offset] = event.label
    turns = np.concatenate([[0], np.cumsum(np.diff(marks) != 0)])
    first, last = stream.ends - window, stream.ends - 1
    return np.where(turns[first] == turns[last], marks[last], -1)


def adopt(checkpoint: Path, model: Path, out: Path) -> dict[str, Any]:
    """Gives a checkpoint the decision layer of another one, as for a network trained again on more of the same.

    Args:
        checkpoint: a checkpoint, an ensemble, or the folder of a run.
        model: whose decision layer it is to have.
        out: folder of the new checkpoint.

    Returns:
        The settings, fit for JSON.

    Raises:
        ValueError: one of them cannot be read, their labels differ, or something else stands at ``out``.
    """
    check_out(out)
    ours, theirs = read_listing(checkpoint), read_listing(model)
    first, other = ours.cards[0], theirs.cards[0]
    if first.labels != other.labels:
        raise ValueError(
            f"{checkpoint} tells {', '.join(first.labels)} apart, but {model} {', '.join(other.labels)}; "
            "take the decision layer of a checkpoint with the same labels"
        )
    facts = {"like": dict(theirs.provenance.get("tuned", {}))}
    redecided(ours.root, out, other.decision, facts)
    return {"checkpoint": str(out), "decision": other.decision.to_json(), **facts}


def check_out(out: Path) -> None:
    """Refuses a folder that holds anything but a checkpoint, before the work that is to end in it.

    Raises:
        ValueError: it does, or it cannot be written.
    """
    check_writable(out)
    refuse_foreign(out.resolve())


def redecided(source: Path, out: Path, settings: Settings, facts: Mapping[str, Any]) -> None:
    """Copies a checkpoint or an ensemble with another decision layer in each member, whole or not at all.

    Args:
        source: its folder.
        out: folder to make; a checkpoint that is there already is replaced.
        settings: the decision layer.
        facts: become ``tuned`` in its provenance.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    listing = read_listing(source)
    places = [card.path.relative_to(listing.root) for card in listing.cards]
    contents = {place / name: (listing.root / place / name).read_bytes() for place in places for name in FILES}
    for place in places:
        contents[place / CARD] = _said(contents[place / CARD], facts, {"decision": settings.to_json()})
    if (listing.root / ENSEMBLE).exists():
        contents[Path(ENSEMBLE)] = _said((listing.root / ENSEMBLE).read_bytes(), facts)
    with folder.replacing(out.resolve(), {path.parts[0] for path in contents}) as fresh:
        for path, content in contents.items():
            write(fresh / path, content)


def _said(text: bytes, facts: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> bytes:
    """A card or list with more in its provenance."""
    card = plain.read_json(text)
    return stored.json_bytes({**card, **(changes or {}), "provenance": {**card["provenance"], "tuned": dict(facts)}})


def _in_words(settings: Settings) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.to_json().items())


def say_result(result: Mapping[str, Any]) -> str:
    """Before and after, as a table for people; of settings that were taken over, the settings."""
    if "before" not in result:
        return _in_words(Settings.from_json(result["decision"]))
    names = ("cost", *(key for key, _, _ in continuous.SHOWN))
    rows = [(name, _cell(result["before"][name]), _cell(result["after"][name])) for name in names]
    return "\n".join(f"{name:24}{one:>12}{two:>12}" for name, one, two in [("", "before", "after"), *rows])


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
