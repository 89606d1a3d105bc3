"""Spectrograms inside a network: a bank of windowed cosines and sines, which is a convolution like any other.

``torch.stft`` would do the same with complex numbers, which ONNX does not have; for the short columns of a window of
some hundred samples a convolution is as fast.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

FLOOR = 1e-4
"""Power below which nothing is told apart; of a sample of typical size it is 1."""


class Spectrogram(nn.Module):
    """Log power, ``(B, C, T)`` to ``(B, C, F, n)``, F = fft/2 + 1 and n = 1 + ceil((T - fft)/hop) or ``columns``.

    The window is Hann's. White noise of variance 1 has a mean power of 1 in every bin (but the first and the last,
    where it has 2): units are those of the normalised samples. The last column ends with the window's newest sample;
    zeros are put before the oldest, where the columns do not come out even or are fewer than ``columns``.

    Args:
        fft: samples under a column.
        hop: samples from one column to the next.
        columns: n, at least.
    """

    bank: Tensor

    def __init__(self, fft: int, hop: int, columns: int = 1) -> None:
        super().__init__()
        self.fft, self.hop, self.columns, self.bins = fft, hop, columns, fft // 2 + 1
        time = torch.arange(fft, dtype=torch.float64)
        window = torch.hann_window(fft, dtype=torch.float64)
        angle = 2 * torch.pi * torch.arange(self.bins)[:, None] * time / fft
        bank = torch.cat([torch.cos(angle), torch.sin(angle)]) * window / window.square().sum().sqrt()
        self.register_buffer("bank", bank.float()[:, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        steps = max(self.columns - 1, -((self.fft - x.shape[-1]) // self.hop))
        x = pad(x, (self.fft + steps * self.hop - x.shape[-1], 0))
        cosine, sine = conv2d(x.unsqueeze(1), self.bank, stride=(1, self.hop)).chunk(2, 1)
        return torch.log(cosine.square() + sine.square() + FLOOR).transpose(1, 2)


class Masking(nn.Module):
    """Hides a band of frequencies and a stretch of time of each picture while a network is trained; else nothing.

    Park et al., "SpecAugment", Interspeech 2019: how wide is uniform from nothing to a share of the picture, where is
    uniform as well; what is hidden becomes the mean, which is 0 of a scaled picture. All electrodes lose the same.

    Args:
        share: of the frequencies, and of the times, that are hidden at most.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, F, n)`` to the same."""
        if not self.training or not self.share:
            return x
        hidden = (
            _stretch(x, x.shape[2], self.share)[:, None, :, None] | _stretch(x, x.shape[3], self.share)[:, None, None]
        )
        return x.masked_fill(hidden, 0.0)


def _stretch(x: Tensor, length: int, share: float) -> Tensor:
    """``(B, length)``, true within one random stretch of each row."""
    drawn = torch.rand(2, len(x), 1, device=x.device)
    width = drawn[0] * share * length
    first = drawn[1] * (length - width)
    place = torch.arange(length, device=x.device) + 0.5
    return (place > first) & (place < first + width)


class Scaling(nn.Module):
    """Brings spectrograms ``(B, C, F, n)`` to mean 0 and spread 1.

    Args:
        channels: C.
        bins: F.
        over: ``dataset``: each channel and bin by its mean and variance over what was seen in training (the average
            of all batches); ``instance``: each row by those of its whole picture.
    """

    def __init__(self, channels: int, bins: int, over: str) -> None:
        super().__init__()
        self.seen = nn.BatchNorm1d(channels * bins, affine=False, momentum=None) if over == "dataset" else None

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        if self.seen is None:
            rows = x.flatten(1)
            rows = rows - rows.mean(1, keepdim=True)
            return (rows * (rows.square().mean(1, keepdim=True) + FLOOR).rsqrt()).view_as(x)
        scaled: Tensor = self.seen(x.flatten(1, 2))
        return scaled.view_as(x)
