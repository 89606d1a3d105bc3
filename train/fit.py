"""A recipe and data to a checkpoint, with history and curves beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dsp.storage import check_writable
from models.checkpoint import load, refuse_foreign
from models.families import config_json
from models.listing import RUN, checkpoint_in
from train.board import check_there
from train.corpus import REST, Corpus
from train.keep import keep
from train.loop import STATE, Run
from train.parallel import company, together
from train.pictures import curves
from train.progress import say
from train.recipe import FROM_DATA, Recipe
from train.splits import say_numbers
from train.task import Start, Task, prepare

UNEVEN = 1.5
"""How many times as long one gesture may be recorded as another before that is said."""


def fit(
    name: str,
    recipe: Recipe,
    overrides: Sequence[str],
    corpus: Corpus,
    out: Path,
    *,
    resume: bool = False,
    device: str = "auto",
    start: Path | None = None,
    board: bool = False,
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
        start: a checkpoint whose weights and signal processing the run begins with.
        board: write the history for TensorBoard as well.

    Returns:
        What a person wants to know at the end, fit for JSON.

    Raises:
        ValueError: recipe and data do not fit, or another run is in ``out``.
    """
    check_out(out, resume=resume)
    if board:
        check_there()
    if recipe.freeze and start is None:
        say("note: parts are frozen without --from, so they stay as they begin, at random")
    begun = None if start is None else Start(*load(checkpoint_in(start)))
    task = prepare(name, recipe, overrides, corpus, begun)
    with together(device_of(device)) as where:
        run, weights = _run(task, out, where, resume=resume, board=board)
        if company().speaks:
            keep(task, weights, run.done, out)
            curves(out / "curves.png", run.done.history)
    path = out / RUN
    best = next(row for row in run.done.history if row["epoch"] == run.done.best_epoch)
    return {
        "recipe": name,
        "checkpoint": str(path),
        "epochs": run.done.epoch,
        "steps": run.done.epoch * run.steps,
        "best": best,
        "seed": recipe.seed,
    }


def _run(task: Task, out: Path, where: torch.device, *, resume: bool, board: bool) -> tuple[Run, dict[str, Tensor]]:
    try:
        run = Run(task, where)
        say(_opening(task, run))
        if uneven := _uneven(task):
            say(uneven)
        return run, _trained(run, out, resume=resume, board=board)
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise ValueError(_too_large(task.recipe, where)) from error
        raise


def _trained(run: Run, out: Path, *, resume: bool, board: bool) -> dict[str, Tensor]:
    try:
        return run.train(out, resume=resume, board=board)
    except KeyboardInterrupt:
        say(f"interrupted after {run.done.epoch} whole epochs; the same command with --resume goes on from there")
        raise


def check_out(out: Path, *, resume: bool) -> None:
    """Refuses a folder that a run could not be written to, before anything is read.

    Raises:
        ValueError: it holds a run already and that is not to be resumed, something foreign stands where the
            checkpoint will, or it cannot be written.
    """
    if not resume and ((out / STATE).exists() or (out / RUN).exists()):
        raise ValueError(f"{out} holds a run already; add --resume to go on with it, or choose another --out")
    check_writable(out)
    refuse_foreign(out / RUN)


def _too_large(recipe: Recipe, device: torch.device) -> str:
    config = config_json(recipe.family, recipe.model)
    settings = ", ".join(f"model.{key}={value}" for key, value in config.items() if key not in FROM_DATA)
    return (
        f"the memory of {device} does not suffice for batch={recipe.batch} and {settings}; "
        "lower batch, or make the network smaller"
    )


def use_threads(count: int | None) -> None:
    """Lets PyTorch use so many threads of the CPU; None leaves it as it is."""
    if count is not None:
        torch.set_num_threads(count)


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


def _uneven(task: Task) -> str:
    """A sentence where one gesture was recorded for much longer than another; "" elsewhere."""
    seconds = np.zeros(len(task.corpus.labels))
    for index in task.corpus.indices(task.split.train):
        marks = task.track.labels[task.track.starts[index] : task.track.starts[index + 1]]
        seconds += np.bincount(marks[marks >= 0], minlength=len(seconds)) / task.design.spec.rate_hz
    # Of rest there is always more.
    gestures = [index for index, label in enumerate(task.corpus.labels) if label != REST]
    least, most = (pick(gestures, key=lambda index: seconds[index]) for pick in (min, max))
    if seconds[most] <= UNEVEN * seconds[least]:
        return ""
    how = "as often as it was recorded" if not task.recipe.balance else "as often as the others"
    return (
        f"note: {task.corpus.labels[least]} was recorded for {seconds[least]:.0f} s and "
        f"{task.corpus.labels[most]} for {seconds[most]:.0f} s; each gesture is drawn "
        f"{how} (balance={str(task.recipe.balance).lower()})"
    )


def _opening(task: Task, run: Run) -> str:
    people, apart = task.split.train, task.split.validation
    weights = sum(parameter.numel() for parameter in run.network.parameters())
    beside = f", people {say_numbers(apart)} set apart for validation" if apart else ""
    return (
        f"{task.name}: {weights:,} parameters on {run.device}; {len(task.corpus.entries)} recordings, "
        f"people {say_numbers(people)}{beside}; gestures {', '.join(task.corpus.labels)}; "
        f"{task.recipe.epochs} epochs of {run.steps} steps of {task.recipe.batch} windows; seed {task.recipe.seed}"
    )
