"""One answer for every recording of a data set, as a table and as pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.classifier import load_classifier
from train import metrics, pictures
from train.answers import ask, questions
from train.corpus import gather, track
from train.fit import device_of
from train.sources import open_collection
from train.storage import check_writable
from train.storage import whole as written_whole


def predict(data: str, checkpoints: Path, output: Path, *, device: str = "auto") -> dict[str, Any]:
    """Answers every recording by the mean of its windows' probabilities, all members and views together.

    Args:
        data: a folder or zip in a known layout.
        checkpoints: a checkpoint, an ensemble, or the folder of a run.
        output: folder for ``submission.csv`` (``id,label,confidence``, the id is the file's name in the data set)
            and ``confidences.png``; where gestures are known also ``confusion_matrix.png`` and ``per_gesture.png``.
        device: auto, cpu or cuda.

    Returns:
        Number of recordings, accuracy where known, and the files written; fit for JSON.

    Raises:
        ValueError: the data do not fit the checkpoint, or a recording is malformed or shorter than one window.
    """
    check_writable(output)
    classifier = load_classifier(checkpoints, device=str(device_of(device)), threads=None)
    spec, labels = classifier.design.spec, classifier.labels
    collection = open_collection(data, spec.rate_hz)
    corpus = gather(data, collection, collection.entries)
    if corpus.left_out:
        raise ValueError(
            f"{len(corpus.left_out)} of the recordings cannot be answered, and a submission must be complete; "
            f"mend or remove them: {corpus.left_out[0]}"
        )
    filtered = track(classifier.design, corpus.recordings, labels)
    asked = questions(filtered, corpus.entries, spec.window, spec.hop)
    for index, entry in enumerate(corpus.entries):
        if index not in asked.owner:
            raise ValueError(f"{entry.name!r} is shorter than one window of {spec.window_ms:g} ms; leave it out")
    *_, given = ask(classifier, filtered, asked, []).values()
    answers, confidence = given.averaged.argmax(1), given.averaged.max(1).astype(np.float64)
    with (
        written_whole(output / "submission.csv") as neighbour,
        neighbour.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("id", "label", "confidence"))
        for entry, answer, sure in zip(corpus.entries, answers, confidence, strict=True):
            table.writerow((entry.name, labels[answer], f"{sure:.6f}"))
    counts = metrics.confusion(asked.trial_truth, answers.astype(np.int64), len(labels))
    files = ["submission.csv", "confidences.png"]
    known = asked.trial_truth >= 0
    groups = {"recordings": confidence}
    if known.any():
        right = asked.trial_truth == answers
        groups = {"right": confidence[known & right], "wrong": confidence[known & ~right]}
        pictures.confusion_matrix(output / "confusion_matrix.png", counts, labels, f"{corpus.name}: recordings")
        f1s = dict(zip(labels, metrics.f1(counts), strict=True))
        pictures.bars(output / "per_gesture.png", {"F1": f1s}, "F1 of each gesture, %")
        files += ["confusion_matrix.png", "per_gesture.png"]
    pictures.histogram(output / "confidences.png", groups, "confidence of the answers")
    return {
        "recordings": len(corpus.entries),
        "labelled": int(known.sum()),
        "accuracy": metrics.accuracy(counts),
        "macro_f1": metrics.macro_f1(counts),
        "output": str(output),
        "files": files,
    }


def say_summary(summary: Mapping[str, Any]) -> str:
    """The summary as a sentence."""
    known = summary["accuracy"]
    score = "" if known is None else f"; {100 * known:.1f} % of the {summary['labelled']} labelled ones right"
    return f"{summary['recordings']} recordings answered in {summary['output']}{score}"
