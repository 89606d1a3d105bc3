"""The history of a run for TensorBoard, if somebody wants it there (extra ``tensorboard``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = "tensorboard"


def check_there() -> None:
    """Refuses before the work what could not be written after it.

    Raises:
        ValueError: TensorBoard is not installed; says how to install it.
    """
    _writer()


def show(out: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Writes the last row of a history as scalars to ``out/tensorboard``.

    Args:
        out: folder of the run.
        history: one row an epoch.
    """
    writer = _writer()(str(out / FOLDER))
    row = history[-1]
    for key, value in row.items():
        if isinstance(value, int | float) and key != "epoch":
            name = key.replace("val_", "validation/") if key.startswith("val_") else f"training/{key}"
            writer.add_scalar(name, value, row["epoch"])
    writer.close()


def _writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ValueError(
            f"--tensorboard needs {error.name}, which is not installed: pip install 'myostream[tensorboard]'"
        ) from error
    return SummaryWriter
