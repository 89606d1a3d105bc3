"""SE-ResNet-1D on unmixed windows: the "standard" member of the Synapse ensemble.

What: a one-dimensional residual network with a squeeze-and-excitation block in every unit, global average pooling
and one linear layer; any length of input. Its channels are decorrelated first, its weights are averaged over the last
steps. Random 400 ms windows at any offset of the filtered recordings, each with one random gain for all channels and a
little noise.

Data: recordings in any layout that the README names (Synapse also as a ``.pt`` file), or simulated people.
Written for the Synapse recordings (a subset of the forearm channels of GRABMyo, Pradhan, He & Jiang, Sci Data 9:733,
2022: 512 Hz, five gestures).

Scores: trained on people 1-16 (validation=0), tested on 17-20 from a cold start, without views: 68.9 % of windows,
73.8 % of trials by averaging them, 76.4 % in one pass. How the settings were chosen is in ``train/LOG.md``.

Source: system 1 of the challenge (widths and depth unknown there); squeeze-and-excitation from Hu, Shen & Sun, CVPR
2018; residual units from He et al., CVPR 2016.
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Processing, Recipe

RECIPE = Recipe(
    family="se_resnet",
    model={"widths": (32, 64, 128), "depth": 2, "kernel": 7, "dropout": 0.5},
    dsp=Processing(band_hz=(20.0, 450.0), window_ms=400.0, hop_ms=160.0),
    augment=Augment(gain=0.3, noise=0.02),
    epochs=5,
    batch=128,
    lr=3e-3,
    weight_decay=0.3,
    warmup=0.1,
    clip=1.0,
    label_smoothing=0.1,
    ema=0.995,
    validation=3,
)
