"""OpenVINO on the CPU: an optional engine, in bfloat16 where the processor has it and decisions stay the same.

It reads the files that are exported for ONNX Runtime. Install it with ``pip install 'myostream[openvino]'``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from models.engines.golden import differs
from models.listing import Listing

BFLOAT16 = "bf16"
FLOAT32 = "f32"

TOLERANCE = 0.1
"""Golden logits in bfloat16 may differ by this much absolutely plus a tenth of it relatively: it keeps eight bits, and
errors of a few layers add up. Measured on 5000 windows of the shipped checkpoint: 0.0005 in probability on average."""


class Vino:
    """One compiled OpenVINO model for each member.

    Args:
        listing: of the checkpoint.
        files: exported for ONNX Runtime, one for each member.
        threads: for each model.

    Attributes:
        precision: in which it computes.

    Raises:
        ValueError: OpenVINO cannot read a file, or gives golden windows other answers than were stored.
    """

    def __init__(self, listing: Listing, files: Sequence[Path], threads: int = 1) -> None:
        self._core, self._threads = openvino.Core(), threads
        self._files = [str(file) for file in files]
        able = BFLOAT16.upper() in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if able:
            self._run_in(BFLOAT16)
        if not able or differs(listing, self.logits, TOLERANCE, TOLERANCE / 10):
            self._run_in(FLOAT32)
            if complaint := differs(listing, self.logits):
                raise ValueError(
                    f"in OpenVINO {complaint} from its golden logits; delete {files[0].parent}, or use --engine torch"
                )

    def logits(self, member: int, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(R, C, N)`` to ``(R, K)``."""
        key = (member, len(rows))
        request = self._requests.get(key)
        if request is None:
            request = self._requests[key] = self._compiled(member, rows.shape)
        out: NDArray[np.float32] = request.infer(rows, share_inputs=True)[0]
        return out

    def _run_in(self, precision: str) -> None:
        self.precision = precision
        self._requests: dict[tuple[int, int], Any] = {}

    def _compiled(self, member: int, shape: tuple[int, ...]) -> Any:
        """For one number of rows: where that is left open, OpenVINO is a fifth slower."""
        wanted = {
            "INFERENCE_NUM_THREADS": self._threads,
            "INFERENCE_PRECISION_HINT": self.precision,
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            model = self._core.read_model(self._files[member])
            model.reshape(list(shape))
            return self._core.compile_model(model, "CPU", wanted).create_infer_request()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"OpenVINO {openvino.__version__} cannot run '{self._files[member]}' ({reason}); delete it, or use "
                "another --engine"
            ) from error
