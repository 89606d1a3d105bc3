"""EfficientNet on spectrograms that the network makes itself: the picture member of system 5.

What: B0 or B1, made narrower and shallower than its authors did, so that a laptop trains it in minutes; the real sizes
are ``model.width=1 model.depth=1``, with ``model.size=b1`` for the larger one. ``model.scaling=instance`` normalises
each window by itself instead of by the data set. Needs the extra ``transformers``.

Data: recordings in any layout that the README names (Synapse also as a ``.pt`` file), or simulated people.

Scores: sessions 1 and 2 of people 1-20, tested on session 3, two epochs: 64.8 % of windows and 70.9 % of trials, where
a linear discriminant on 72 features gives 77.9 % of windows. Sixteen epochs with stronger augmentation know 71 % of
their training windows and 63.1 % of the third day. Spectrograms leave out how the electrodes move together from sample
to sample: a discriminant that knows only their powers in eight bands falls by ten points as well. See ``train/LOG.md``.

Source: system 5 of the challenge; EfficientNet from Tan & Le, ICML 2019.
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Recipe

RECIPE = Recipe(
    family="efficientnet",
    model={"width": 0.5, "depth": 0.5},
    augment=Augment(gain=0.3, noise=0.02),
    epochs=5,
    batch=128,
    lr=2e-3,
    weight_decay=0.05,
    label_smoothing=0.1,
    ema=0.995,
)
