"""What the files of a checkpoint hold, and every doubt about them that can be raised before they are used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load

from models import plain


class Golden(NamedTuple):
    """Windows ``(G, N, C)`` float32, and the logits ``(G, K)`` that the network gave for them when it was saved."""

    windows: NDArray[np.float32]
    logits: NDArray[np.float32]


def read_card(path: Path, form: str, keys: Sequence[str]) -> dict[str, Any]:
    """Reads a JSON table that has exactly these keys, one of them ``format`` with the value ``form``.

    Raises:
        ValueError: it has not; what is known is listed.
    """
    try:
        card = plain.read_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path.name} is no JSON ({error}); copy the checkpoint again") from error
    if not isinstance(card, dict) or "format" not in card:
        raise ValueError(f"{path.name} is not of the format {form!r}")
    if card["format"] != form:
        raise ValueError(f"{path.name} is of the format {card['format']!r}, and this version knows {form!r}")
    if unknown := sorted(set(card) - set(keys)):
        raise ValueError(f"{path.name} has unknown keys {', '.join(unknown)}; known are {', '.join(keys)}")
    if missing := [key for key in keys if key not in card]:
        raise ValueError(f"{path.name} lacks {', '.join(missing)}")
    if not isinstance(card["provenance"], dict):
        raise ValueError(f"the provenance in {path.name} must be a table of keys and values")
    return card


def json_bytes(card: Mapping[str, Any]) -> bytes:
    """The text of a card.

    Raises:
        ValueError: its provenance holds what JSON cannot.
    """
    try:
        return (json.dumps(card, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"the provenance holds what JSON cannot ({error}); give plain values, without NaN") from error


def read_tensors(path: Path, digests: object) -> dict[str, NDArray[Any]]:
    """Reads a safetensors file whose SHA-256, in hex, stands in ``digests`` under its name.

    Raises:
        ValueError: it is damaged, or not the file that was saved.
    """
    content = path.read_bytes()
    try:
        tensors = tensors_in(content, path.name)
    except ValueError as error:
        raise ValueError(f"{error}; copy the checkpoint again") from error
    if not isinstance(digests, dict) or digests.get(path.name) != hashlib.sha256(content).hexdigest():
        raise ValueError(f"{path.name} is not the file that was saved (its sha256 differs); copy the checkpoint again")
    return tensors


def tensors_in(content: bytes, name: str) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file.

    Raises:
        ValueError: it is damaged; names it.
    """
    try:
        return load(content)
    except (safetensors.SafetensorError, ValueError, LookupError, RuntimeError, TypeError) as error:
        raise ValueError(f"{name} is no whole safetensors file ({error})") from error


def golden_of(tensors: Mapping[str, NDArray[Any]], length: int, channels: int, classes: int) -> Golden:
    """The golden windows out of their file.

    Raises:
        ValueError: they do not fit a network of windows of N samples, C channels and K classes.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items() if tensor.dtype == np.float32}
    windows, logits = shapes.get("windows", ()), shapes.get("logits", ())
    if (
        set(tensors) != {"windows", "logits"}
        or len(windows) != 3
        or min(windows) < 1
        or windows[1:] != (length, channels)
        or logits != (windows[0], classes)
    ):
        raise ValueError(
            f"the golden file must hold windows (G, {length}, {channels}) and logits (G, {classes}), both float32; "
            "it holds "
            + ", ".join(f"{name} {tuple(tensor.shape)} {tensor.dtype}" for name, tensor in sorted(tensors.items()))
        )
    return Golden(tensors["windows"].copy(), tensors["logits"].copy())
