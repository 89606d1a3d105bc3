"""Lending windows to other wearers: what an electrode hears differs from arm to arm, the gesture does not.

The covariance matrix of the channels says where the electrodes sit and how the arm conducts, and differs from person to
person. A window of wearer a is whitened by a's covariance and coloured by b's, correlation alignment (Sun, Feng
& Saenko, AAAI 2016) turned into an augmentation:

    x' = ((1 - s) I + s C_b^(1/2) C_a^(-1/2)) x,   s uniform in 0 ... 1,

so that training sees arms between those it knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from train.corpus import Track

FLOOR = 1e-6
"""Smallest eigenvalue, as a share of the largest, that is inverted: a dead channel must not be blown up."""


class Wearers:
    """The sittings of the training people and their covariance matrices."""

    def __init__(
        self, track: Track, recordings: Sequence[int], sittings: Sequence[object], device: torch.device | str = "cpu"
    ) -> None:
        """Measures each sitting.

        Args:
            track: filtered recordings.
            recordings: which of them are used.
            sittings: for each recording of the track, whose sitting it is (person and session); equal values belong
                together.
            device: where windows will be.
        """
        number = {sitting: n for n, sitting in enumerate(dict.fromkeys(sittings[r] for r in recordings))}
        belongs = np.array([number.get(sitting, 0) for sitting in sittings], np.int64)
        channels = track.samples.shape[1]
        total, count = np.zeros((len(number), channels, channels)), np.zeros(len(number))
        for recording in recordings:
            rows = track.samples[track.starts[recording] : track.starts[recording + 1]].astype(np.float64)
            total[belongs[recording]] += rows.T @ rows
            count[belongs[recording]] += len(rows)
        values, vectors = np.linalg.eigh(total / count[:, None, None])
        values = np.maximum(values, np.maximum(values.max(1, keepdims=True) * FLOOR, np.finfo(np.float32).tiny))
        turned = vectors.transpose(0, 2, 1)
        self._colour = torch.from_numpy((vectors * np.sqrt(values)[:, None]) @ turned).float().to(device)
        self._whiten = torch.from_numpy((vectors / np.sqrt(values)[:, None]) @ turned).float().to(device)
        self._belongs = torch.from_numpy(belongs).to(device)
        self._starts = torch.from_numpy(np.ascontiguousarray(track.starts[1:])).to(device)

    def lend(self, windows: Tensor, places: Tensor, share: float, generator: torch.Generator) -> Tensor:
        """Gives about ``share`` of the windows to another wearer, each to its own degree.

        Args:
            windows: ``(B, C, T)``.
            places: ``(B,)`` where each begins in the track.
            share: 0 ... 1.
            generator: on the device of ``windows``.
        """
        count, device = len(windows), windows.device
        owner = self._belongs[torch.searchsorted(self._starts, places, right=True)]
        guest = torch.randint(len(self._colour), (count,), generator=generator, device=device)
        lent = torch.rand(count, generator=generator, device=device) < share
        degree = (torch.rand(count, generator=generator, device=device) * lent)[:, None, None]
        other = self._colour[guest] @ self._whiten[owner]
        same = torch.eye(windows.shape[1], device=device)
        return ((1 - degree) * same + degree * other) @ windows
