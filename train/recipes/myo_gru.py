"""ResNet1D-GRU for continuous use of a Myo armband: the other member of the shipped pair.

What: the processing and the labels of ``myo`` with the network of ``resnet_gru``, which stands no changes to the
electrodes, and wants half as many passes again; they vote evenly.

Data: continuous recordings with rest between gestures. Written for the Myo readings (200 Hz, eight channels).

Scores: see ``models/checkpoints/myo/README.md``; what was tried is in ``train/LOG.md``.

Source: aljazfrancic/myo-readings-dataset (MIT licence) for the data; the network is that of ``resnet_gru``.
"""

from __future__ import annotations

from dataclasses import replace

from train.augment import Augment
from train.recipes import myo

RECIPE = replace(
    myo.RECIPE,
    family="resnet_gru",
    model={},
    augment=Augment(gain=0.2, noise=0.02),
    epochs=24,
    weight_decay=0.3,
)
