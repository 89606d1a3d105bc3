"""EfficientNet B0 and B1 on spectrograms that the network makes itself, on its own device.

Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the network is that of
``transformers``, from a config: nothing is downloaded. Width and depth of the sizes are those of the authors' program
(tensorflow/tpu, models/official/efficientnet/efficientnet_builder.py, ``efficientnet_params``).

By default every electrode's spectrogram is one channel of the picture: that costs a C-th of a picture in which they
are tiled, and the first convolution already compares electrodes, which is what tells gestures apart. Tiled, as the
system that this family comes from does it, all electrodes share the first filters, and what lies side by side meets
at the borders. ``tiled`` chooses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers import EfficientNetConfig, EfficientNetModel

from models import checks
from models.blocks import Decorrelation
from models.spectrogram import Masking, Scaling, Spectrogram

SIZES = {"b0": (1.0, 1.0), "b1": (1.0, 1.1)}
"""Width and depth coefficients."""

MANY = 1000
"""More blocks than there are."""

NORMALISED = (
    ("convolution", "batchnorm"),
    ("expand_conv", "expand_bn"),
    ("depthwise_conv", "depthwise_norm"),
    ("project_conv", "project_bn"),
    ("top_conv", "top_bn"),
)
"""What ``transformers`` calls the convolutions and the normalisations that directly follow them."""


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        size: a key of ``SIZES``.
        width: factor on the channels of that size (below 1 for a smaller network than the authors').
        depth: factor on its blocks; there is at least one in each of the seven stages.
        fft: samples under one column of the spectrogram, at least 8.
        hop: samples from one column to the next.
        scaling: ``dataset`` takes mean and spread of each electrode and frequency over the training data, so that
            loud and quiet windows still differ; ``instance`` those of each window, so that they do not.
        mask: share of the frequencies, and of the times, of which up to so much is hidden in training.
        tiled: electrodes one above the other in a picture of one channel, instead of each in a channel of its own.
        dropout: before the linear head, from 0 to below 1.
    """

    channels: int = 8
    classes: int = 5
    size: str = "b0"
    width: float = 1.0
    depth: float = 1.0
    fft: int = 64
    hop: int = 4
    scaling: str = "dataset"
    mask: float = 0.0
    tiled: bool = False
    dropout: float = 0.2

    def __post_init__(self) -> None:
        checks.at_least(1, channels=self.channels, hop=self.hop)
        checks.at_least(8, fft=self.fft)
        checks.distinct(self.classes)
        checks.known("size", self.size, SIZES)
        checks.known("scaling", self.scaling, ("dataset", "instance"))
        checks.positive(width=self.width, depth=self.depth)
        checks.share(dropout=self.dropout, mask=self.mask)


class EfficientNet(nn.Module):
    """``(B, C, T)`` of any length T to logits ``(B, K)``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.tiled = config.tiled
        self.decorrelate = Decorrelation(config.channels)
        # Two columns at least: the stem's kernel of 3, padded by 1, has to fit into the picture.
        self.spectrogram = Spectrogram(config.fft, config.hop, columns=2)
        self.scaling = Scaling(config.channels, self.spectrogram.bins, config.scaling)
        self.masking = Masking(config.mask)
        width, depth = SIZES[config.size]
        settings = EfficientNetConfig(
            num_channels=1 if config.tiled else config.channels,
            width_coefficient=width * config.width,
            depth_coefficient=depth * config.depth,
            # What transformers passes on as it is, PyTorch reads the other way round: 0.99 would forget at once.
            batch_norm_momentum=0.1,
            # In these blocks, that is in all, zeros are put on both sides and a picture may be of any size.
            depthwise_padding=list(range(MANY)),
        )
        network = EfficientNetModel(settings)
        self.embeddings, self.encoder = network.embeddings, network.encoder
        features = self.encoder.top_conv.out_channels
        # There the width is a setting of its own, beside the coefficient that it follows from.
        self.encoder.top_bn = nn.BatchNorm2d(features, settings.batch_norm_eps)
        _begin(self)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(features, config.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        picture = self.masking(self.scaling(self.spectrogram(self.decorrelate(x))))
        if self.tiled:
            picture = picture.flatten(1, 2).unsqueeze(1)
        features = self.encoder(self.embeddings(picture), return_dict=False)[0]
        logits: Tensor = self.head(self.dropout(features.mean((2, 3))))
        return logits

    def settle(self) -> None:
        """Folds the normalisations into the convolutions before them, for serving (``blocks.fold``)."""
        for part in self.modules():
            for conv, norm in NORMALISED:
                if isinstance(getattr(part, norm, None), nn.BatchNorm2d):
                    setattr(part, conv, fuse_conv_bn_eval(getattr(part, conv), getattr(part, norm)))
                    setattr(part, norm, nn.Identity())


def _begin(network: nn.Module) -> None:
    """Starts convolutions and normalisations as the authors' program does (``conv_kernel_initializer``).

    In ``transformers`` the factors of the normalisations start around 0 and the signal ends in the first blocks; that
    is made for networks whose parameters are loaded.
    """
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            fan = math.prod(part.kernel_size) * part.out_channels // part.groups
            nn.init.normal_(part.weight, 0, math.sqrt(2 / fan))
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d) and part.affine:
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)


def build(config: Config) -> EfficientNet:
    """A fresh network, started at random."""
    return EfficientNet(config)
