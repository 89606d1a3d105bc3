"""The protocols in which something of the wearer is known: what has passed without labels, or a few repetitions with.

``unseen-adaptive``   people whom the checkpoint has never met; each sitting is streamed trial by trial in an order
                      shuffled by ``numpy.random.default_rng(100 * person + session)``, and scored after the fifth
``new-day-adaptive``  the same for session 3 of people whose other sessions are known
``calibrated-k``      the first k repetitions of each gesture of a sitting are given with their labels; the others are
                      tested
``calibrated-k-adaptive``  the same, the others streamed in such an order by who goes on settling in
``calibrated-3-short``  the first three repetitions are given, of each ``SHORT_S`` from its middle: about what ``stream
                      calibrate`` asks a person for; ``-adaptive`` likewise
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dsp.storage import check_writable, write_json
from models.ensemble import load_ensemble
from models.listing import Listing, read_listing
from models.networks import Networks
from models.personal import Personal, personalise
from models.repetition import Repetition
from models.settling import Begin, settle, settling
from models.wearer import Wearers, known_wearers
from train.answers import questions
from train.corpus import gather, track
from train.evaluate import check_known, seen_people
from train.fit import device_of
from train.progress import progress, say
from train.settling import settled
from train.sources import open_collection
from train.splits import NEW_DAY, UNSEEN_PEOPLE, choose, say_numbers
from train.trials import SHORT_S, Shown, Sitting, shuffled, sittings

PROTOCOLS = (
    *("unseen-adaptive", "new-day-adaptive", "calibrated-1", "calibrated-2"),
    *("calibrated-1-adaptive", "calibrated-2-adaptive", "calibrated-3-short", "calibrated-3-short-adaptive"),
)

WARMING = 5
"""Trials of a sitting that adaptation is not scored on."""

RESAMPLED = 2000
"""Bootstrap samples of people."""


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
    score = _scorer(protocol, networks, wearers, listing)
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


def _scorer(protocol: str, networks: Networks, wearers: Wearers, listing: Listing) -> Callable[[Sitting], Score]:
    if not protocol.startswith("calibrated"):
        begin = settling(listing, wearers)
        return lambda sitting: adaptive(networks, begin, sitting)
    measure = going_on if protocol.endswith("-adaptive") else calibrated
    shown = Shown.of(protocol)
    return lambda sitting: measure(networks, wearers, sitting, shown)


def adaptive(networks: Networks, begin: Begin, sitting: Sitting) -> Score:
    """The sitting in its shuffled order, window by window, as it would be live."""
    adaptation = begin()
    order = shuffled(sitting, range(len(sitting.truth)))
    before, after = [], []
    for place in order:
        given = networks.batch(sitting.windows[place])
        before.append(given)
        after.append(settled(networks, adaptation, sitting.windows[place], given))
    return _score(sitting, order[WARMING:], before[WARMING:], after[WARMING:])


def calibrated(networks: Networks, wearers: Wearers, sitting: Sitting, shown: Shown) -> Score:
    """Calibrated on the first repetitions, tested on the others; the labels are taken as they are."""
    own, tested = _personal(networks, wearers, sitting, shown)
    served = Networks(own.ensemble, torch.device("cpu"))
    before = [networks.batch(sitting.windows[place]) for place in tested]
    after = [
        own.calibrated.join(wearers.population, sitting.windows[place], served.batch(sitting.windows[place]))
        for place in tested
    ]
    return _score(sitting, tested, before, after)


def going_on(networks: Networks, wearers: Wearers, sitting: Sitting, shown: Shown) -> Score:
    """Calibrated likewise; the others in a shuffled order, window by window, by who goes on settling in."""
    own, tested = _personal(networks, wearers, sitting, shown)
    served, spec = Networks(own.ensemble, torch.device("cpu")), networks.design.spec
    adaptation = settle(wearers.population, 1e3 * spec.hop / spec.rate_hz, own.network, own.calibrated)
    order = shuffled(sitting, tested)
    before, after = [], []
    for place in order:
        windows = sitting.windows[place]
        before.append(networks.batch(windows))
        given = own.calibrated.join(wearers.population, windows, served.batch(windows)).astype(np.float32)
        after.append(settled(served, adaptation, windows, given))
    return _score(sitting, order, before, after)


def _personal(networks: Networks, wearers: Wearers, sitting: Sitting, shown: Shown) -> tuple[Personal, list[int]]:
    """A recogniser by the first repetitions of each gesture, and the places of all other trials."""
    first: list[int] = np.flatnonzero(sitting.repetition < shown.repetitions).tolist()
    tested: list[int] = np.flatnonzero(sitting.repetition >= shown.repetitions).tolist()
    spec = networks.design.spec
    most = max(1, 1 + int((SHORT_S * spec.rate_hz - spec.window) / spec.hop)) if shown.short else None
    used = [Repetition(networks.labels[sitting.truth[place]], middle(sitting.windows[place], most)) for place in first]
    return personalise(networks.ensemble, wearers.population, networks.labels, used), tested


def middle(windows: NDArray[np.float32], most: int | None) -> NDArray[np.float32]:
    """The middle ``most`` of windows ``(B, N, C)``; all of them where there are no more, or for None."""
    if most is None or len(windows) <= most:
        return windows
    begin = (len(windows) - most) // 2
    return windows[begin : begin + most]


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
