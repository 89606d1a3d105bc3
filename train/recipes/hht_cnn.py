"""HHT-CNN: two-dimensional convolutions on the Hilbert-Huang matrices of a window, one matrix for each channel.

What: the encoder of system 3, on matrices that are computed from the window, so that it runs in the stream: empirical
mode decomposition of the eight decorrelated channels, energy over time and frequency, 64 x 64. Only PyTorch runs it.

Data: eight channels, any data set that ``devices.datasets`` knows, or the simulator.

Scores: five epochs of sessions 1 and 2 of people 1-20, tested on session 3: 71.1 % of windows and 78.7 % of trials,
still climbing; a linear discriminant on 72 features gives 77.9 % of windows. See ``train/LOG.md``.

Source: system 3 of the challenge, which takes ready-made matrices of 256 x 256, one for each recording.
"""

from __future__ import annotations

from train.augment import Augment
from train.recipe import Recipe

RECIPE = Recipe(
    family="hht_cnn",
    augment=Augment(gain=0.3, noise=0.02),
    epochs=5,
    batch=128,
    lr=2e-3,
    weight_decay=0.05,
    label_smoothing=0.1,
    ema=0.995,
)
