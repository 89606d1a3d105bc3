"""ResNet1D-GRU: parallel convolutions of several lengths, residual units that shorten, a GRU over what is left.

What: the raw-signal member of system 5, on electrodes of an arm instead of a scalp. Random 400 ms windows at any
offset, one random gain, a little noise. Learns from votes as well as from labels (``--votes``, ``refine``).

Data: eight channels, any data set that ``devices.datasets`` knows, or the simulator.

Scores: four epochs of sessions 1 and 2 of people 1-20, tested on session 3: 80.0 % of windows and 87.3 % of trials,
where a linear discriminant on 72 features gives 77.9 % of windows. See ``train/LOG.md``.

Source: system 5 of the challenge (sizes unknown there).
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Recipe

RECIPE = Recipe(
    family="resnet_gru",
    augment=Augment(gain=0.3, noise=0.02),
    epochs=5,
    batch=128,
    lr=3e-3,
    weight_decay=0.05,
    label_smoothing=0.1,
    ema=0.995,
)
