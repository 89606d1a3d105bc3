"""From PyTorch to ONNX: ``python -m models.engines.export CHECKPOINT`` writes the float32 files that engines read.

A process of its own does it, once for each checkpoint, so that a live program never loads PyTorch.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dsp.complaints import plainly
from models.blocks import fold, widened
from models.engines.kept import FLOAT32, keep
from models.ensemble import load_ensemble
from models.listing import read_listing

ROWS = "rows"
"""Name of the input, ``(R, C, N)``, and of its first axis."""

OUTPUT = "logits"
"""Name of the output, ``(R, K)``."""

CLOSE = 1e-4
"""By how much logits may differ between a network and the form in which it is exported."""


def export(path: str | Path) -> Path:
    """Writes the ONNX files of a checkpoint or an ensemble where ``models.engines.kept`` looks for them.

    Args:
        path: of the folder.

    Returns:
        The folder that holds them.

    Raises:
        ValueError: the checkpoint cannot be used, or PyTorch cannot express its network in ONNX.
        OSError: the files cannot be written.
    """
    listing = read_listing(path)
    contents = []
    for member in load_ensemble(path).members:
        spec = member.checkpoint.design.spec
        try:
            contents.append(onnx_bytes(member.reads(member.module), spec.channels, spec.window))
        except (RuntimeError, TypeError, AttributeError, LookupError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ValueError(f"PyTorch cannot express {member.name!r} in ONNX ({reason})") from error
    return keep(listing, FLOAT32, contents, {"torch": torch.__version__})


def onnx_bytes(module: nn.Module, channels: int, length: int) -> bytes:
    """A network, ``(R, C, N)`` to logits ``(R, K)``, as an ONNX model for any number of rows.

    Args:
        module: in eval mode, on the CPU.
        channels: C.
        length: N, the only one that the model will take.
    """
    network = Served(fold(module), channels, length)
    example = torch.zeros(2, channels, length)
    rows = torch.export.Dim(ROWS, min=1, max=2**20)
    with warnings.catch_warnings():  # of things inside PyTorch that a user can do nothing about
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            input_names=[ROWS],
            output_names=[OUTPUT],
            dynamic_shapes=({0: rows},),
            verbose=False,
        )
    assert program is not None  # only where it writes to a file  # noqa: S101
    content: bytes = _bare(program.model_proto).SerializeToString()
    return content


def _bare(model: Any) -> Any:
    """Without what the exporter notes about where each operator came from: paths of this machine, half of the text."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        part.ClearField("doc_string")
        del part.metadata_props[:]
    return model


class Served(nn.Module):
    """A folded network as it is exported: with two-dimensional convolutions where it stays the same by that.

    ONNX Runtime has its fast kernels, which keep channels in blocks of a vector's width, for those only.
    """

    def __init__(self, network: nn.Module, channels: int, length: int) -> None:
        super().__init__()
        wide = widened(network)
        x = torch.randn(2, channels, length, generator=torch.Generator().manual_seed(0))
        self.wide = _alike(wide, network, x)
        self.network = wide if self.wide else network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(R, C, N)`` to ``(R, K)``."""
        logits: torch.Tensor = self.network(x.unsqueeze(2) if self.wide else x)
        return logits


def _alike(wide: nn.Module, network: nn.Module, x: torch.Tensor) -> bool:
    """Whether a widened network computes what the network does; one that cannot take its input does not."""
    with torch.inference_mode():
        expected = network(x)
        try:
            found = wide(x.unsqueeze(2))
        except (RuntimeError, ValueError, IndexError):
            return False
        return found.shape == expected.shape and bool((found - expected).abs().max() < CLOSE)


def main() -> None:
    """Exports the checkpoint that is named on the command line."""
    with plainly():
        logging.disable(logging.WARNING)  # of PyTorch's exporter: what it would do with torchvision
        if len(sys.argv) != 2:
            raise ValueError("give one checkpoint: python -m models.engines.export CHECKPOINT")
        print(export(sys.argv[1]))


if __name__ == "__main__":
    main()
