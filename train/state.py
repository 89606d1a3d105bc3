"""The state of a run in one file, written after every epoch, so that an interrupted run goes on exactly.

One safetensors file holds all tensors; its header holds the rest as JSON. No random generator needs to be stored:
every step draws from a seed of its own (``step_seed``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from dsp.storage import whole

Weights = dict[str, Tensor]

OPTIONS = {"votes": "--votes", "from": "--from"}
"""What of a run's facts is said by an option and known by a digest."""

SHOWN = 40
"""Characters of a setting in a sentence."""


@dataclass(slots=True)
class Progress:
    """How far a run is.

    Attributes:
        epoch: epochs done.
        best_epoch: the one whose weights are kept, 0 before the first.
        best_score: its score on the validation people.
        history: one row of numbers an epoch.
        best: weights of the best epoch.
        average: running mean of the weights; empty where the recipe asks for none.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_score: float = float("-inf")
    history: list[dict[str, Any]] = field(default_factory=list)
    best: Weights = field(default_factory=dict)
    average: Weights = field(default_factory=dict)


def step_seed(seed: int, step: int) -> int:
    """A seed for everything random in one step, unlike that of any other step or run."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)


def snapshot(network: nn.Module) -> Weights:
    """A copy of all weights and buffers."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def save(
    path: Path, facts: dict[str, Any], network: nn.Module, optimiser: torch.optim.Optimizer, done: Progress
) -> None:
    """Writes the state, whole or not at all.

    Args:
        path: of the file.
        facts: what the run consists of; ``restore`` refuses a state with other facts.
        network: its present weights.
        optimiser: its moments.
        done: the rest.
    """
    groups = {"weights": snapshot(network), "best": done.best, "average": done.average}
    tensors = {f"{group}/{name}": value for group, weights in groups.items() for name, value in weights.items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in moments.items()}
    rest = {"epoch": done.epoch, "best_epoch": done.best_epoch, "history": done.history, "facts": facts}
    rest["best_score"] = done.best_score if done.best_epoch else None
    with whole(path) as neighbour:
        save_file(tensors, neighbour, {"run": json.dumps(rest)})


def restore(path: Path, facts: dict[str, Any], network: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Puts a run back to where ``save`` left it.

    Raises:
        ValueError: the file is damaged or belongs to another run; the message names what differs.
    """
    try:
        with safe_open(path, framework="pt") as kept:
            rest = json.loads(kept.metadata()["run"])
            tensors = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118 - no mapping
        compare_facts(path, rest["facts"], facts)
        return _put_back(rest, tensors, network, optimiser)
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path} is no state of a run, or damaged ({error}); remove it to start anew") from error


def _put_back(rest: dict[str, Any], tensors: Weights, network: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    groups: dict[str, Weights] = {"weights": {}, "best": {}, "average": {}}
    moments: dict[int, Weights] = {}
    device = next(network.parameters()).device
    for key, value in tensors.items():
        group, _, name = key.partition("/")
        if group == "optimiser":
            index, _, name = name.partition("/")
            moments.setdefault(int(index), {})[name] = value
        else:
            groups[group][name] = value.to(device)
    network.load_state_dict(groups["weights"])
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    score = float("-inf") if rest["best_score"] is None else float(rest["best_score"])
    best = (rest["epoch"], rest["best_epoch"], score, rest["history"])
    return Progress(*best, best=groups["best"], average=groups["average"])


def compare_facts(path: Path, kept: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuses to go on with a run that consists of something else.

    Raises:
        ValueError: names what differs, and what to type where an option does.
    """
    now = json.loads(json.dumps(wanted))
    changed = {key: (kept.get(key), now.get(key)) for key in sorted(set(kept) | set(now))}
    changed = {key: (then, new) for key, (then, new) in changed.items() if then != new}
    for key, option in OPTIONS.items():
        if key in changed:
            then, new = changed[key]
            asked = f"give the same {option} again" if then and new else f"{'add' if then else 'leave out'} {option}"
            raise ValueError(
                f"{path.parent} holds a run {'with' if then else 'without'} {option}"
                f"{', but with another one' if then and new else ''}; {asked}, or choose another --out"
            )
    different = [f"{key} ({_told_apart(then, new)})" for key, (then, new) in changed.items()]
    if different:
        raise ValueError(
            f"{path.parent} holds a run with other {'; '.join(different)}; "
            "resume it with the same settings, or choose another --out"
        )


def _told_apart(then: Any, now: Any) -> str:
    """Both values, long ones cut to the place where they differ."""
    one, two = json.dumps(then), json.dumps(now)
    first = next((at for at, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), 0)
    return f"then {_cut(one, first)}, now {_cut(two, first)}"


def _cut(text: str, around: int) -> str:
    if len(text) <= SHOWN:
        return text
    begin = max(0, min(around - SHOWN // 2, len(text) - SHOWN))
    end = begin + SHOWN
    return f"{'...' if begin else ''}{text[begin:end]}{'...' if end < len(text) else ''}"
