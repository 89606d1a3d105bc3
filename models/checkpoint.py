"""Checkpoints: a trained network with everything that is needed to run it, as a folder without code.

What the files hold is said in ``models.card``, which reads what needs no network.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn

from dsp import storage
from dsp.design import Design
from models import families, folder, plain, stored
from models.blocks import Newest
from models.card import CARD, FILES, FORMAT, GOLDEN, WEIGHTS, Card, read_card
from models.decision import Settings
from models.reading import WHOLE, Reading
from models.stored import Golden
from models.views import Views

LARGE = 4096
"""Numbers in a matrix from which on it is stored in 16 bits: eleven of its 24 bits of fraction, half of the file."""


@dataclass(frozen=True)
class Checkpoint:
    """What a network is and how it is to be used; the parameters are in its module.

    Attributes:
        family: a key of ``families.FAMILIES``.
        config: of the family, plain values by key (its own ``Config`` is taken too); after loading, every key.
        labels: K gestures in the order of the logits.
        design: the signal processing that the windows went through.
        views: the test-time augmentation that it runs with.
        decision: how probabilities become decisions.
        provenance: recipe, seed, data, metrics: anything that JSON can hold.

    Raises:
        ValueError: labels, config and design do not fit one another.
    """

    family: str
    config: Any
    labels: tuple[str, ...]
    design: Design
    views: Views = field(default_factory=Views)
    decision: Settings = field(default_factory=Settings)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = families.config_of(self.family, self.config)
        object.__setattr__(self, "config", families.config_json(self.family, config))
        object.__setattr__(self, "labels", tuple(self.labels))
        if not all(isinstance(label, str) and label for label in self.labels) or len(set(self.labels)) < len(
            self.labels
        ):
            raise ValueError(f"the labels {self.labels} must be names that differ from one another")
        if len(self.labels) != config.classes:
            raise ValueError(
                f"there are {len(self.labels)} labels ({', '.join(self.labels)}) for {config.classes} classes of the "
                "config; give one label for each class"
            )
        if self.design.spec.channels != config.channels:
            raise ValueError(
                f"dsp.channels is {self.design.spec.channels}, but the config reads {config.channels} channels; "
                "give both the same"
            )


class Member(NamedTuple):
    """A loaded member of an ensemble; the weights of all sum to 1. ``module`` takes the member's own windows."""

    name: str
    weight: float
    checkpoint: Checkpoint
    module: nn.Module
    golden: Golden
    reading: Reading = WHOLE

    def reads(self, module: nn.Module) -> nn.Module:
        """A network of this member, or of several like it, as one that takes the ensemble's windows."""
        return module if self.reading == WHOLE else Newest(module, *self.reading)


def save(path: str | Path, checkpoint: Checkpoint, module: nn.Module, golden: NDArray[np.float32]) -> None:
    """Writes a checkpoint folder, whole or not at all; a checkpoint that is there already is replaced.

    Large matrices are rounded to 16 bits on the way, and the golden logits are those of the rounded network, which is
    the one that is loaded.

    Args:
        path: of the folder.
        checkpoint: what ``module`` is.
        module: of any device and mode; it is left as it is.
        golden: ``(G, N, C)`` float32 windows out of the pipeline, G at least 1, whose logits are stored.

    Raises:
        ValueError: something else is at ``path``, the parts do not fit one another, or parameters are not numbers.
        OSError: it cannot be written; what was there before still is.
    """
    target = Path(path).resolve()
    refuse_foreign(target)
    golden = np.array(golden, np.float32, order="C")
    spec = checkpoint.design.spec
    if golden.ndim != 3 or not golden.size or golden.shape[1:] != (spec.window, spec.channels):
        raise ValueError(
            f"the golden windows have shape {golden.shape}; give at least one, as (windows, {spec.window} samples, "
            f"{spec.channels} channels)"
        )
    if not np.isfinite(golden).all():
        raise ValueError("the golden windows hold values that are not numbers (NaN or infinite); give others")
    served = copy.deepcopy(module).cpu().float().eval()
    state = {name: tensor.detach().clone().contiguous() for name, tensor in served.state_dict().items()}
    check_state(state, _fresh(checkpoint).state_dict())
    state = narrowed(state)
    served.load_state_dict(widened(state))
    with torch.inference_mode():
        windows = torch.from_numpy(golden)
        logits: Tensor = served(windows.transpose(1, 2).contiguous())
    contents = {
        WEIGHTS: tensor_bytes(state),
        GOLDEN: tensor_bytes({"windows": windows, "logits": logits.contiguous()}),
    }
    contents[CARD] = stored.json_bytes(_card(checkpoint, contents))
    with folder.replacing(target, FILES) as fresh:
        for name, content in contents.items():
            storage.write(fresh / name, content)


def load(path: str | Path) -> tuple[Checkpoint, nn.Module]:
    """Reads a checkpoint folder; the module is on the CPU, in eval mode.

    Raises:
        ValueError: there is none at ``path``, or anything in it is damaged, foreign, of an unknown format, family or
            key, or does not fit the rest; one sentence that says which.
    """
    member = load_member(Path(path))
    return member.checkpoint, member.module


def load_member(path: Path, weight: float = 1.0) -> Member:
    """``load`` with everything that an ensemble or a classifier needs.

    Raises:
        ValueError: as ``load``.
    """
    try:
        card = read_card(path)
        checkpoint = _checkpoint_of(card)
        state = widened(_tensors(stored.read_tensors(path / WEIGHTS, card.sha256)))
        module = _fresh(checkpoint)
        check_state(state, module.state_dict())
    except ValueError as error:
        raise ValueError(f"the checkpoint {path} cannot be used: {error}") from error
    golden = card.golden()
    module.load_state_dict(state)
    return Member(card.name, weight, checkpoint, module.eval(), golden)


def refuse_foreign(target: Path) -> None:
    """Refuses to put a checkpoint where anything but a checkpoint stands.

    Raises:
        ValueError: ``target`` is a file, or a folder that holds something else.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise ValueError(f"{target} is a file, and a checkpoint is a folder; choose another path")
    if any(target.iterdir()):
        try:
            found = plain.read_json((target / CARD).read_bytes())["format"].partition("/")[0]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            found = None
        if found != FORMAT.partition("/")[0]:
            raise ValueError(f"the folder {target} is not a checkpoint, so it is not overwritten; choose another path")


def check_state(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Compares the parameters in a file with those of a fresh network.

    Raises:
        ValueError: names, shapes or types differ, or a value is not a number.
    """
    for what, names in (
        ("lacks the tensors", expected.keys() - state.keys()),
        ("has unknown tensors", state.keys() - expected.keys()),
    ):
        if names:
            first, *others = sorted(names)
            more = f" and {len(others)} more" if others else ""
            raise ValueError(f"its network {what} {first}{more}: family, config and parameters do not belong together")
    for name, tensor in state.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            raise ValueError(
                f"the tensor {name} is {tensor.dtype} {tuple(tensor.shape)}, but the config asks for "
                f"{wanted.dtype} {tuple(wanted.shape)}"
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"the tensor {name} holds values that are not numbers (NaN or infinite); train it again")


def narrowed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters as they are stored: ``LARGE`` matrices in float16, unless they hold something too great for it."""

    def fits(tensor: Tensor) -> bool:
        large = tensor.dtype == torch.float32 and tensor.ndim > 1 and tensor.numel() >= LARGE
        return large and float(tensor.abs().max()) <= torch.finfo(torch.float16).max

    return {name: tensor.half() if fits(tensor) else tensor for name, tensor in state.items()}


def widened(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same as they are used: in float32."""
    return {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in state.items()}


def _card(checkpoint: Checkpoint, contents: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "family": checkpoint.family,
        "config": checkpoint.config,
        "labels": list(checkpoint.labels),
        "dsp": checkpoint.design.to_json(),
        "fingerprint": checkpoint.design.fingerprint,
        "views": checkpoint.views.to_json(),
        "decision": checkpoint.decision.to_json(),
        "provenance": dict(checkpoint.provenance),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }


def _checkpoint_of(card: Card) -> Checkpoint:
    return Checkpoint(
        family=card.family,
        config=card.config,
        labels=card.labels,
        design=card.design,
        views=card.views,
        decision=card.decision,
        provenance=card.provenance,
    )


def _tensors(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Their own copies: what was read from a file cannot be written to."""
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def _fresh(checkpoint: Checkpoint) -> nn.Module:
    """A new network; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        try:
            return families.build(checkpoint.family, checkpoint.config)
        except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"no {checkpoint.family!r} can be built from {checkpoint.config} ({reason})") from error
