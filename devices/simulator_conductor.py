"""The volume conductor: what a current inside the arm looks like between two electrodes on the skin.

The arm is a cylinder of four concentric layers (bone, anisotropic muscle, fat, skin), solved analytically after
Farina, Mesin, Martina & Merletti, "A surface EMG generation model with multilayer cylindrical description of the
volume conductor", IEEE Trans Biomed Eng 51:415-426, 2004. The potential is expanded in ``cos(n theta) exp(i k z)``;
in each layer its radial part is ``A I_n(kappa r) + B K_n(kappa r)`` with ``kappa = |k| sqrt(sigma_z / sigma_r)``.

We solve the adjoint problem: the current enters at the electrode, and the field is read at the fibre. By reciprocity
that is the potential at the electrode of a current at the fibre, and one solution serves every depth. The two bones
are one on the axis: what matters at the skin above a muscle is the distance, and the layers above it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive, kve

from devices.simulator_anatomy import Layers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONDUCTIVITY_S_M = {"bone": 0.02, "across fibres": 0.1, "along fibres": 0.5, "fat": 0.05, "skin": 1.0}
"""Values usual in layered models: muscle, fat and skin as in the configurations of semgsim (Petersen & Rostalski, Front
Physiol 10:176, 2019), bone as cortical bone at low frequencies (fits of Gabriel, Lau & Gabriel, Phys Med Biol
41:2271-2293, 1996)."""
INTERELECTRODE_M = 0.02
"""Centre to centre along the fibres (SENIAM: Hermens et al., J Electromyogr Kinesiol 10:361-374, 2000)."""
ELECTRODE_M = (0.005, 0.010)
"""Length along the arm and width around it of a bar electrode; the skin under it is averaged. Chosen here; SENIAM
allows 10 mm along the fibres."""
ORDERS = 28
"""Angular orders 0 ... 27: finer detail does not pass fat and the electrode's width."""
STEP_M = 0.001
PERIOD_M = 0.4
REACH_M = 0.1
"""The expansion repeats itself every 40 cm along the arm; fields are tabulated up to 10 cm from the electrodes."""
HIGHEST_RAD_M = 1300.0
"""Wave numbers above it, waves shorter than 5 mm, do not pass skin, fat and a 5 mm electrode."""
DEPTHS = 40


class Field(NamedTuple):
    """Sensitivity of a bipolar electrode pair centred at angle 0, z = 0.

    Attributes:
        radii: ``(R,)`` distances from the axis at which it is tabulated, metres, rising evenly.
        orders: ``(R, N, Z)`` volts per ampere and metre: derivative along the arm of the potential difference,
            proximal minus distal electrode, that a unit current at that radius and z causes; one row for each angular
            order, to be summed with ``cos(n theta)``.
        z: ``(Z,)`` positions along the arm, metres.
    """

    radii: Floats
    orders: Floats
    z: Floats


def bipolar_field(layers: Layers) -> Field:
    """Tabulates the sensitivity of a pair of electrodes on the skin of ``layers``."""
    k = np.arange(int(HIGHEST_RAD_M * PERIOD_M / (2 * np.pi)) + 1, dtype=np.float64) * (2 * np.pi / PERIOD_M)
    k[0] = 0.5  # the potential of a closed arm has no mean, but what a pair sees of it has a limit there
    n = np.arange(ORDERS)
    radii = np.linspace(layers.bone + 5e-4, layers.muscle - 5e-4, DEPTHS)
    spectrum = _potential(layers, radii, n, k)
    # Bar electrodes average the skin under them: sinc filters along and around (np.sinc holds the pi).
    along, around = ELECTRODE_M
    spectrum = spectrum * np.sinc(k * along / (2 * np.pi)) * np.sinc(n * around / (2 * np.pi * layers.skin))[:, None]
    # Derivative (i k) of the proximal minus the distal electrode (-2 i sin(k d / 2)): real, and even in z.
    spectrum *= 2 * k * np.sin(k * INTERELECTRODE_M / 2)
    weight = np.where(n == 0, 1.0, 2.0)[:, None] / (2 * np.pi)
    z = np.arange(-round(REACH_M / STEP_M), round(REACH_M / STEP_M) + 1, dtype=np.float64) * STEP_M
    waves = np.cos(k[:, None] * z) * np.where(k < 1.0, 1.0, 2.0)[:, None] / PERIOD_M
    # einsum, not a BLAS product: the sum must not depend on how many threads a machine has.
    return Field(radii, np.einsum("rnk,kz->rnz", spectrum * weight, waves), z)


def _potential(layers: Layers, radii: Floats, n: Ints, k: Floats) -> Floats:
    """``(R, N, K)`` potential at ``radii`` for a unit line current density entering at the skin."""
    anisotropy = np.sqrt(CONDUCTIVITY_S_M["along fibres"] / CONDUCTIVITY_S_M["across fibres"])
    nn, kk = np.repeat(n, len(k)), np.tile(k, len(n))
    bone = _Layer(nn, kk, 1e-6, layers.bone, CONDUCTIVITY_S_M["bone"])
    muscle = _Layer(nn, kk * anisotropy, layers.bone, layers.muscle, CONDUCTIVITY_S_M["across fibres"])
    fat = _Layer(nn, kk, layers.muscle, layers.fat, CONDUCTIVITY_S_M["fat"])
    skin = _Layer(nn, kk, layers.fat, layers.skin, CONDUCTIVITY_S_M["skin"])

    # Unknowns: I of bone, then I and K of muscle, fat, skin. Each boundary keeps potential and radial current.
    system = np.zeros((len(nn), 7, 7))
    for row, (inner, at, outer, column) in enumerate(
        [(bone, layers.bone, muscle, 0), (muscle, layers.muscle, fat, 1), (fat, layers.fat, skin, 3)]
    ):
        width = 1 if inner is bone else 2
        for offset, part in enumerate((inner.values(at), inner.currents(at))):
            system[:, 2 * row + offset, column : column + width] = part[:, :width]
        for offset, part in enumerate((outer.values(at), outer.currents(at))):
            system[:, 2 * row + offset, column + width : column + width + 2] = -part
    system[:, 6, 5:7] = skin.currents(layers.skin)
    entering = np.zeros((len(nn), 7, 1))
    entering[:, 6] = 1.0 / layers.skin
    weights = np.linalg.solve(system, entering)[:, 1:3, 0]
    return np.array([(weights * muscle.values(r)).sum(axis=1).reshape(len(n), len(k)) for r in radii])


class _Layer:
    """The two radial solutions of one layer, each scaled to 1 at the boundary where it is largest.

    Bessel functions of high order span hundreds of powers of ten; the scaled ones keep the systems well conditioned.
    """

    def __init__(self, n: Ints, kappa: Floats, inner: float, outer: float, sigma: float) -> None:
        self.n, self.kappa, self.inner, self.outer, self.sigma = n, kappa, inner, outer, sigma
        self.top_i = ive(n, kappa * outer)
        self.top_k = kve(n, kappa * inner)

    def values(self, r: float) -> Floats:
        """``(..., 2)`` potentials at radius ``r``."""
        grow = np.exp(self.kappa * (r - self.outer)) / self.top_i
        fall = np.exp(self.kappa * (self.inner - r)) / self.top_k
        return np.stack([ive(self.n, self.kappa * r) * grow, kve(self.n, self.kappa * r) * fall], axis=-1)

    def currents(self, r: float) -> Floats:
        """``(..., 2)`` radial derivative times conductivity at radius ``r``."""
        n, x = self.n, self.kappa * r
        grow = np.exp(self.kappa * (r - self.outer)) / self.top_i
        fall = np.exp(self.kappa * (self.inner - r)) / self.top_k
        # I_n' = I_(n+1) + n/x I_n and K_n' = -K_(n+1) + n/x K_n hold for the scaled functions too.
        rise = (ive(n + 1, x) + n / x * ive(n, x)) * grow
        drop = (-kve(n + 1, x) + n / x * kve(n, x)) * fall
        return self.sigma * self.kappa[..., None] * np.stack([rise, drop], axis=-1)
