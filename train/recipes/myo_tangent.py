"""Tangent-space network for continuous use of a Myo armband: what differs from the two networks beside which it votes.

What: ``tangent`` with layers of half the size, on the windows and labels of ``myo``: labels follow the muscle and lead
it by 200 ms, each is drawn as often as it was recorded, no test-time views.

Data: continuous recordings with rest between gestures. Written for the Myo readings (200 Hz, eight channels).

Scores: see ``models/checkpoints/myo/README.md``; what was tried is in ``train/LOG.md``.

Source: aljazfrancic/myo-readings-dataset (MIT licence) for the data; the network is that of ``tangent``.
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Processing, Recipe

RECIPE = Recipe(
    family="tangent",
    model={"hidden": (512, 256), "dropout": 0.5},
    dsp=Processing(band_hz=(20.0, 90.0), window_ms=400.0, hop_ms=25.0),
    augment=Augment(gain=0.1, noise=0.0, mixup_features=0.4),
    epochs=16,
    batch=256,
    lr=1e-3,
    weight_decay=0.05,
    warmup=0.1,
    clip=1.0,
    label_smoothing=0.1,
    ema=0.995,
    balance=False,
    purity=0.5,
    lead_ms=200.0,
    views=False,
    validation=0,
)
