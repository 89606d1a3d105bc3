"""SE-ResNet-1D for continuous use of a Myo armband: seven gestures and rest, decided on every 25 ms.

What: windows of 400 ms whose labels follow the muscle, found in the signal, instead of the schedule that wrote them;
they count as the gesture from 100 ms after its onset on. What must not be recognised (``0.txt``) is rest. Each
label is drawn as often as it was recorded, so rest is most of what the network sees.

Data: myo-readings, sessions 1 and 2 (aljazfrancic/myo-readings-dataset, MIT licence: 200 Hz, eight channels).
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Processing, Recipe

RECIPE = Recipe(
    family="se_resnet",
    model={"widths": (32, 64, 128), "depth": 2, "kernel": 7, "stem_stride": 1, "dropout": 0.5},
    dsp=Processing(band_hz=(20.0, 90.0), window_ms=400.0, hop_ms=25.0),
    augment=Augment(gain=0.2, noise=0.02),
    epochs=5,
    batch=128,
    lr=3e-3,
    weight_decay=0.1,
    warmup=0.1,
    clip=1.0,
    label_smoothing=0.05,
    ema=0.995,
    balance=False,
    purity=0.5,
    lead_ms=100.0,
    validation=0,
)
