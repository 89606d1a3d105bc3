"""sEMG-Net: four convolutions that grow wider and shorter, the mean over time, a dense layer.

What: the other member of system 2; data, augmentation and losses as ``inception_se_tcn``. The two vote evenly.

Data: eight channels, any data set that ``devices.datasets`` knows, or the simulator.

Scores: eight epochs of sessions 1 and 2 of people 1-20, tested on session 3: 75.7 % of windows and 80.3 % of trials,
still climbing; a linear discriminant on 72 features gives 77.9 % of windows. See ``train/LOG.md``.

Source: system 2 of the challenge, mended as its partner is.
"""

from __future__ import annotations

from dataclasses import replace

from train.recipes import inception_se_tcn

RECIPE = replace(inception_se_tcn.RECIPE, family="semg_net")
