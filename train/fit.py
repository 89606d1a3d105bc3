"""A recipe and data to a checkpoint, with history and curves beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from train.corpus import Corpus
from train.keep import FOLDER, keep
from train.loop import STATE, Run
from train.pictures import curves
from train.progress import say
from train.recipe import Recipe
from train.splits import say_numbers
from train.task import Task, prepare


def fit(
    name: str,
    recipe: Recipe,
    overrides: Sequence[str],
    corpus: Corpus,
    out: Path,
    *,
    resume: bool = False,
    device: str = "auto",
) -> dict[str, Any]:
    """Trains a recipe.

    Args:
        name: of the recipe.
        recipe: with the overrides applied.
        overrides: as typed, for the record.
        corpus: the training side.
        out: folder of the run: ``checkpoint/``, ``state.safetensors``, ``history.json``, ``curves.png``.
        resume: go on from the state in ``out``, exactly as if the run had not been interrupted.
        device: auto, cpu or cuda.

    Returns:
        What a person wants to know at the end, fit for JSON.

    Raises:
        ValueError: recipe and data do not fit, or another run is in ``out``.
    """
    if not resume and ((out / STATE).exists() or (out / FOLDER).exists()):
        raise ValueError(f"{out} holds a run already; add --resume to go on with it, or choose another --out")
    where = device_of(device)
    task = prepare(name, recipe, overrides, corpus)
    run = Run(task, where)
    out.mkdir(parents=True, exist_ok=True)
    say(_opening(task, run))
    try:
        weights = run.train(out, resume=resume)
    except KeyboardInterrupt:
        say(f"interrupted after {run.done.epoch} whole epochs; the same command with --resume goes on from there")
        raise
    path = keep(task, weights, run.done, out)
    curves(out / "curves.png", run.done.history)
    say(f"the weights of epoch {run.done.best_epoch} are in {path}")
    best = next(row for row in run.done.history if row["epoch"] == run.done.best_epoch)
    return {"recipe": name, "checkpoint": str(path), "epochs": run.done.epoch, "best": best, "seed": recipe.seed}


def device_of(name: str) -> torch.device:
    """The device called auto, cpu or cuda.

    Raises:
        ValueError: it is unknown or absent.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"{name!r} is no device; known are auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda was asked for, but PyTorch sees no CUDA device here; use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _opening(task: Task, run: Run) -> str:
    people, apart = task.split.train, task.split.validation
    weights = sum(parameter.numel() for parameter in run.network.parameters())
    beside = f", people {say_numbers(apart)} set apart for validation" if apart else ""
    return (
        f"{task.name}: {weights:,} parameters on {run.device}; {len(task.corpus.entries)} recordings, "
        f"people {say_numbers(people)}{beside}; gestures {', '.join(task.corpus.labels)}; "
        f"{task.recipe.epochs} epochs of {run.steps} steps of {task.recipe.batch} windows; seed {task.recipe.seed}"
    )
