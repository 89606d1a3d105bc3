"""From recordings to an ensemble that knows how wearers differ, in one go: members trained, joined, and taught."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsp.storage import check_writable
from models import folder
from models.card import ENSEMBLE
from models.listing import RUN
from train import ensemble as ensembles
from train.changes import override
from train.corpus import load
from train.fit import fit
from train.progress import say
from train.recipe import load as load_recipe
from train.recipe import names
from train.telling import teach


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained.

    Attributes:
        recipes: one for each member.
        weights: of their votes.
        changes: to every recipe, as typed: ``seed=1``.
    """

    recipes: tuple[str, ...]
    weights: tuple[float, ...]
    changes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := [name for name in self.recipes if name not in names()]:
            raise ValueError(f"{unknown[0]!r} is no recipe; known are {', '.join(names())}")
        if len(set(self.recipes)) < len(self.recipes):
            raise ValueError(f"the members {', '.join(self.recipes)} share a name; name each recipe once")
        if len(self.weights) != len(self.recipes):
            raise ValueError(
                f"{len(self.recipes)} members but {len(self.weights)} weights were given; give one weight for each"
            )


def build(
    plan: Plan,
    data: str,
    people: Sequence[int] | None,
    sessions: Sequence[int] | None,
    out: Path,
    runs: Path,
    *,
    device: str = "auto",
) -> dict[str, Any]:
    """Trains every member on all of these people, joins them, and lets the whole learn how wearers differ.

    What is there of an earlier attempt is gone on with: a member that is trained is not trained again.

    Args:
        plan: what is trained.
        data: folder, zip or simulated people.
        people: None for all.
        sessions: None for all.
        out: the ensemble's folder; an ensemble that is there already is replaced, what else lies in it (a model card)
            stays.
        runs: folder for the members' runs.
        device: auto, cpu or cuda.

    Raises:
        ValueError: recipes and data do not fit, or ``out`` is something else.
    """
    if out.exists() and not (out / ENSEMBLE).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is no ensemble, so it is not replaced; name another one")
    for place in (out, runs):
        check_writable(place)
    for name in plan.recipes:
        _member(name, plan, data, people, sessions, runs / name, device)
    whole = runs / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    result = ensembles.combine([runs / name for name in plan.recipes], plan.weights, whole)
    learnt = teach(whole, data, people, sessions)
    own = [*(path.name for path in whole.iterdir()), "engines"]
    with folder.replacing(out, own) as fresh:
        for path in whole.iterdir():
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, fresh / path.name)
    shutil.rmtree(whole)
    return {"ensemble": str(out), "members": result["members"], "people": learnt["people"]}


def _member(
    name: str,
    plan: Plan,
    data: str,
    people: Sequence[int] | None,
    sessions: Sequence[int] | None,
    out: Path,
    device: str,
) -> None:
    changes = ("validation=0", *plan.changes)
    if (out / RUN).is_dir():
        say(f"{name} is trained already; remove {out} to train it anew")
        return
    recipe = override(load_recipe(name), changes)
    corpus = load(data, people, sessions, rate_hz=recipe.dsp.rate_hz)
    fit(name, recipe, changes, corpus, out, resume=out.exists() and any(out.iterdir()), device=device)
