"""The protocols in which something of the wearer is known: what has passed without labels, or a few repetitions with.

``unseen-adaptive``   people whom the checkpoint has never met; each sitting is streamed trial by trial in an order
                      shuffled by ``numpy.random.default_rng(100 * person + session)``, and scored after the fifth
``new-day-adaptive``  the same for session 3 of people whose other sessions are known
``calibrated-k``      the first k repetitions of each gesture of a sitting are given with their labels; the others are
                      tested
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dsp.storage import check_writable, write_json
from models.adaptation import Adaptation
from models.ensemble import load_ensemble
from models.listing import Listing, read_listing
from models.networks import Networks
from models.personal import personalise
from models.repetition import Repetition
from models.wearer import Wearers, known_wearers
from train.answers import Questions, questions
from train.corpus import Corpus, Track, gather, track
from train.evaluate import check_known, seen_people
from train.fit import device_of
from train.progress import progress, say
from train.settling import settled
from train.sources import open_collection
from train.splits import NEW_DAY, UNSEEN_PEOPLE, choose, say_numbers

PROTOCOLS = ("unseen-adaptive", "new-day-adaptive", "calibrated-1", "calibrated-2")

WARMING = 5
"""Trials of a sitting that adaptation is not scored on."""

RESAMPLED = 2000
"""Bootstrap samples of people."""


@dataclass(frozen=True, slots=True, eq=False)
class Sitting:
    """One person on one day: T trials of one gesture each.

    Attributes:
        person: who.
        session: when.
        windows: of each trial ``(B, N, C)``, in the order of gesture and repetition.
        truth: ``(T,)`` index of the gesture.
        repetition: ``(T,)``, from 0 for each gesture.
    """

    person: int
    session: int
    windows: tuple[NDArray[np.float32], ...]
    truth: NDArray[np.int64]
    repetition: NDArray[np.int64]


class Score(NamedTuple):
    """Of one sitting: right and all, windows and trials, without and with what is known of the wearer."""

    person: int
    session: int
    windows: int
    before: int
    after: int
    trials: int
    trials_before: int
    trials_after: int


def evaluate(
    checkpoint: Path,
    data: str,
    protocol: str,
    people: Sequence[int] | None = None,
    *,
    out: Path | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Runs a protocol, sitting by sitting; see ``train.evaluate.evaluate``.

    Returns:
        The report, fit for JSON: shares of windows and trials, ``before`` on the same questions with nothing known of
        the wearer, 95 % intervals over people (percentile bootstrap), each person, and the worst sitting.

    Raises:
        ValueError: checkpoint, data and protocol do not fit, or the checkpoint does not know how wearers differ.
    """
    if out is not None:
        check_writable(out)
    listing = read_listing(checkpoint)
    wearers = strangers_to(listing, protocol)
    ensemble = load_ensemble(checkpoint)
    networks = Networks(ensemble, device_of(device))
    spec = networks.design.spec
    collection = open_collection(data, spec.rate_hz)
    sessions = (NEW_DAY,) if protocol == "new-day-adaptive" else None
    everybody = None if protocol == "new-day-adaptive" else UNSEEN_PEOPLE
    corpus = gather(data, collection, choose(collection.entries, people or everybody, sessions))
    check_known(networks.labels, corpus.labels)
    whole = track(networks.design, corpus.recordings, networks.labels)
    asked = questions(whole, corpus.entries, spec.window, spec.hop)
    met = sorted(
        {*seen_people(networks.provenance, corpus, protocol), *seen_people(wearers.provenance, corpus, protocol)}
    )
    if met:
        say(f"note: the checkpoint was trained on people {say_numbers(met)}, so these scores flatter it")
    found = []
    score = _scorer(protocol, networks, wearers)
    with progress(protocol, len(corpus.entries)) as advance:
        for sitting in sittings(whole, corpus, asked, spec.window):
            found.append(score(sitting))
            advance(len(sitting.windows), f"person {sitting.person} session {sitting.session}")
    if not found:
        raise ValueError(f"{data!r} holds no trial of one gesture throughout, and {protocol} is about such")
    report = {
        "checkpoint": str(checkpoint),
        "fingerprint": networks.design.fingerprint,
        "members": dict(zip(networks.member_names, networks.weights, strict=True)),
        "protocol": protocol,
        "data": corpus.name,
        "people": sorted({entry.person for entry in corpus.entries}),
        "sessions": sorted({entry.session for entry in corpus.entries}),
        "labels": list(networks.labels),
        "seen_people": met,
        "left_out": list(corpus.left_out),
        **summary(found),
    }
    if out is not None:
        write_json(out / "report.json", report)
    return report


def strangers_to(listing: Listing, protocol: str) -> Wearers:
    """What a checkpoint knows of wearers in general.

    Raises:
        ValueError: it knows nothing, or is calibrated for one of them, so that the protocol cannot be measured.
    """
    wearers = known_wearers(listing, f"{protocol} cannot be measured")
    if wearers.calibrated is not None:
        raise ValueError(
            f"{listing.root} is calibrated for somebody already; give the checkpoint that it was made from"
        )
    return wearers


def _scorer(protocol: str, networks: Networks, wearers: Wearers) -> Callable[[Sitting], Score]:
    if protocol.endswith("adaptive"):
        return lambda sitting: adaptive(networks, wearers, sitting)
    repetitions = int(protocol.rpartition("-")[2])
    return lambda sitting: calibrated(networks, wearers, sitting, repetitions)


def sittings(whole: Track, corpus: Corpus, asked: Questions, window: int) -> list[Sitting]:
    """All that is asked, by person and day."""
    steps = np.arange(window)
    by_name: dict[tuple[int, int], list[int]] = {}
    for index in np.flatnonzero(asked.trial_truth >= 0).tolist():
        entry = corpus.entries[index]
        by_name.setdefault((entry.person, entry.session), []).append(index)
    found = []
    for (person, session), some in sorted(by_name.items()):
        ordered = sorted(some, key=lambda index: corpus.entries[index].order)
        truth = asked.trial_truth[ordered]
        windows = tuple(whole.samples[asked.places[asked.owner == index][:, None] + steps] for index in ordered)
        repetition = np.array([int((truth[:place] == label).sum()) for place, label in enumerate(truth)], np.int64)
        found.append(Sitting(person, session, windows, truth, repetition))
    return found


def adaptive(networks: Networks, wearers: Wearers, sitting: Sitting) -> Score:
    """The sitting in its shuffled order, window by window, as it would be live."""
    spec = networks.design.spec
    adaptation = Adaptation(wearers.population, 1e3 * spec.hop / spec.rate_hz)
    order = np.random.default_rng(100 * sitting.person + sitting.session).permutation(len(sitting.truth)).tolist()
    before, after = [], []
    for place in order:
        given = networks.batch(sitting.windows[place])
        before.append(given)
        after.append(settled(networks, adaptation, sitting.windows[place], given))
    return _score(sitting, order[WARMING:], before[WARMING:], after[WARMING:])


def calibrated(networks: Networks, wearers: Wearers, sitting: Sitting, repetitions: int) -> Score:
    """Calibrated on the first repetitions, tested on the others; the labels are taken as they are."""
    shown = np.flatnonzero(sitting.repetition < repetitions).tolist()
    tested = np.flatnonzero(sitting.repetition >= repetitions).tolist()
    used = [Repetition(networks.labels[sitting.truth[place]], sitting.windows[place]) for place in shown]
    own = personalise(networks.ensemble, wearers.population, networks.labels, used)
    served = Networks(own.ensemble, torch.device("cpu"))
    before = [networks.batch(sitting.windows[place]) for place in tested]
    after = [
        own.calibrated.join(wearers.population, sitting.windows[place], served.batch(sitting.windows[place]))
        for place in tested
    ]
    return _score(sitting, tested, before, after)


def summary(found: Sequence[Score]) -> dict[str, Any]:
    """All figures of a protocol from its sittings: means over people, as people are what there is few of."""
    people = sorted({score.person for score in found})
    each = {str(who): _shares([score for score in found if score.person == who]) for who in people}
    alone = {f"{score.person}, session {score.session}": _shares([score]) for score in found}
    worst = min(alone, key=lambda name: alone[name]["trial_accuracy"])
    return {
        **_shares(found),
        "intervals": intervals(list(each.values())),
        "windows": sum(score.windows for score in found),
        "trials": sum(score.trials for score in found),
        "per_person": each,
        "worst_sitting": {"who": worst, **alone[worst]},
        "per_sitting": alone,
    }


def intervals(people: Sequence[dict[str, float]], seed: int = 0) -> dict[str, list[float]]:
    """A 95 % interval of each mean over people, by drawing as many with replacement (percentile bootstrap)."""
    draws = np.random.default_rng(seed).integers(len(people), size=(RESAMPLED, len(people)))
    found = {}
    for key in people[0]:
        means = np.array([one[key] for one in people])[draws].mean(1)
        found[key] = [float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))]
    return found


def say_report(report: dict[str, Any]) -> str:
    """The report as a table for people."""
    rows: list[tuple[str, ...]] = [("", "windows", "before", "trials", "before")]
    keys = ("window_accuracy", "window_accuracy_before", "trial_accuracy", "trial_accuracy_before")
    named = [
        ("all", report),
        *((f"person {who}", one) for who, one in report["per_person"].items()),
        (f"worst: {report['worst_sitting']['who']}", report["worst_sitting"]),
    ]
    rows += [(name, *(f"{100 * one[key]:.1f} %" for key in keys)) for name, one in named]
    spans = [report["intervals"][key] for key in keys]
    rows.insert(2, ("95 % over people", *(f"{100 * low:.1f}-{100 * high:.1f}" for low, high in spans)))
    first = max(len(row[0]) for row in rows)
    return "\n".join(f"{row[0]:{first}}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows)


def _shares(found: Sequence[Score]) -> dict[str, float]:
    windows, trials = sum(score.windows for score in found), sum(score.trials for score in found)
    return {
        "window_accuracy": sum(score.after for score in found) / windows,
        "trial_accuracy": sum(score.trials_after for score in found) / trials,
        "window_accuracy_before": sum(score.before for score in found) / windows,
        "trial_accuracy_before": sum(score.trials_before for score in found) / trials,
    }


def _score(sitting: Sitting, places: Sequence[int], before: Sequence[Any], after: Sequence[Any]) -> Score:
    truth = sitting.truth[list(places)].tolist()
    if not truth:
        raise ValueError(
            f"person {sitting.person}, session {sitting.session} shows too few trials for anything to be left to test"
        )

    def right(answers: Sequence[Any]) -> tuple[int, int]:
        windows = sum(int((rows.argmax(1) == label).sum()) for rows, label in zip(answers, truth, strict=True))
        trials = sum(int(rows.mean(0).argmax() == label) for rows, label in zip(answers, truth, strict=True))
        return windows, trials

    (one, many), (then, all_then) = right(before), right(after)
    count = sum(len(rows) for rows in before)
    return Score(sitting.person, sitting.session, count, one, then, len(truth), many, all_then)
