"""SE-ResNet-1D with MixUp: the other member of the Synapse ensemble.

What: the architecture and data of ``se_resnet``; each training window is blended with another one, signal and label
alike, by a share drawn from Beta(0.4, 0.4). The two vote, 0.45 standard and 0.55 MixUp, as in the source.

Data: recordings in any layout that the README names (Synapse also as a ``.pt`` file), or simulated people.

Scores: trained on people 1-16 (validation=0), tested on 17-20 from a cold start, without views: 71.5 % of windows,
76.9 % of trials by averaging them, 77.6 % in one pass.

Source: system 1 of the challenge; MixUp from Zhang et al., ICLR 2018.
"""

from __future__ import annotations

from dataclasses import replace

from train.recipes import se_resnet

RECIPE = replace(se_resnet.RECIPE, augment=replace(se_resnet.RECIPE.augment, mixup=0.4), epochs=6)
