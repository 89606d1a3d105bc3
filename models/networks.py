"""The networks of a checkpoint or an ensemble on a device: what training measures with, and what engines are made of.

Members of one architecture run as one network, all views as one batch; batch normalisation is folded away. Here,
and in training, is the place where ``(N, C)`` windows become ``(B, C, N)``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsp.design import Design
from models import families
from models.blocks import fold, stack_states
from models.checkpoint import Member
from models.ensemble import Ensemble, load_ensemble
from models.listing import read_listing
from models.views import ORIGINAL, Arrangement, Views
from models.wearer import Wearers, read_wearers

TOLERANCE = 1e-3
"""Golden logits may differ by this much absolutely plus this share of their size (float32 on any device)."""

SAMPLES_AT_ONCE = {"cpu": 2**13, "cuda": 2**20}
"""Windows times views times samples in one forward pass of ``batch``.

On a CPU what a layer hands to the next has to stay in the cache: passes of a hundred windows take up to twice as
long per window. On a GPU it bounds the memory.
"""


@dataclass(frozen=True)
class Group:
    """Members that run as one network.

    Attributes:
        module: folded, in eval mode, on the device; ``(B, C, N)`` to ``(B, K)`` or ``(B, m, K)`` logits.
        views: of these members.
        places: which of the ensemble's members they are, in the order of the network.
    """

    module: nn.Module
    views: Views
    places: tuple[int, ...]

    def logits(self, x: Tensor) -> Tensor:
        """``(B, C, N)`` to ``(B, m, K)``."""
        out: Tensor = self.module(x)
        return out.view(x.shape[0], len(self.places), -1)

    def probabilities(self, x: Tensor, views: Views) -> Tensor:
        """``(B, C, N)`` to ``(m, B, K)``: for each member, the mean over the views."""
        each = self.logits(look(x, views.arranged(x.shape[1], x.shape[2]))).softmax(-1)
        return each.view(views.count, x.shape[0], *each.shape[1:]).mean(0).transpose(0, 1)


class Networks:
    """All members on a device, for windows of any length and number. Made by ``load_networks``.

    Attributes:
        labels: K gestures in the order of the probabilities.
        design: the signal processing whose windows they take.
        provenance: of the ensemble or the checkpoint.
        ensemble: as it was loaded.
        members: M, of it.
        member_names: M names.
        weights: M, sum to 1.
        device: on which they run.
        population: what is known of wearers; None where nothing is.
        calibrated: the wearer whom the checkpoint is calibrated for; None for nobody.
    """

    def __init__(
        self, ensemble: Ensemble, device: torch.device, *, views: bool = True, wearers: Wearers | None = None
    ) -> None:
        first = ensemble.members[0].checkpoint
        self.labels: tuple[str, ...] = first.labels
        self.design: Design = first.design
        self.provenance: Mapping[str, Any] = ensemble.provenance
        self.ensemble = ensemble
        self.members = ensemble.members
        self.member_names: tuple[str, ...] = tuple(member.name for member in ensemble.members)
        self.weights: tuple[float, ...] = tuple(member.weight for member in ensemble.members)
        self.device = device
        self.views = views
        self.population = None if wearers is None else wearers.population
        self.calibrated = None if wearers is None else wearers.calibrated
        self._groups = grouped(ensemble.members, range(len(ensemble.members)), device)
        self._order = _inverse([place for group in self._groups for place in group.places])
        for group in self._groups:
            self._replay(group)

    def batch(self, windows: NDArray[np.float32], views: bool | None = None) -> NDArray[np.float32]:
        """Probabilities ``(B, K)`` of windows ``(B, N, C)`` of any length N; views as they were loaded if None.

        Of a calibrated checkpoint with the wearer's gestures.
        """
        shares = np.array(self.weights, np.float32)[:, None, None]
        mixed: NDArray[np.float32] = (self.batch_members(windows, views) * shares).sum(0)
        return self.join(windows, mixed)

    def join(self, windows: NDArray[np.float32], answers: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the networks answer ``(B, K)`` to windows ``(B, N, C)``, with what is known of the wearer."""
        if self.calibrated is None or self.population is None:
            return answers
        order = self.calibrated.order
        worn = windows if order is None else windows[:, :, list(order)]
        return self.calibrated.join(self.population, worn, answers).astype(np.float32)

    def batch_members(self, windows: NDArray[np.float32], views: bool | None = None) -> NDArray[np.float32]:
        """Probabilities ``(M, B, K)`` of each member for windows ``(B, N, C)`` of any length N.

        Raises:
            ValueError: another number of channels, or windows shorter than a view's shift.
        """
        channels = self.design.spec.channels
        order = None if self.calibrated is None else self.calibrated.order
        if windows.ndim != 3 or windows.shape[1] < 1 or windows.shape[2] != channels:
            raise ValueError(f"windows have shape {windows.shape}; this checkpoint takes (B, N, {channels})")
        if order is not None:
            windows = windows[:, :, list(order)]
        use = self.views if views is None else views
        rows = max(group.views.count for group in self._groups) if use else 1
        step = max(1, SAMPLES_AT_ONCE[self.device.type] // (rows * windows.shape[1]))
        parts = [np.zeros((len(self.weights), 0, len(self.labels)), np.float32)]
        with torch.inference_mode(), exact(self.device):
            for start in range(0, len(windows), step):
                x = np.array(windows[start : start + step].transpose(0, 2, 1), np.float32, order="C")
                parts.append(self._members(torch.from_numpy(x).to(self.device), use).cpu().numpy())
        return np.concatenate(parts, axis=1)

    def _members(self, x: Tensor, views: bool) -> Tensor:
        """``(B, C, N)`` to ``(M, B, K)`` probabilities."""
        outs = [group.probabilities(x, group.views if views else ORIGINAL) for group in self._groups]
        return outs[0] if len(outs) == 1 else torch.cat(outs)[self._order]

    def _replay(self, group: Group) -> None:
        """Refuses a network that does not give the stored logits for the stored windows on this device."""
        for row, place in enumerate(group.places):
            member = self.members[place]
            with torch.inference_mode(), exact(self.device):
                x = torch.from_numpy(member.golden.windows).transpose(1, 2).contiguous().to(self.device)
                logits = group.logits(x)[:, row].cpu().numpy()
            if not np.allclose(logits, member.golden.logits, rtol=TOLERANCE, atol=TOLERANCE):
                worst = float(np.abs(logits - member.golden.logits).max())
                raise ValueError(
                    f"the checkpoint {member.name!r} gives other logits on {self.device} than when it was saved "
                    f"(by up to {worst:.3g}); it is damaged or this device computes wrongly: try another device or "
                    "train it again"
                )


def load_networks(
    path: str | Path, *, device: str = "auto", views: bool = True, threads: int | None = None
) -> Networks:
    """Loads a checkpoint or an ensemble and checks, on the device, that it computes what it did when it was saved.

    Args:
        path: of the folder.
        device: "auto" (a CUDA device where there is one, else the CPU), "cpu", "cuda", "cuda:1", ...
        views: test-time augmentation as the checkpoint says, or off.
        threads: for PyTorch on the CPU, in the whole process; None leaves them as they are.

    Raises:
        ValueError: the checkpoint cannot be used, or the device is not there; one sentence that says why.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads is {threads}; give at least 1")
    where = device_called(device)
    ensemble, wearers = load_ensemble(path), read_wearers(read_listing(path))
    if threads is not None:
        torch.set_num_threads(threads)
    return Networks(ensemble, where, views=views, wearers=wearers)


def look(x: Tensor, seen: Arrangement) -> Tensor:
    """All views of a batch: ``(B, C, T)`` to ``(V*B, C, T)``, the whole batch for one view after another."""
    if len(seen.shift) == 1:
        return x
    views = []
    for shift, gain, noise in zip(seen.shift.tolist(), seen.gain.tolist(), seen.noise, strict=True):
        view = torch.roll(x, -shift, -1) if shift else x
        view = view * gain if gain != 1 else view
        views.append(view + torch.from_numpy(noise).to(x.device) if noise.any() else view)
    return torch.cat(views)


def grouped(members: Sequence[Member], places: Sequence[int], device: torch.device) -> list[Group]:
    """One group for each architecture with its views, where the family can be stacked.

    Args:
        members: of the ensemble.
        places: which of them are wanted.
        device: where the networks are to be.
    """
    alike: dict[str, list[int]] = {}
    for place in places:
        checkpoint = members[place].checkpoint
        stackable = families.family_of(checkpoint.family).stackable
        reading = members[place].reading
        key = [checkpoint.family, checkpoint.config, checkpoint.views.to_json(), reading, None if stackable else place]
        alike.setdefault(json.dumps(key, sort_keys=True), []).append(place)
    return [_group([members[place] for place in some], tuple(some), device) for some in alike.values()]


def device_called(name: str) -> torch.device:
    """The device of that name.

    Raises:
        ValueError: there is none; says what is there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"there is no device {name!r}; use auto, cpu or cuda") from error
    there = torch.cuda.device_count() if device.type == "cuda" else int(device.type == "cpu")
    if (device.index or 0) >= there:
        raise ValueError(
            f"the device {name!r} is not there (PyTorch {torch.__version__} sees {torch.cuda.device_count()} CUDA "
            "devices); use auto or cpu, or install PyTorch with CUDA"
        )
    return device


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Full float32 on CUDA: no TF32, and the same algorithm from run to run."""
    if device.type != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


def _group(members: Sequence[Member], places: tuple[int, ...], device: torch.device) -> Group:
    checkpoint, module = members[0].checkpoint, members[0].module
    if len(members) > 1:
        with torch.random.fork_rng(devices=[]):
            module = families.build(checkpoint.family, checkpoint.config, len(members))
        module.load_state_dict(stack_states([member.module.state_dict() for member in members]))
    served = members[0].reads(fold(module)).requires_grad_(False).to(device)
    return Group(served, checkpoint.views, places)


def _inverse(places: Sequence[int]) -> list[int]:
    """Where in ``places`` each of 0, 1, ... stands."""
    return [places.index(place) for place in range(len(places))]
