"""A small trained-looking network, its listing, and what is exported of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.design import Design
from models.checkpoint import Checkpoint, save
from models.engines.export import export
from models.ensemble import save_ensemble
from models.listing import Listing, read_listing
from tests.models.conftest import LABELS, TINY, tiny


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, processing: Design, windows: NDArray[np.float32]) -> Path:
    """Two members with their float32 files beside them; not to be changed."""
    root = tmp_path_factory.mktemp("exported") / "pair"
    for seed, name in enumerate(("one", "other")):
        save(root / name, Checkpoint("se_resnet", TINY, LABELS, processing), tiny(seed), windows[:2])
    save_ensemble(root, [("one", 1), ("other", 3)])
    export(root)
    return root


@pytest.fixture
def listing(exported: Path) -> Listing:
    return read_listing(exported)
