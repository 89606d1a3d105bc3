"""Measures a checkpoint by a protocol: every variant, per gesture, per person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.formats.hht import LAYOUT
from dsp.storage import check_writable, write_json
from models.networks import Networks, load_networks
from train import metrics, pictures
from train.answers import Answers, Questions, ask, questions
from train.corpus import Corpus, gather, track
from train.fit import device_of
from train.matrices import by_task, task_of
from train.progress import say
from train.sources import open_collection
from train.splits import say_numbers, under_test

TOP = ("trial_accuracy", "trial_accuracy_whole", "window_accuracy", "macro_f1", "per_gesture", "per_person")
"""Keys of the last variant that are repeated at the top of the report."""

STRANGERS = (
    *("unseen", "unseen-adaptive", "calibrated-1", "calibrated-2", "calibrated-1-adaptive", "calibrated-2-adaptive"),
    *("calibrated-3-short", "calibrated-3-short-adaptive", "continuous-unseen"),
)
"""Protocols whose people the checkpoint must never have met; in the others, not on that day."""


def evaluate(
    checkpoint: Path,
    data: str,
    protocol: str,
    people: Sequence[int] | None = None,
    *,
    out: Path | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Runs a protocol: every recording from a cold start, windows at the checkpoint's own hop.

    Args:
        checkpoint: a checkpoint, an ensemble, or the folder of a run.
        data: folder, zip or simulated people.
        protocol: ``unseen`` or ``new-day``.
        people: in place of the protocol's own.
        out: folder for ``report.json`` and pictures.
        device: auto, cpu or cuda.

    Returns:
        The report, fit for JSON. ``trial_*`` is None where no recording shows one gesture throughout.

    Raises:
        ValueError: checkpoint, data and protocol do not fit.
    """
    if out is not None:
        check_writable(out)
    classifier = load_networks(checkpoint, device=str(device_of(device)), threads=None)
    corpus = _corpus(classifier, data, protocol, people)
    spec = classifier.design.spec
    whole = track(classifier.design, corpus.recordings, classifier.labels)
    asked = questions(whole, corpus.entries, spec.window, spec.hop)
    if not (asked.truth >= 0).any():
        raise ValueError(f"{data!r} holds no labelled window of {spec.window} samples, so there is nothing to measure")
    seen = seen_people(classifier.provenance, corpus, protocol)
    _say_notes(seen, len(corpus.entries) - len(np.unique(asked.owner)), spec.window_ms)
    answers = ask(classifier, whole, asked, np.flatnonzero(asked.trial_truth >= 0).tolist())
    person = np.array([entry.person for entry in corpus.entries])
    variants = {name: scores(given, asked, person, classifier.labels) for name, given in answers.items()}
    last = next(reversed(variants))
    report = {key: variants[last][key] for key in TOP} | {
        **_facts(checkpoint, protocol, corpus, classifier),
        "windows": int((asked.truth >= 0).sum()),
        "trials": int((asked.trial_truth >= 0).sum()),
        "left_out": list(corpus.left_out),
        "seen_people": seen,
        "variants": variants,
    }
    if out is not None:
        _write(out, report, last)
    return report


def _say_notes(seen: Sequence[int], short: int, window_ms: float) -> None:
    if seen:
        say(f"note: the checkpoint was trained on people {say_numbers(seen)}, so these scores flatter it")
    if short:
        say(f"note: {short} recordings are shorter than a window of {window_ms:g} ms and are not counted")


def scores(given: Answers, asked: Questions, person: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    """All scores of one variant.

    Args:
        given: its answers.
        asked: with the truth.
        person: ``(R,)`` of each recording.
        labels: K gestures.
    """
    windows = (asked.truth, given.windows.argmax(1), person[asked.owner])
    trials = (asked.trial_truth, given.averaged.argmax(1), person)
    by_window = metrics.confusion(*windows[:2], len(labels))
    by_trial = metrics.confusion(*trials[:2], len(labels))
    by_whole = metrics.confusion(asked.trial_truth, given.whole.argmax(1), len(labels))
    f1s = [metrics.f1(counts) for counts in (by_window, by_trial, by_whole)]
    return {
        "window_accuracy": metrics.accuracy(by_window),
        "trial_accuracy": metrics.accuracy(by_trial),
        "trial_accuracy_whole": metrics.accuracy(by_whole),
        "macro_f1": metrics.macro_f1(by_window),
        "per_gesture": {
            name: {"f1": f1s[0][k], "trial_f1": f1s[1][k], "trial_f1_whole": f1s[2][k]} for k, name in enumerate(labels)
        },
        "per_person": {
            str(who): {
                "window_accuracy": _accuracy_of(*windows, who, len(labels)),
                "trial_accuracy": _accuracy_of(*trials, who, len(labels)),
            }
            for who in sorted(set(person.tolist()))
        },
        "confusion_windows": by_window.tolist(),
        "confusion_trials": by_trial.tolist(),
        "confusion_whole": by_whole.tolist(),
    }


def seen_people(provenance: Mapping[str, Any], corpus: Corpus, protocol: str) -> list[int]:
    """People under test whom the checkpoint was trained on, where they are known: on the session under test."""
    if provenance.get("layout") != corpus.layout:
        return []
    people = {*provenance.get("people", ()), *provenance.get("validation_people", ())}
    sessions = set(provenance.get("sessions", ()))
    return sorted(
        {
            entry.person
            for entry in corpus.entries
            if entry.person in people and (protocol in STRANGERS or entry.session in sessions)
        }
    )


def say_report(report: Mapping[str, Any]) -> str:
    """The report as a table for people."""
    rows = [("", "windows", "macro-F1", "trials", "trials whole")]
    for name, scored in report["variants"].items():
        keys = ("window_accuracy", "macro_f1", "trial_accuracy", "trial_accuracy_whole")
        rows.append((name, *(_percent(scored[key]) for key in keys)))
    rows += [("",) * 5, ("gesture", "F1", "", "trial F1", "whole F1")]
    for name, scored in report["per_gesture"].items():
        rows.append((name, _percent(scored["f1"]), "", *(_percent(scored[k]) for k in ("trial_f1", "trial_f1_whole"))))
    rows += [("",) * 5, ("person", "windows", "", "trials", "")]
    for who, scored in report["per_person"].items():
        rows.append((who, _percent(scored["window_accuracy"]), "", _percent(scored["trial_accuracy"]), ""))
    first = max(len(row[0]) for row in rows)
    lines = [f"{row[0]:{first}}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _corpus(classifier: Networks, data: str, protocol: str, people: Sequence[int] | None) -> Corpus:
    spec = classifier.design.spec
    collection = open_collection(data, spec.rate_hz)
    gathered = gather(data, collection, under_test(protocol, collection.entries, people))
    corpus = by_task(gathered, task_of(classifier.labels) if gathered.layout == LAYOUT else None)
    check_known(classifier.labels, corpus.labels)
    return corpus


def check_known(known: Sequence[str], shown: Sequence[str]) -> None:
    """Refuses gestures that a checkpoint does not know.

    Raises:
        ValueError: says which.
    """
    if foreign := sorted(set(shown) - set(known)):
        raise ValueError(
            f"the recordings show {', '.join(foreign)}, but the checkpoint knows {', '.join(known)}; "
            "evaluate it on the gestures that it was trained on"
        )


def _accuracy_of(
    truth: NDArray[np.int64], answers: NDArray[np.int64], person: NDArray[np.int64], who: int, classes: int
) -> float | None:
    mine = person == who
    return metrics.accuracy(metrics.confusion(truth[mine], answers[mine], classes))


def _facts(checkpoint: Path, protocol: str, corpus: Corpus, classifier: Networks) -> dict[str, Any]:
    spec = classifier.design.spec
    return {
        "checkpoint": str(checkpoint),
        "fingerprint": classifier.design.fingerprint,
        "members": dict(zip(classifier.member_names, classifier.weights, strict=True)),
        "protocol": protocol,
        "data": corpus.name,
        "people": sorted({entry.person for entry in corpus.entries}),
        "sessions": sorted({entry.session for entry in corpus.entries}),
        "labels": list(classifier.labels),
        "window_ms": spec.window_ms,
        "hop_ms": spec.hop_ms,
        "recordings": len(corpus.entries),
    }


def _write(out: Path, report: Mapping[str, Any], last: str) -> None:
    labels, best = report["labels"], report["variants"][last]
    for what in ("windows", "trials"):
        counts = np.array(best[f"confusion_{what}"], np.int64)
        if counts.sum():
            pictures.confusion_matrix(out / f"confusion_{what}.png", counts, labels, f"{last}, {what}")
    gestures = {
        name: {label: f1[key] for label, f1 in report["per_gesture"].items()}
        for name, key in (("windows", "f1"), ("trials", "trial_f1"), ("trials, whole", "trial_f1_whole"))
    }
    pictures.bars(out / "per_gesture.png", gestures, f"{last}, F1 per gesture")
    people = report["per_person"]
    bars = {key: {f"person {who}": people[who][f"{key}_accuracy"] for who in people} for key in ("window", "trial")}
    pictures.bars(out / "per_person.png", {f"{key}s": values for key, values in bars.items()}, "recognised, per person")
    write_json(out / "report.json", report)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
