"""HHT-CNN: two-dimensional convolutions on the Hilbert-Huang matrices of a window, one matrix for each channel.

What: the encoder of system 3, on matrices that are computed from the window, so that it runs in the stream: empirical
mode decomposition of the eight decorrelated channels, energy over time and frequency, 64 x 64. Only PyTorch runs it.

Data: recordings in any layout that the README names (Synapse also as a ``.pt`` file), or simulated people; or, with
``--task``, a folder of ready-made Hilbert-Huang matrices, such as ``python -m train matrices`` makes.

Scores: sessions 1 and 2 of people 1-20, tested on session 3: 68.3 % of windows and 75.1 % of trials after two epochs,
71.1 and 78.7 % after five, still climbing; a linear discriminant on 72 features gives 77.9 % of windows. The matrices
hold energies, and not how the electrodes move together: a discriminant of energies alone is ten points worse than that
one. See ``train/LOG.md``.

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
