"""Several checkpoints under one protocol, side by side: how well, how large, how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsp.storage import check_writable, write_json
from models.listing import read_listing
from models.loading import load_classifier
from models.networks import load_networks
from train import pictures
from train.evaluate import evaluate
from train.progress import say

RUNS = 31
"""Decisions whose median is the time of one."""


def compare(
    runs: Sequence[Path],
    data: str,
    protocol: str,
    people: Sequence[int] | None = None,
    *,
    out: Path | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Evaluates each run and times its live decision, with all members and views, as ``stream`` would make it.

    Args:
        runs: checkpoints, ensembles or folders of runs.
        data: folder, zip or simulated people.
        protocol: as of ``train.evaluate``.
        people: in place of the protocol's own.
        out: folder for ``comparison.json``, ``comparison.png`` and one folder with the report of each run.
        device: auto, cpu or cuda.

    Returns:
        One row for each run, in their order, and a sentence for each that could not be measured; fit for JSON.

    Raises:
        ValueError: a run is no checkpoint or listed twice, or none of them fits the data.
    """
    names = named(runs)
    if out is not None:
        check_writable(out)
    listings = [read_listing(run) for run in runs]  # what cannot be used is said before anything is measured
    for name, listing in zip(names, listings, strict=True):
        if (others := listing.cards[0].labels) != (labels := listings[0].cards[0].labels):
            raise ValueError(
                f"{name!r} tells {', '.join(others)} apart, and {names[0]!r} {', '.join(labels)}; compare what tells "
                "the same apart"
            )
        for card in listing.cards:
            card.check()
    rows, failed = [], []
    for name, run in zip(names, runs, strict=True):
        say(f"{name}: {run}")
        try:
            rows.append(_row(name, run, (data, protocol, people), None if out is None else out / name, device))
        except ValueError as error:
            failed.append({"run": name, "error": str(error)})
            say(f"{name} is left out: {error}")
    if not rows:
        raise ValueError(f"none of the runs could be measured; of {failed[0]['run']}: {failed[0]['error']}")
    result = {"protocol": protocol, "data": data, "runs": rows, "failed": failed}
    if out is not None:
        write_json(out / "comparison.json", result)
        pictures.against_cost(out / "comparison.png", rows, f"{protocol}: windows recognised, and what they cost")
    return result


def _row(
    name: str, run: Path, asked: tuple[str, str, Sequence[int] | None], out: Path | None, device: str
) -> dict[str, Any]:
    """One run's figures."""
    report = evaluate(run, *asked, out=out, device=device)
    networks = load_networks(run, device="cpu", threads=None)
    live = load_classifier(run)
    live.warm_up(RUNS)
    return {
        "run": name,
        "window_accuracy": report["window_accuracy"],
        "macro_f1": report["macro_f1"],
        "trial_accuracy": report["trial_accuracy"],
        "parameters": sum(value.numel() for member in networks.members for value in member.module.parameters()),
        "ms_per_window": round(1e3 * live.costs_s[0], 3),
        "engine": live.engine.name,
        "checkpoint": str(run),
        "seen_people": report["seen_people"],
    }


def named(runs: Sequence[Path]) -> list[str]:
    """What each run is called: as its folder is, with as many folders above it as it takes to tell them apart.

    Raises:
        ValueError: one is listed twice, or there are none.
    """
    whole = [run.resolve() for run in runs]
    if not whole:
        raise ValueError("there is nothing to compare; give checkpoints or folders of runs")
    if len(set(whole)) < len(whole):
        raise ValueError("a run is listed twice; give each once")
    for depth in range(1, max(len(path.parts) for path in whole) + 1):
        names = ["-".join(path.parts[-depth:]).strip("/") for path in whole]
        if len(set(names)) == len(names):
            return names
    raise AssertionError(whole)


def say_comparison(result: Mapping[str, Any]) -> str:
    """The rows as a table for people."""
    rows = [("", "windows", "macro-F1", "trials", "parameters", "ms/window", "engine")]
    for row in result["runs"]:
        shares = (row["window_accuracy"], row["macro_f1"], row["trial_accuracy"])
        shown = ("-" if share is None else f"{100 * share:.2f} %" for share in shares)
        rows.append((row["run"], *shown, f"{row['parameters']:,}", f"{row['ms_per_window']:.2f}", row["engine"]))
    first = max(len(row[0]) for row in rows)
    return "\n".join(f"{row[0]:{first}}" + "".join(f"{cell:>13}" for cell in row[1:]) for row in rows)
