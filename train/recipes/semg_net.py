"""sEMG-Net: four convolutions that grow wider and shorter, the mean over time, a dense layer.

What: the other member of system 2; data, augmentation and losses as ``inception_se_tcn``. The two vote evenly.

Data: recordings in any layout that the README names (Synapse also as a ``.pt`` file), or simulated people.

Scores: sessions 1 and 2 of people 1-20, tested on session 3: 82.4 % of windows and 88.3 % of trials, 84.3 and 90.6 %
after 36 epochs more; a linear discriminant on 72 features gives 77.9 % of windows. Training windows, as they are
changed: 48 % in the first epoch, 73 (fifth), 76 (tenth), 79 (twentieth), 82 (thirtieth), 84 in the last. See
``train/LOG.md``.

Source: system 2 of the challenge, mended as its partner is.
"""

from __future__ import annotations

from dataclasses import replace

from train.recipes import inception_se_tcn

RECIPE = replace(inception_se_tcn.RECIPE, family="semg_net")
