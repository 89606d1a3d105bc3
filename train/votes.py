"""Labels that are distributions: what several experts said of a recording, or what networks believe of it.

A table of text, ``id,LABEL,LABEL,...``: the id is a recording's name in its data set (as in ``submission.csv``), the
numbers are votes or shares, zero or more; each row is divided by its sum.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.storage import whole
from train.corpus import Corpus
from train.progress import say

ID = "id"


def voted(corpus: Corpus, path: Path) -> Corpus:
    """A corpus whose recordings are learnt by the votes in a table; those it does not list keep their own label.

    Raises:
        ValueError: the table is malformed (names the line), names a gesture or a recording that is not there, or a
            recording that shows several gestures, of which one distribution would say too little.
        OSError: it cannot be read.
    """
    names = {entry.name: index for index, entry in enumerate(corpus.entries)}
    votes = np.full((len(corpus.entries), len(corpus.labels)), np.nan)
    for place, name, shares in _rows(path, corpus.labels):
        if name not in names:
            raise ValueError(f"{path}, {place}: there is no recording {name!r} in {corpus.name!r}; remove the line")
        index = names[name]
        if not np.isnan(votes[index, 0]):
            raise ValueError(f"{path}, {place}: {name!r} is listed twice; keep one of the lines")
        labels = corpus.recordings[index].labels
        if labels is not None and len(np.unique(labels[labels >= 0])) > 1:
            raise ValueError(
                f"{path}, {place}: {name!r} shows several gestures, and votes are for one; remove the line"
            )
        votes[index] = shares
    listed = int((~np.isnan(votes[:, 0])).sum())
    say(f"{listed} of {len(names)} recordings are learnt by the votes in {path.name}, the others by their labels")
    return replace(corpus, votes=votes)


def _rows(path: Path, labels: Sequence[str]) -> list[tuple[str, str, NDArray[np.float64]]]:
    """Where each row stands, whom it is about, and its shares in the order of ``labels``."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no table of text ({error})") from error
    first = lines[0] if lines else []
    if first[:1] != [ID] or len(first) < 2:
        raise ValueError(f"{path}: the first line must be '{ID},' and the gestures; it is {','.join(first[:4])!r}")
    columns = lines[0][1:]
    if foreign := sorted(set(columns) - set(labels)):
        raise ValueError(f"{path} votes for {', '.join(foreign)}, and the data show {', '.join(labels)}; rename them")
    if len(set(columns)) < len(columns):
        raise ValueError(f"{path} has two columns of one name; keep one")
    order = [labels.index(column) for column in columns]
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        try:
            given = np.array([float(text) for text in line[1:]])
        except ValueError:
            raise ValueError(f"{path}, line {number}: a vote is no number; it is {','.join(line)[:80]!r}") from None
        if len(given) != len(columns) or not np.isfinite(given).all() or (given < 0).any() or not given.sum() > 0:
            raise ValueError(
                f"{path}, line {number}: give {len(columns)} votes of zero or more, not all zero; it is "
                f"{','.join(line)[:80]!r}"
            )
        shares = np.zeros(len(labels))
        shares[order] = given / given.sum()
        rows.append((f"line {number}", line[0], shares))
    return rows


def write(path: Path, names: Sequence[str], labels: Sequence[str], shares: NDArray[np.float64]) -> None:
    """Writes a table that ``voted`` reads, whole or not at all.

    Args:
        path: of it.
        names: R recordings.
        labels: K gestures.
        shares: ``(R, K)``.
    """
    with whole(path) as neighbour, neighbour.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([ID, *labels])
        writer.writerows([name, *(f"{share:.6f}" for share in row)] for name, row in zip(names, shares, strict=True))
