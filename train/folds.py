"""An ensemble built and measured fold by fold, so that everybody is a stranger once.

Four people differ more than recipes do: a figure on four of them says little without the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsp.storage import write_json
from train import evaluate as evaluation
from train import personal
from train.build import Plan, build
from train.progress import say
from train.sources import open_collection
from train.splits import UNSEEN_PEOPLE, say_numbers

PROTOCOLS = ("unseen", "unseen-adaptive", "calibrated-1", "calibrated-2")
KNOWN = (*PROTOCOLS, *(name for name in personal.PROTOCOLS if name not in (*PROTOCOLS, "new-day-adaptive")))
"""Which can be asked for; the former are done without asking."""

KEYS = ("window_accuracy", "trial_accuracy")
REPORT = "folds.json"


def groups(people: Sequence[int], folds: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Who is tested together: shuffled by the seed, except that those of ``unseen`` stay together where all are there.

    Args:
        people: all of them.
        folds: how many groups.
        seed: of the shuffle.

    Raises:
        ValueError: there are fewer people than groups, or fewer than two groups.
    """
    if not 2 <= folds <= len(people):
        raise ValueError(f"{folds} folds of {len(people)} people cannot be; give 2 to {len(people)}")
    fixed = UNSEEN_PEOPLE if set(UNSEEN_PEOPLE) < set(people) and len(people) == folds * len(UNSEEN_PEOPLE) else ()
    others = [person for person in sorted(people) if person not in fixed]
    shuffled = np.random.default_rng(seed).permutation(others)
    parts = np.array_split(shuffled, folds - bool(fixed))
    found = [tuple(sorted(int(person) for person in part)) for part in parts]
    return [*found, tuple(fixed)] if fixed else found


def folds(
    plan: Plan,
    data: str,
    people: Sequence[int] | None,
    out: Path,
    *,
    count: int = 5,
    seed: int = 0,
    only: Sequence[int] | None = None,
    protocols: Sequence[str] = PROTOCOLS,
    device: str = "auto",
) -> dict[str, Any] | None:
    """Builds and measures each fold; what is there of an earlier attempt is gone on with.

    Args:
        plan: what is trained.
        data: folder, zip or simulated people.
        people: None for all.
        out: folder: ``foldN`` with the ensemble and a report for each protocol, and ``folds.json``.
        count: of folds.
        seed: of who is tested together.
        only: numbers of folds, from 1, to do now, so that several processes may share the work.
        protocols: which.
        device: auto, cpu or cuda.

    Returns:
        Means over people with intervals, fit for JSON; None as long as a fold is missing.

    Raises:
        ValueError: as ``train.build.build``, or a protocol is none of ``KNOWN``.
    """
    if unknown := sorted(set(protocols) - set(KNOWN)):
        raise ValueError(f"{unknown[0]!r} cannot be measured by folds; these can: {', '.join(KNOWN)}")
    everybody = sorted(people or {entry.person for entry in open_collection(data).entries})
    tested = groups(everybody, count, seed)
    for number, strangers in enumerate(tested, start=1):
        if only is None or number in only:
            known = [person for person in everybody if person not in strangers]
            _fold(plan, data, known, strangers, out / f"fold{number}", protocols, device)
    read = _reports(out, protocols, count)
    if read is None:
        return None
    result = {
        "members": dict(zip(plan.recipes, plan.weights, strict=True)),
        "data": Path(data).name,
        "folds": [list(strangers) for strangers in tested],
        "protocols": {name: _together([row[place] for row in read]) for place, name in enumerate(protocols)},
    }
    write_json(out / REPORT, result)
    return result


def _reports(out: Path, protocols: Sequence[str], count: int) -> list[list[dict[str, Any]]] | None:
    """Of each fold, one for each protocol; None as long as one is missing."""
    paths = [[out / f"fold{number + 1}" / f"{name}.json" for name in protocols] for number in range(count)]
    if missing := [path for row in paths for path in row if not path.is_file()]:
        say(f"{len(missing)} of {count * len(protocols)} reports are still to come; the first: {missing[0]}")
        return None
    return [[json.loads(path.read_text(encoding="utf-8")) for path in row] for row in paths]


def _fold(
    plan: Plan,
    data: str,
    known: Sequence[int],
    strangers: Sequence[int],
    out: Path,
    protocols: Sequence[str],
    device: str,
) -> None:
    checkpoint = out / "checkpoint"
    if not checkpoint.exists():
        say(f"training on people {say_numbers(known)}, to be tested on {say_numbers(strangers)}")
        build(plan, data, known, None, checkpoint, out / "runs", device=device)
    for protocol in protocols:
        path = out / f"{protocol}.json"
        if not path.exists():
            measure = personal.evaluate if protocol in personal.PROTOCOLS else evaluation.evaluate
            write_json(path, measure(checkpoint, data, protocol, strangers, device=device))


def _together(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The folds of one protocol as one."""
    people = {who: one for report in reports for who, one in report["per_person"].items()}
    rows = [{key: float(one[key]) for key in KEYS} for one in people.values()]
    found: dict[str, Any] = {
        **{key: float(np.mean([row[key] for row in rows])) for key in KEYS},
        "intervals": personal.intervals(rows),
        "per_fold": [{key: report[key] for key in KEYS} for report in reports],
        "per_person": {who: people[who] for who in sorted(people, key=int)},
    }
    worst = [report["worst_sitting"] for report in reports if "worst_sitting" in report]
    if worst:
        found["worst_sitting"] = min(worst, key=lambda one: float(one["trial_accuracy"]))
    return found


def say_result(result: dict[str, Any]) -> str:
    """The result as a table for people."""
    rows: list[tuple[str, ...]] = [("", "windows", "95 %", "trials", "95 %", "worst sitting, trials")]
    for name, found in result["protocols"].items():
        cells = [name]
        for key in KEYS:
            low, high = found["intervals"][key]
            cells += [f"{100 * found[key]:.1f} %", f"{100 * low:.1f}-{100 * high:.1f}"]
        worst = found.get("worst_sitting")
        cells.append("" if worst is None else f"{100 * worst['trial_accuracy']:.0f} % (person {worst['who']})")
        rows.append(tuple(cells))
        for number, one in enumerate(found["per_fold"], start=1):
            shown = [f"{100 * one[key]:.1f} %" for key in KEYS]
            who = ",".join(str(person) for person in result["folds"][number - 1])
            rows.append((f"  people {who}", shown[0], "", shown[1], "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
