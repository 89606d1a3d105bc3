"""Every family's case: what the suites of this room build."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from models.families import FAMILIES

LIMIT = 1_000_000
"""Parameters up to which a network of our own design may grow: 4 MB in a checkpoint."""


@dataclass(frozen=True)
class Case:
    """A family under test.

    Attributes:
        parameters: of the default config, pinned.
        small: a config on which a test can train in a second.
        limit: of ``parameters``; another one than ours needs a reason beside it.
        rate: of learning, when it is to overfit eight windows.
    """

    parameters: int
    small: dict[str, Any] = field(default_factory=dict)
    limit: int = LIMIT
    rate: float = 1e-2


CASES = {
    "efficientnet": Case(
        4_015_393,
        {"width": 0.25, "depth": 0.3, "fft": 32, "hop": 1, "dropout": 0.1},
        limit=4_100_000,  # B0 is as large as its authors made it
    ),
    "gpt2": Case(222_981, {"width": 32, "blocks": 2, "trained": 2, "positions": 216, "dropout": 0.0}, rate=3e-3),
    "hht_cnn": Case(448_453, {"size": 16, "modes": 3, "widths": [8, 16], "plain": 1, "dense": 16, "dropout": 0.0}),
    "inception_se_tcn": Case(
        140_453, {"filters": 16, "dilations": [1, 2], "key": 8, "dropout": 0.0, "dropout_dense": 0.1}
    ),
    "resnet_gru": Case(
        249_413, {"kernels": [3, 7], "width": 8, "widths": [16, 16], "states": 12, "dense": 16, "dropout": 0.1}
    ),
    "se_resnet": Case(556_605, {"widths": [16, 32], "depth": 1, "ratio": 4, "dropout": 0.1}),
    "semg_net": Case(804_229, {"widths": [16, 32], "kernels": [9, 5], "dense": 32, "dropout": 0.1}),
    "tangent": Case(838_661, {"differences": 1, "hidden": [16], "dropout_features": 0.0, "dropout": 0.1}),
}


def installed(family: str) -> str:
    """The family's name; the test is skipped if what it needs is not installed, which is no fault of the family."""
    if family in FAMILIES and FAMILIES[family].extra is not None:
        try:
            FAMILIES[family].load()
        except ValueError as error:
            pytest.skip(str(error))
    return family
