"""Tangent-space network: how the electrodes move together in a window, as one flat vector, and a small dense network.

The covariance of a window is a point on a curved space, where straight lines between points leave what covariances can
be. Its matrix logarithm is its place on the flat tangent space (Arsigny et al., Magn Reson Med 56:411-421, 2006), on
which linear methods and small networks do well with few people: Barachant et al., IEEE Trans Biomed Eng 59:920-928,
2012, whose recipe this is.

Beside each channel stand its first differences in time, of every order up to ``differences``: what joins them in the
covariance is the spectrum, and the spectra that channels share. All these rows are decorrelated first, so that the
tangent space touches near the mean of the training people and not at some other point; without that, a linear
discriminant loses six points of windows. It also leaves matrices whose eigenvalues are not far apart, for which the
logarithm can be had from products of matrices in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models import checks
from models.blocks import QUIET, Decorrelation, mixed
from models.logarithm import logarithm

FLOOR = 1e-3
"""Share of a covariance's Frobenius norm that is added to each eigenvalue, so that one of nothing has a logarithm too
and float32 suffices. Of decorrelated windows in use the least eigenvalue is 4e-3 of it at the median."""


LOW = FLOOR / (1 + FLOOR)
"""Least eigenvalue that a covariance can have by then; the greatest is 1."""


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        differences: orders of differences in time that stand beside the signal; 0 takes the signal alone.
        hidden: units of each dense layer.
        dropout_features: share of the features left out in training.
        dropout: after each dense layer.
    """

    channels: int = 8
    classes: int = 5
    differences: int = 2
    hidden: tuple[int, ...] = (1024, 512)
    dropout_features: float = 0.2
    dropout: float = 0.5

    def __post_init__(self) -> None:
        checks.at_least(1, channels=self.channels)
        checks.at_least(0, differences=self.differences)
        checks.distinct(self.classes)
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"hidden is {self.hidden}; give the units of at least one layer, each at least 1")
        checks.share(dropout_features=self.dropout_features, dropout=self.dropout)


class Tangent(nn.Module):
    """The logarithm of the covariance of rows: ``(B, D, T)`` of any T to ``(B, D*(D+1)/2)``.

    In training it comes from an eigendecomposition in float64, which takes as long on a CPU and which the lesser
    precisions of training do not touch; else from products of matrices in float32, which every engine has. They differ
    by 1e-5 or so.
    """

    scale: Tensor
    places: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        rows, columns = torch.triu_indices(size, size)
        # What stands twice in a symmetric matrix counts twice in its norm.
        scale = torch.where(rows == columns, 1.0, 2.0**0.5)
        for name, tensor in (("places", rows * size + columns), ("scale", scale)):
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class; float32, or float64 in training."""
        x = x.double() if self.training else x.float()
        covariance = x @ x.transpose(1, 2) / x.shape[-1]
        size = covariance.square().sum((1, 2), keepdim=True).sqrt() + QUIET
        one = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        unit = (covariance / size + FLOOR * one) / (1 + FLOOR)
        flat = (_exactly(unit) if self.training else logarithm(unit, LOW)) + (size * (1 + FLOOR)).log() * one
        return flat.flatten(1)[:, self.places] * self.scale


def _exactly(matrices: Tensor) -> Tensor:
    """Their logarithms."""
    values, vectors = torch.linalg.eigh(matrices)
    logarithms: Tensor = (vectors * values.clamp_min(LOW).log()[:, None]) @ vectors.transpose(1, 2)
    return logarithms


class TangentNetwork(nn.Module):
    """``(B, C, T)`` of any length T to logits ``(B, K)``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.decorrelate = Decorrelation(config.channels, differences=config.differences)
        self.tangent = Tangent(config.channels * (1 + config.differences))
        before = len(self.tangent.places)
        self.normalise = nn.BatchNorm1d(before, affine=False)
        layers: list[nn.Module] = [nn.Dropout(config.dropout_features)]
        for width in config.hidden:
            layers += [nn.Linear(before, width), nn.BatchNorm1d(width), nn.GELU(), nn.Dropout(config.dropout)]
            before = width
        self.dense = nn.Sequential(*layers)
        self.head = nn.Linear(before, config.classes)

    def forward(self, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Logits; see the class.

        Args:
            x: windows.
            own: in training, of each window the share of its own features (``models.blocks.mixed``); None mixes none.
        """
        features = self.front(x)
        return self.back(features if own is None else mixed(features, own))

    def front(self, x: Tensor) -> Tensor:
        """What has no parameters: ``(B, C, T)`` to features ``(B, D*(D+1)/2)``, each with a variance of one."""
        features: Tensor = self.normalise(self.tangent(self.decorrelate(x)).to(self.head.weight.dtype))
        return features

    def back(self, features: Tensor) -> Tensor:
        """What is learnt: features to logits ``(B, K)``."""
        logits: Tensor = self.head(self.dense(features))
        return logits


def build(config: Config) -> TangentNetwork:
    """A fresh network with PyTorch's default initialisation."""
    return TangentNetwork(config)
