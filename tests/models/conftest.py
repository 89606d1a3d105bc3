"""Small networks, so that the room is tested in seconds; the laws do not depend on the width."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dsp.design import Design, DspSpec, design
from models import families
from models.checkpoint import Checkpoint, save
from models.ensemble import save_ensemble

LABELS = ("fist", "open", "point")
TINY = {"channels": 4, "classes": 3, "widths": [8, 16], "depth": 1, "kernel": 3}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def processing() -> Design:
    return design(DspSpec(rate_hz=200.0, channels=4, band_hz=(20.0, 80.0), scale_uv=(7.0,)))


@pytest.fixture(scope="session")
def windows(processing: Design) -> NDArray[np.float32]:
    shape = (6, processing.spec.window, processing.spec.channels)
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def lived_in(module: nn.Module, seed: int) -> nn.Module:
    """As after training: every parameter and statistic differs from its start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                noise = torch.rand(tensor.shape, generator=generator)
                tensor.mul_(0.5 + noise)
                if tensor.dim() == 1:
                    tensor.add_(0.2 * (noise - 0.5))
    return module.eval()


def tiny(seed: int, **config: object) -> nn.Module:
    torch.manual_seed(seed)
    return lived_in(families.build("se_resnet", TINY | config), seed)


@pytest.fixture
def make(processing: Design, windows: NDArray[np.float32]) -> Callable[..., nn.Module]:
    """Saves a checkpoint and returns its module."""

    def saved(path: Path, seed: int = 0, **changes: object) -> nn.Module:
        module = tiny(seed, **changes)
        save(path, Checkpoint("se_resnet", TINY | changes, LABELS, processing), module, windows[:2])
        return module

    return saved


@pytest.fixture
def ensemble(tmp_path: Path, make: Callable[..., nn.Module]) -> Path:
    """Three members, of which the middle one has another architecture."""
    root = tmp_path / "ensemble"
    make(root / "a", 1)
    make(root / "b", 2, widths=[8, 8, 8])
    make(root / "c", 3)
    save_ensemble(root, [("a", 1), ("b", 2), ("c", 5)], {"recipe": "test"})
    return root
