"""Random changes to training windows that leave the gesture what it is.

All work on ``(B, C, T)`` tensors on any device and draw from the one generator given, so that a seed and a step
decide everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Augment:
    """How much of each change; 0 switches one off.

    Attributes:
        gain: standard deviation of the logarithm of one gain for the whole window (skin, distance, effort).
        channel_gain: the same, drawn for each channel (contact of each electrode).
        noise: standard deviation of white noise, in units of the normalised signal.
        channel_dropout: share of the windows in which one channel is silent (an electrode that lifts off).
        shift: most samples by which a window is moved, either way; what leaves at one end enters at the other.
        rotation: furthest shift of the ring of electrodes around the arm, as a share of their spacing.
        mixup: alpha of Beta(alpha, alpha), from which the share of the window's own signal and label is drawn.
        mixup_features: the same, where not the signals are mixed but what a family that can makes of them.
    """

    gain: float = 0.3
    channel_gain: float = 0.0
    noise: float = 0.02
    channel_dropout: float = 0.0
    shift: int = 0
    rotation: float = 0.0
    mixup: float = 0.0
    mixup_features: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"augment.{name} is {value}; it must be at least 0 (0 switches it off)")
        if self.channel_dropout > 1:
            raise ValueError(f"augment.channel_dropout is {self.channel_dropout}; it is a share between 0 and 1")


def augment(settings: Augment, windows: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Applies every change that is switched on.

    Args:
        settings: how much of each.
        windows: ``(B, C, T)``, normalised; not changed in place.
        targets: ``(B, K)``, rows sum to one.
        generator: on the device of ``windows``.

    Returns:
        New windows and targets of the same shapes.
    """
    if settings.shift:
        windows = move(windows, settings.shift, generator)
    if settings.rotation:
        windows = rotate(windows, settings.rotation * (2 * _uniform(windows, generator, len(windows)) - 1))
    if settings.gain:
        windows = jitter_gain(windows, settings.gain, generator, each_channel=False)
    if settings.channel_gain:
        windows = jitter_gain(windows, settings.channel_gain, generator, each_channel=True)
    if settings.channel_dropout:
        windows = silence_channel(windows, settings.channel_dropout, generator)
    if settings.noise:
        windows = windows + settings.noise * _normal(windows, generator, *windows.shape)
    if settings.mixup:
        windows, targets = mix(windows, targets, settings.mixup, generator)
    return windows, targets


def jitter_gain(windows: Tensor, spread: float, generator: torch.Generator, *, each_channel: bool) -> Tensor:
    """Multiplies by ``exp(N(0, spread))``, drawn for each window or for each of its channels."""
    channels = windows.shape[1] if each_channel else 1
    return windows * torch.exp(spread * _normal(windows, generator, len(windows), channels, 1))


def silence_channel(windows: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Zeroes one random channel in about ``share`` of the windows."""
    count, channels, _ = windows.shape
    hit = _uniform(windows, generator, count) < share
    which = torch.randint(channels, (count,), generator=generator, device=windows.device)
    silent = hit[:, None] & (torch.arange(channels, device=windows.device) == which[:, None])
    return windows.masked_fill(silent[:, :, None], 0.0)


def move(windows: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Turns each window round by up to ``most`` samples, as the shifted views of the classifier do."""
    count, _, length = windows.shape
    by = torch.randint(-most, most + 1, (count, 1), generator=generator, device=windows.device)
    steps = (torch.arange(length, device=windows.device) + by) % length
    return windows.gather(2, steps[:, None].expand_as(windows))


def rotate(windows: Tensor, shift: Tensor) -> Tensor:
    """Turns the ring of electrodes: channel c becomes the signal at position ``c + shift`` between its neighbours.

    Args:
        windows: ``(B, C, T)``; channel C - 1 lies beside channel 0.
        shift: ``(B,)`` in electrode spacings, either sign, linear interpolation between whole positions.
    """
    channels = windows.shape[1]
    whole = torch.floor(shift)
    part = (shift - whole)[:, None, None]
    lower = (torch.arange(channels, device=windows.device) + whole[:, None].long()) % channels
    rows = torch.arange(len(windows), device=windows.device)[:, None]
    return (1 - part) * windows[rows, lower] + part * windows[rows, (lower + 1) % channels]


def mix(windows: Tensor, targets: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """MixUp (Zhang et al., ICLR 2018): each window and its label blended with another's by ``Beta(alpha, alpha)``.

    The shares come from the seed of the generator, which is known without waiting for an accelerator.
    """
    own_share = shares(alpha, windows, generator)
    other = torch.randperm(len(windows), generator=generator, device=windows.device)
    mixed = own_share[:, None, None] * windows + (1 - own_share)[:, None, None] * windows[other]
    return mixed, own_share[:, None] * targets + (1 - own_share)[:, None] * targets[other]


def shares(alpha: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """Of each of B windows its own share of a mixture, ``(B,)`` from Beta(alpha, alpha), by the generator's seed."""
    own = np.random.default_rng(generator.initial_seed()).beta(alpha, alpha, len(like))
    return torch.from_numpy(own).to(like.device, like.dtype)


def _normal(like: Tensor, generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


def _uniform(like: Tensor, generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator, device=like.device, dtype=like.dtype)
