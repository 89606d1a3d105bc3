"""What comes to the device and how it is looked at there: new samples in, the views of a window out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.views import Arrangement


class Inlet(NamedTuple):
    """Where samples wait for their way to the device, and where they arrive.

    Attributes:
        pinned: ``(S, fresh, C)`` on the host.
        there: ``(S, fresh, C)`` on the device.
    """

    pinned: Tensor
    there: Tensor

    def fill(self, samples: NDArray[np.float32]) -> None:
        """Takes samples ``(S, fresh, C)``."""
        if self.pinned.dtype == torch.float32:
            np.copyto(self.pinned.numpy(), samples)
        else:
            self.pinned.copy_(torch.from_numpy(np.ascontiguousarray(samples)))

    def appended(self, history: Tensor) -> Tensor:
        """Brings the samples over; ``(S, N, C)``, the history without its oldest ones and with them."""
        self.there.copy_(self.pinned, non_blocking=True)
        fresh = self.there.shape[1]
        return self.there if fresh == history.shape[1] else torch.cat([history[:, fresh:], self.there], dim=1)


class Gaze:
    """Views of windows on the device, gathered by one index.

    Args:
        seen: which views.
        at_most: the first of them.
        streams: S.
        device: of the windows.
        dtype: of the windows.

    Attributes:
        count: v.
    """

    def __init__(self, seen: Arrangement, at_most: int, streams: int, device: torch.device, dtype: torch.dtype) -> None:
        self.count = min(at_most, len(seen.shift))
        _, channels, length = seen.noise.shape
        shift = torch.from_numpy(seen.shift[: self.count, None])
        self._index = ((torch.arange(length) + shift) % length).flatten().to(device)
        self._gain = torch.from_numpy(seen.gain[: self.count]).to(device, dtype)[:, None, None]
        self._noise = torch.from_numpy(seen.noise[: self.count]).transpose(1, 2).contiguous().to(device, dtype)
        self._shape = (streams, self.count, length, channels)
        self._memory = torch.zeros(streams * self.count * length + 1, channels, device=device, dtype=dtype)

    def rows(self, windows: Tensor) -> Tensor:
        """``(S, N, C)`` to rows ``(S*v*N + 1, C)``: all views of one window after another, and a row of zeros."""
        gathered = windows.index_select(1, self._index).view(self._shape)
        torch.addcmul(self._noise, gathered, self._gain, out=self._memory[:-1].view(self._shape))
        return self._memory


class Unrolled(nn.Module):
    """A network that takes rows as windows ``(R, C, N)``.

    Args:
        network: ``(R, C, N)`` to ``(R, K)``.
        windows: R.
    """

    def __init__(self, network: nn.Module, windows: int) -> None:
        super().__init__()
        self.network, self.windows = network, windows

    def forward(self, x: Tensor) -> Tensor:
        """``(R*N + 1, C)`` to ``(R, K)``."""
        logits: Tensor = self.network(x[:-1].view(self.windows, -1, x.shape[1]).transpose(1, 2))
        return logits
