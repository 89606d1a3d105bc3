"""The protocols ``continuous...``: a checkpoint and its decision layer, scored by events.

``continuous``             session 3 of people whose sessions 1 and 2 were trained on
``continuous-adaptive``    the same, settling in to each sitting without labels
``continuous-own``         the same, each by what becomes of the checkpoint when it is trained on with that person's
                           other sessions (``train.own``)
``continuous-unseen``      every third of the people, in the order of their numbers, whom the checkpoint has never met,
                           settling in to each sitting where it knows how wearers differ
``continuous-calibrated``  the same people, each sitting calibrated by the first repetition of each gesture and some
                           rest, tested on what comes after (``train.each``)
``continuous-calibrated-3-short``  likewise by the beginning of the first three repetitions

What counts as detected, named, wrong or false is said in ``devices.events``, and how the muscle's own onset is found in
``devices.onsets``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devices.entry import Entry
from devices.tally import Figures, Tally, figures, intervals, tally, together, worst
from dsp.storage import check_writable, write_json
from models.listing import read_listing
from models.networks import Networks, load_networks
from models.settling import settling
from models.wearer import Wearers, read_wearers
from train.corpus import REST, Corpus, gather
from train.each import each_by_own, each_calibrated
from train.evaluate import check_known, seen_people
from train.fit import device_of
from train.personal import strangers_to
from train.progress import say
from train.sources import open_collection
from train.splits import NEW_DAY, choose, say_numbers
from train.streams import Stream, scored_live, streams
from train.trials import Shown

STRANGERS = ("continuous-unseen", "continuous-calibrated", "continuous-calibrated-3-short")
"""Those about people whom the checkpoint has never met."""

PROTOCOLS = ("continuous", "continuous-adaptive", "continuous-own", *STRANGERS)

SHOWN = (
    ("events", "events", "{:.0f}"),
    ("detected", "detected", "{:.1%}"),
    ("named", "named", "{:.1%}"),
    ("held", "held", "{:.1%}"),
    ("wrong", "wrong/event", "{:.2f}"),
    ("delay_ms", "delay ms", "{:.0f}"),
    ("delay_p90_ms", "p90 ms", "{:.0f}"),
    ("false_per_minute", "false/min", "{:.2f}"),
    ("distracted_per_minute", "distracted", "{:.2f}"),
)
"""Columns of the table: key, heading, format."""


def unseen_third(people: Sequence[int]) -> tuple[int, ...]:
    """The people whom protocols about strangers test on: every third in the order of their numbers."""
    return tuple(sorted(set(people))[2::3])


def under_test(protocol: str, entries: Sequence[Entry], people: Sequence[int] | None = None) -> list[Entry]:
    """The recordings that a protocol tests on.

    Args:
        protocol: one of ``PROTOCOLS``.
        entries: of the data set.
        people: in place of the protocol's own (everybody, or the third of ``unseen_third``).

    Raises:
        ValueError: the data set lacks these people or sessions.
    """
    if protocol not in STRANGERS:
        return choose(entries, people, (NEW_DAY,))
    return choose(entries, unseen_third([entry.person for entry in entries]) if people is None else people)


def evaluate(
    checkpoint: Path,
    data: str,
    protocol: str,
    people: Sequence[int] | None = None,
    *,
    out: Path | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Runs a protocol: every recording from a cold start, decisions by the checkpoint's own layer; see ``evaluate``.

    Returns:
        The report, fit for JSON: the figures of ``devices.tally`` for all, for each gesture and person, and 95 %
        intervals over people.

    Raises:
        ValueError: checkpoint, data and protocol do not fit.
    """
    if out is not None:
        check_writable(out)
    classifier = load_networks(checkpoint, device=str(device_of(device)))
    collection = open_collection(data, classifier.design.spec.rate_hz)
    corpus = gather(data, collection, under_test(protocol, collection.entries, people))
    check(classifier, corpus)
    seen = seen_people(classifier.provenance, corpus, protocol)
    if seen:
        say(f"note: the checkpoint was trained on people {say_numbers(seen)}, so these scores flatter it")
    answered, adapts, refused = _answered(checkpoint, data, protocol, classifier, corpus)
    report = {
        "checkpoint": str(checkpoint),
        "fingerprint": classifier.design.fingerprint,
        "protocol": protocol,
        "data": corpus.name,
        "sessions": sorted({entry.session for entry in corpus.entries}),
        "labels": list(classifier.labels),
        "window_ms": classifier.design.spec.window_ms,
        "hop_ms": classifier.design.spec.hop_ms,
        "decision": classifier.members[0].checkpoint.decision.to_json(),
        "recordings": len(corpus.entries),
        "left_out": list(corpus.left_out),
        "seen_people": seen,
        "adapts": adapts,
        "refused": refused,
        **_figures(classifier, answered),
    }
    if out is not None:
        write_json(out / "report.json", report)
    return report


def _answered(
    checkpoint: Path, data: str, protocol: str, classifier: Networks, corpus: Corpus
) -> tuple[list[Stream], bool, list[str]]:
    """What everybody is answered, whether it settled in to them, and which calibrations were refused."""
    listing, device = read_listing(checkpoint), str(classifier.device)
    if protocol == "continuous-own":
        return each_by_own(checkpoint, data, corpus, device), False, []
    if protocol.startswith("continuous-calibrated"):
        strangers_to(listing, protocol)
        answered, refused = each_calibrated(checkpoint, classifier, corpus, Shown.of(protocol))
        return answered, False, refused
    wearers: Wearers | None = None
    if protocol == "continuous-adaptive":
        wearers = strangers_to(listing, protocol)
    elif protocol == "continuous-unseen":
        wearers = read_wearers(listing)
    begin = None if wearers is None else settling(listing, wearers)
    return streams(classifier, corpus, begin), begin is not None, []


def check(classifier: Networks, corpus: Corpus) -> None:
    """Refuses gestures that a checkpoint does not know, and recordings in which nothing ever begins.

    Raises:
        ValueError: says which.
    """
    check_known(classifier.labels, corpus.labels)
    if REST not in corpus.labels:
        raise ValueError(
            f"{corpus.name!r} is labelled {', '.join(corpus.labels)} and never {REST}, so no gesture begins in it; "
            "use a protocol for held gestures, such as unseen or new-day"
        )


def _figures(classifier: Networks, answered: Sequence[Stream]) -> dict[str, Any]:
    decision = classifier.members[0].checkpoint.decision
    scores = scored_live(answered, classifier.labels, classifier.design.spec)
    by_person: dict[int, Tally] = {}
    for who in sorted({stream.entry.person for stream in answered}):
        mine = [one for one, stream in zip(scores, answered, strict=True) if stream.entry.person == who]
        by_person[who] = tally(mine)
    everyone = together(list(by_person.values()))
    each = {who: figures(one) for who, one in by_person.items()}
    return {
        "people": list(each),
        "all": figures(everyone),
        "interval": intervals(list(by_person.values())),
        "worst_person": worst(each),
        "per_person": {str(who): one for who, one in each.items()},
        "per_gesture": {
            label: _gesture(everyone, index) for index, label in enumerate(classifier.labels) if label != decision.rest
        },
    }


def _gesture(everyone: Tally, label: int) -> Figures:
    return figures(Tally(tuple(one for one in everyone.outcomes if one.label == label)))


def say_report(report: Mapping[str, Any]) -> str:
    """The report as a table for people."""
    rows = [("", *(heading for _, heading, _ in SHOWN)), _row("all", report["all"])]
    rows.append(("95 % interval", *(_interval(report["interval"].get(key), form) for key, _, form in SHOWN)))
    rows.append(("",) * len(rows[0]))
    rows += [_row(name, one) for name, one in report["per_gesture"].items()]
    rows.append(("",) * len(rows[0]))
    worst_one = str(report["worst_person"])
    rows += [_row(f"{who} (worst)" if who == worst_one else who, one) for who, one in report["per_person"].items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        f"{row[0]:{widths[0]}}" + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    notes = [f"calibration refused, so it went on without: {reason}" for reason in report["refused"]]
    return "\n".join([*(line.rstrip() for line in lines), *notes])


def _row(name: str, one: Figures) -> tuple[str, ...]:
    return (name, *(_cell(one[key], form) for key, _, form in SHOWN))


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _interval(bounds: Sequence[float] | None, form: str) -> str:
    return "" if bounds is None else f"{form.format(bounds[0])}..{form.format(bounds[1])}"
