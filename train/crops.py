"""Random training windows at any offset of the filtered recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.corpus import LOST, Track


class Crops:
    """Draws windows of one length from chosen recordings of a track.

    A stream may begin anywhere, so training windows do as well, not only on the hop's grid. A window whose label
    changes inside counts only where one label fills at least ``purity`` of it.

    Attributes:
        length: samples in a window.
        labels: the gestures (indices) that occur.
    """

    def __init__(
        self,
        track: Track,
        recordings: Sequence[int],
        length: int,
        *,
        purity: float = 0.75,
        balance: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        """Lists every place where a window may begin.

        Raises:
            ValueError: there is none.
        """
        if length < 1:
            raise ValueError("a training window would hold no sample; lengthen dsp.window_ms (and long_ms)")
        places, marks = places_in(track, recordings, length, purity)
        if not len(places):
            raise ValueError(
                f"no recording holds {length} labelled samples in a row, the length of a training window; "
                "shorten dsp.window_ms (and long_ms), or bring longer recordings"
            )
        order = np.argsort(marks, kind="stable")
        self.length = length
        self.labels, counts = np.unique(marks, return_counts=True)
        self._balance = balance
        self._places = torch.from_numpy(places[order]).to(device)
        self._marks = torch.from_numpy(marks[order]).to(device)
        self._first = torch.from_numpy(np.cumsum(counts) - counts).to(device)
        self._counts = torch.from_numpy(counts).to(device)
        self._samples = torch.from_numpy(track.samples).to(device)
        self._steps = torch.arange(length, device=device)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """``count`` windows ``(B, C, T)`` float32, their labels ``(B,)`` and where they begin ``(B,)``, both int64."""
        device = self._samples.device
        share = torch.rand(count, generator=generator, device=device, dtype=torch.float64)
        if self._balance:
            which = torch.randint(len(self._counts), (count,), generator=generator, device=device)
            chosen = self._first[which] + (share * self._counts[which]).long()
        else:
            chosen = (share * len(self._places)).long()
        places = self._places[chosen]
        rows = places[:, None] + self._steps
        return self._samples[rows].transpose(1, 2).contiguous(), self._marks[chosen], places


def places_in(
    track: Track, recordings: Sequence[int], length: int, purity: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every index of the track at which a window of one label begins, and that label.

    Returns:
        ``(P,)`` places and ``(P,)`` labels.
    """
    places: list[NDArray[np.int64]] = []
    labels: list[NDArray[np.int64]] = []
    for index in recordings:
        first, end = int(track.starts[index]), int(track.starts[index + 1])
        if end - first < length:
            continue
        marks = majority(track.labels[first:end], length, purity)
        known = np.flatnonzero(marks >= 0)
        places.append(known + first)
        labels.append(marks[known])
    if not places:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(places), np.concatenate(labels)


def majority(marks: NDArray[np.int16], length: int, purity: float) -> NDArray[np.int64]:
    """The label of the window that begins at each sample, negative where none fills ``purity`` of it.

    A window that touches a gap has none, however small the gap: live it gets no decision either.

    Args:
        marks: ``(T,)`` label of each sample, negative where unknown, ``LOST`` in a gap.
        length: of a window, at most T.
        purity: 0 ... 1.

    Returns:
        ``(T - length + 1,)``.
    """
    best = np.full(len(marks) - length + 1, -1, np.int64)
    most = np.zeros(len(best), np.int64)
    for label in np.unique(marks):
        total = np.concatenate([[0], np.cumsum(marks == label)])
        count = total[length:] - total[:-length]
        winner = count > most
        best[winner] = label
        most[winner] = count[winner]
    lost = np.concatenate([[0], np.cumsum(marks == LOST)])
    best[(most < purity * length) | (lost[length:] > lost[:-length])] = -1
    return best
