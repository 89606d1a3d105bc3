"""SE-ResNet-1D for continuous use of a Myo armband: seven gestures and rest, decided on every 25 ms.

What: windows of 400 ms whose labels follow the muscle, found in the signal, instead of the schedule that wrote them,
and lead it by 200 ms: a window counts as the gesture as soon as it ends in one. Each label is drawn as often as it was
recorded, so that rest, and among it the minute of movements that must not be recognised, is most of what is learnt. No
test-time views, which would move windows in time. ``python -m train tune`` chooses the decision layer afterwards.

Data: continuous recordings with rest between gestures. Written for the Myo readings (200 Hz, eight channels).

Scores: see ``models/checkpoints/myo/README.md``; what was tried is in ``train/LOG.md``.

Source: aljazfrancic/myo-readings-dataset (MIT licence) for the data; the network is that of ``se_resnet``.
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Processing, Recipe

RECIPE = Recipe(
    family="se_resnet",
    model={"widths": (48, 96, 192), "depth": 2, "kernel": 7, "stem_stride": 2, "dropout": 0.5},
    dsp=Processing(band_hz=(20.0, 90.0), window_ms=400.0, hop_ms=25.0),
    augment=Augment(gain=0.2, channel_gain=0.1, noise=0.02, rotation=0.15),
    epochs=16,
    batch=256,
    lr=3e-3,
    weight_decay=0.1,
    warmup=0.1,
    clip=1.0,
    label_smoothing=0.05,
    ema=0.995,
    balance=False,
    purity=0.5,
    lead_ms=200.0,
    views=False,
    validation=0,
)
