"""Parts of a network that are not trained, and how its weights are told from others."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from torch import nn


def freeze(network: nn.Module, beginnings: Sequence[str]) -> None:
    """Keeps the parameters whose names begin so from being trained.

    Raises:
        ValueError: no name begins like one of them, or nothing is left to train.
    """
    names = [name for name, _ in network.named_parameters()]
    for beginning in beginnings:
        if not any(_begins(name, beginning) for name in names):
            known = sorted({name.partition(".")[0] for name in names})
            raise ValueError(f"freeze={beginning} names no part of this network; its parts are {', '.join(known)}")
    for name, parameter in network.named_parameters():
        if any(_begins(name, beginning) for beginning in beginnings):
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(f"freeze={','.join(beginnings)} leaves nothing to train; name fewer parts")


def rest(network: nn.Module, beginnings: Sequence[str]) -> None:
    """Keeps the frozen parts as they serve: no dropout, and normalisations by what they have seen before."""
    for name, module in network.named_modules():
        if name and any(_begins(name, beginning) for beginning in beginnings):
            module.eval()


def _begins(name: str, beginning: str) -> bool:
    return f"{name}.".startswith(f"{beginning}.")


def fingerprint_of(network: nn.Module) -> str:
    """Sixteen hex digits that change with any weight."""
    content = sha256()
    for value in network.state_dict().values():
        content.update(value.cpu().contiguous().numpy().tobytes())
    return content.hexdigest()[:16]
