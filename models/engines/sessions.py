"""ONNX Runtime on the CPU: the default engine, in float32 or rounded to eight bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.classifier import Effort, Probabilities, Windows
from models.engines.kept import Kept
from models.engines.vote import Vote
from models.listing import Listing

QUIET = 3
"""Of ONNX Runtime's log: errors only."""


class Sessions:
    """An ``Engine``: one ONNX Runtime session for each member.

    Args:
        listing: of the checkpoint.
        kept: its exported files.
        name: of the engine, for people.
        streams: S.
        threads: for each session.

    Raises:
        ValueError: ONNX Runtime cannot read a file.
    """

    device = "cpu"

    def __init__(self, listing: Listing, kept: Kept, name: str, *, streams: int = 1, threads: int = 1) -> None:
        self.name = name
        self._sessions = [_session(str(file), threads) for file in kept.files]
        self._vote = Vote(listing, self.logits, streams)

    def logits(self, member: int, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(R, C, N)`` to ``(R, K)``."""
        out: NDArray[np.float32] = self._sessions[member].run(None, {"rows": rows})[0]
        return out

    def take(self, windows: Windows, fresh: int) -> None:  # noqa: ARG002 - the whole window is at hand
        """See ``Engine``."""
        self._vote.take(windows)

    def answer(self, effort: Effort) -> Probabilities:
        """See ``Engine``."""
        return self._vote.answer(effort)

    def rehearse(self, effort: Effort) -> None:
        """See ``Engine``."""
        self._vote.answer(effort)

    def batch(self, windows: NDArray[np.float32], effort: Effort) -> NDArray[np.float32]:
        """See ``Engine``."""
        return self._vote.batch(windows, effort)


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
        raise ValueError(f"ONNX Runtime {onnxruntime.__version__} cannot read '{path}' ({error})") from error
