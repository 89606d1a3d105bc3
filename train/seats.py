"""Windows as most wear the armband: each sitting's channels in the arrangement that was found for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from devices.entry import Entry
from models.evidence import arrangements
from train.answers import questions
from train.corpus import Track
from train.worn import APART, worn


class Seats:
    """How the training people's armbands sat (``train.worn``)."""

    def __init__(
        self,
        track: Track,
        recordings: Sequence[int],
        entries: Sequence[Entry],
        window: int,
        device: torch.device | str = "cpu",
    ) -> None:
        """Looks at each sitting.

        Args:
            track: filtered recordings.
            recordings: which of them are used.
            entries: of all of them.
            window: samples.
            device: where windows will be.
        """
        asked = questions(track, entries, window, max(1, round(APART * window)))
        asked.truth[~np.isin(asked.owner, recordings)] = -1
        ways, self.otherwise = worn(track, entries, asked, window)
        self._orders = torch.tensor(arrangements(track.samples.shape[1]), device=device)
        self._ways = torch.from_numpy(ways).to(device)
        self._starts = torch.from_numpy(np.ascontiguousarray(track.starts[1:])).to(device)

    def turn(self, windows: Tensor, places: Tensor, share: float, generator: torch.Generator) -> Tensor:
        """Gives about ``share`` of the windows as if their armband sat as most do.

        Args:
            windows: ``(B, C, T)``.
            places: ``(B,)`` where each begins in the track.
            share: 0 ... 1.
            generator: on the device of ``windows``.
        """
        turned = torch.rand(len(windows), generator=generator, device=windows.device) < share
        way = self._ways[torch.searchsorted(self._starts, places, right=True)] * turned
        return windows.gather(1, self._orders[way][:, :, None].expand_as(windows))
