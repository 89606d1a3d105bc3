"""The families of networks by name; a family is imported when it is first asked for.

A family is one file with a frozen dataclass ``Config``, whose fields all have defaults and include ``channels`` and
``classes``, and ``build(config) -> nn.Module``: ``(B, C, T)`` in, ``(B, K)`` logits out. One that is ``stackable``
also takes ``members`` (see ``models.blocks``); one that is ``lean`` has ``lean(network, windows, length)``, the same
folded network for a fixed number of windows as rows, in fewer steps (see ``models.columns``). One that is
``pretrained`` has ``sized(config)`` and ``start(network, config)``; the network of one that ``mixes`` also takes the
shares of a mixture, in training. ``build`` alone never reads weights from anywhere: those of a checkpoint are in the
checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from models import plain
from models.registry import FAMILIES, Family, family_of

__all__ = ["FAMILIES", "Family", "build", "config_json", "config_of", "family_of", "lean", "sized", "start"]


def config_of(name: str, config: Any) -> Any:
    """The family's own ``Config`` from a mapping of keys to values; a ``Config`` is returned as it is.

    Raises:
        ValueError: unknown family, unknown key (both list the known ones) or impossible value.
    """
    cls = family_of(name).load().Config
    return config if isinstance(config, cls) else plain.from_json(cls, config, f"the config of {name!r}")


def config_json(name: str, config: Any) -> dict[str, Any]:
    """Every key of the config, the defaults written out, as plain values for JSON; raises as ``config_of``."""
    return plain.to_json(config_of(name, config))


def build(family: str, config: Mapping[str, Any] | Any, members: int = 1) -> nn.Module:
    """A fresh network, ``(B, C, T)`` to logits ``(B, K)``, or ``(B, M, K)`` with more than one member.

    Args:
        family: a key of ``FAMILIES``.
        config: plain values by key, or the family's own ``Config``.
        members: networks side by side; more than one only where the family is stackable.

    Raises:
        ValueError: unknown family or key, impossible value, or members of a family that cannot be stacked.
    """
    if members > 1 and not family_of(family).stackable:
        raise ValueError(f"{family!r} cannot run {members} members as one network; build one for each member")
    module = family_of(family).load()
    settings = config_of(family, config)
    network: nn.Module = module.build(settings) if members == 1 else module.build(settings, members)
    return network


def sized(family: str, config: Mapping[str, Any] | Any) -> Any:
    """The config that training is to build from, with the sizes of the pretrained model that it names, if any.

    What it returns belongs into the checkpoint: it says everything that ``build`` needs, and the model is not looked
    for again.

    Raises:
        ValueError: as ``config_of``, or the model cannot be had or does not fit.
    """
    settings = config_of(family, config)
    return family_of(family).load().sized(settings) if family_of(family).pretrained else settings


def start(family: str, network: nn.Module, config: Mapping[str, Any] | Any) -> None:
    """Gives a fresh network the weights that its config says to start from, in place; else leaves it as it is.

    The side that trains calls it, once, after ``build``; nothing that loads a checkpoint does.

    Args:
        family: a key of ``FAMILIES``.
        network: built from ``config``.
        config: as ``sized`` returned it.

    Raises:
        ValueError: as ``config_of``, or the model cannot be had or does not fit.
    """
    settings = config_of(family, config)
    if family_of(family).pretrained:
        family_of(family).load().start(network, settings)


def lean(family: str, network: nn.Module, windows: int, length: int) -> nn.Module | None:
    """A folded network in fewer steps, rows ``(B*T + 1, C)`` to logits; None where the family has no such form.

    Args:
        family: a key of ``FAMILIES``.
        network: of one member, folded; on the device and in the precision that it is to run in.
        windows: B.
        length: T.
    """
    if not family_of(family).lean:
        return None
    made: nn.Module = family_of(family).load().lean(network, windows, length)
    return made
