"""One answer for every recording of a data set, as a table and as pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.formats.hht import LAYOUT
from dsp.design import DspSpec
from dsp.storage import check_writable, write_json
from dsp.storage import whole as written_whole
from models.networks import load_networks
from train import metrics, pictures
from train.answers import Questions, ask, questions
from train.corpus import Corpus, gather, track
from train.fit import device_of
from train.matrices import by_task, task_of
from train.sources import open_collection

SUBMISSION, PREDICTIONS = "submission.csv", "predictions.json"
CONFIDENCES, CONFUSION, PER_GESTURE = "confidences.png", "confusion_matrix.png", "per_gesture.png"


def predict(data: str, checkpoints: Path, output: Path, *, device: str = "auto") -> dict[str, Any]:
    """Answers every recording by the mean of its windows' probabilities, all members and views together.

    Args:
        data: a folder or zip in a known layout.
        checkpoints: a checkpoint, an ensemble, or the folder of a run.
        output: folder for ``submission.csv`` (``id,label,confidence``, the id is the file's name in the data set),
            ``predictions.json`` with every probability, and ``confidences.png``; where gestures are known also
            ``confusion_matrix.png`` and ``per_gesture.png``.
        device: auto, cpu or cuda.

    Returns:
        Number of recordings, accuracy where known, and the files written; fit for JSON.

    Raises:
        ValueError: the data do not fit the checkpoint, or a recording is malformed or shorter than one window.
    """
    check_writable(output)
    classifier = load_networks(checkpoints, device=str(device_of(device)), threads=None)
    spec, labels = classifier.design.spec, classifier.labels
    collection = open_collection(data, spec.rate_hz)
    gathered = gather(data, collection, collection.entries)
    corpus = by_task(gathered, task_of(labels) if gathered.layout == LAYOUT else None)
    filtered = track(classifier.design, corpus.recordings, labels)
    asked = questions(filtered, corpus.entries, spec.window, spec.hop)
    _check_complete(corpus, asked, spec)
    *_, given = ask(classifier, filtered, asked, []).values()
    answers, confidence = given.averaged.argmax(1).astype(np.int64), given.averaged.max(1).astype(np.float64)
    rows = [
        (entry.name, labels[answer], f"{sure:.6f}")
        for entry, answer, sure in zip(corpus.entries, answers, confidence, strict=True)
    ]
    with written_whole(output / SUBMISSION) as neighbour, neighbour.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("id", "label", "confidence"), *rows])
    write_json(output / PREDICTIONS, _predictions(rows, labels, given.averaged))
    counts = metrics.confusion(asked.trial_truth, answers, len(labels))
    return {
        "recordings": len(corpus.entries),
        "labelled": int((asked.trial_truth >= 0).sum()),
        "accuracy": metrics.accuracy(counts),
        "macro_f1": metrics.macro_f1(counts),
        "output": str(output),
        "files": [SUBMISSION, PREDICTIONS, *_draw(output, corpus.name, labels, asked.trial_truth, answers, confidence)],
    }


def _predictions(
    rows: Sequence[tuple[str, str, str]], labels: Sequence[str], shares: NDArray[np.float32]
) -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "label": label,
            "confidence": float(sure),
            "probabilities": {gesture: round(float(share), 6) for gesture, share in zip(labels, row, strict=True)},
        }
        for (name, label, sure), row in zip(rows, shares, strict=True)
    ]


def _check_complete(corpus: Corpus, asked: Questions, spec: DspSpec) -> None:
    """Refuses a data set of which some recordings cannot be answered: a submission is complete or it is none."""
    if corpus.left_out:
        raise ValueError(
            f"{len(corpus.left_out)} of the recordings cannot be answered, and a submission must be complete; "
            f"mend or remove them: {corpus.left_out[0]}"
        )
    for index, entry in enumerate(corpus.entries):
        if index not in asked.owner:
            raise ValueError(f"{entry.name!r} is shorter than one window of {spec.window_ms:g} ms; leave it out")


def _draw(
    output: Path,
    name: str,
    labels: Sequence[str],
    truth: NDArray[np.int64],
    answers: NDArray[np.int64],
    confidence: NDArray[np.float64],
) -> list[str]:
    """Draws the pictures and returns their names; without known gestures, only the confidences."""
    known, right = truth >= 0, truth == answers
    if not known.any():
        pictures.histogram(output / CONFIDENCES, {"recordings": confidence}, "confidence of the answers")
        return [CONFIDENCES]
    counts = metrics.confusion(truth, answers, len(labels))
    pictures.confusion_matrix(output / CONFUSION, counts, labels, f"{name}: recordings")
    f1s = dict(zip(labels, metrics.f1(counts), strict=True))
    pictures.bars(output / PER_GESTURE, {"F1": f1s}, "F1 of each gesture, %")
    groups = {"right": confidence[known & right], "wrong": confidence[known & ~right]}
    pictures.histogram(output / CONFIDENCES, groups, "confidence of the answers")
    return [CONFIDENCES, CONFUSION, PER_GESTURE]


def say_summary(summary: Mapping[str, Any]) -> str:
    """The summary as a sentence."""
    known = summary["accuracy"]
    score = "" if known is None else f"; {100 * known:.1f} % of the {summary['labelled']} labelled ones right"
    return f"{summary['recordings']} recordings answered in {summary['output']}{score}"
