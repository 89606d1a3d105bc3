"""ONNX Runtime on the CPU: the default engine, in float32 or rounded to eight bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.engines.runtime import onnxruntime
from models.engines.vote import Logits

QUIET = 3
"""Of ONNX Runtime's log: errors only."""


def session_logits(files: Sequence[Path], threads: int = 1) -> Logits:
    """What gives a member's logits by ONNX Runtime.

    Args:
        files: one for each member.
        threads: for each.

    Raises:
        ValueError: ONNX Runtime cannot read a file.
    """
    sessions = [_session(str(file), threads) for file in files]

    def logits(member: int, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        out: NDArray[np.float32] = sessions[member].run(None, {"rows": rows})[0]
        return out

    return logits


def _session(path: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    # A thread that spins for the next window takes a core from whoever fills the ring and draws the view.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it raises bare classes of its own
        raise ValueError(
            f"ONNX Runtime {onnxruntime.__version__} cannot read '{path}' ({error}); delete it, or use --engine torch"
        ) from error
