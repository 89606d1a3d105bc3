"""ResNet1D-GRU: parallel convolutions of several lengths, residual units that shorten, a GRU over what is left.

What: the raw-signal member of system 5, on electrodes of an arm instead of a scalp. Random 400 ms windows at any
offset, random gains, electrodes turned by up to half their spacing, a little noise, MixUp; ``model.scaling=instance``
divides each window by its own size. Learns from votes as well as from labels (``--votes``, ``refine``).

Data: recordings in any layout that the README names (Synapse also as a ``.pt`` file), or simulated people.

Scores: sessions 1 and 2 of people 1-20, tested on session 3: 83.0 % of windows and 88.1 % of trials, where a linear
discriminant on 72 features gives 77.9 % of windows; with four epochs 80.0 and 87.3 %. Training windows, as they are
changed: 46 % in the first epoch, 65, 73 (fourth), 79 (tenth), 82 (fifteenth), 83 in the last. See ``train/LOG.md``.

Source: system 5 of the challenge (sizes unknown there).
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Recipe

RECIPE = Recipe(
    family="resnet_gru",
    augment=Augment(gain=0.2, channel_gain=0.1, noise=0.02, rotation=0.5, mixup=0.2),
    epochs=20,
    batch=256,
    lr=3e-3,
    weight_decay=0.05,
    label_smoothing=0.1,
    ema=0.995,
)
