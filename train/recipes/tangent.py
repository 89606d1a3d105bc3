"""Tangent-space network: how the electrodes move together, and two dense layers; for people not met before.

What: the matrix logarithm of the covariance of each window and its first and second differences, all decorrelated, 300
numbers, through dense layers of 1024 and 512 units. MixUp blends these numbers with those of another window, not the
signals; weights averaged over the last steps.

Data: recordings in any layout that the README names (Synapse also as a ``.pt`` file), or simulated people.
Meant for several electrodes around an arm that hear much the same; with bipolar electrodes, whose signals have little
in common, convolutions may be ahead.

Scores, windows / trials without views, twelve people trained on, from a cold start: people 1-4 76.1 / 83.6 %, 5-8
76.7 / 82.1 %. Before features were mixed 75.3 / 81.9 and 76.0 / 82.6 %; over five folds then 75.5 / 81.3 % (worst
fold 73.7 / 77.9 %, people 17-20), ``new-day`` of people 1-20 86.2 / 91.7 %. See ``train/LOG.md``.

Source: covariances on the tangent space after Barachant et al., IEEE Trans Biomed Eng 59:920-928, 2012; MixUp of what
a network makes of its input from Verma et al., ICML 2019.
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Processing, Recipe

RECIPE = Recipe(
    family="tangent",
    model={"hidden": (1024, 512), "dropout": 0.5},
    dsp=Processing(band_hz=(20.0, 450.0), window_ms=400.0, hop_ms=160.0),
    augment=Augment(gain=0.1, noise=0.0, mixup_features=0.4),
    epochs=10,
    batch=256,
    lr=1e-3,
    weight_decay=0.05,
    warmup=0.1,
    clip=1.0,
    label_smoothing=0.1,
    ema=0.995,
    validation=0,
)
