"""The simulated forearm: its layers, its muscles, and what each muscle does in each gesture.

Numbers vary from person to person by seed; none is of one real arm.

Sources:
    Order around the arm of PL, ECR, ED, ECU and FCU, depth of these and of FDS (9-21 mm with skin and fat):
    after NeuroMotion, which gives 7-23 mm (Ma et al., PLOS Comput Biol 20:e1012257, 2024; mn_params.py of its code).
    Fibre lengths: some centimetres, longest in BR; adapted from Lieber, Fazeli & Botte, J Hand Surg Am 15:244-250,
    1990, and Lieber et al., J Hand Surg Am 17:787-798, 1992.
    Wrist extensors work in every firm grip: Snijders et al., Med Sci Sports Exerc 19:518-523, 1987; Mogk & Keir,
    Ergonomics 49:1121-1130, 2006.

Chosen here: the angles themselves, where FCR, FDS, FDP, PT and BR lie among the others, widths and end-plates,
circumference (22-30 cm), fat, skin and bone, the table of gestures, and how much of it all varies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

REST = "rest"

GESTURES: tuple[str, ...] = ("fist", "open hand", "wrist flexion", "wrist extension", "pronation")
"""What a simulated person can do besides resting."""


class Muscle(NamedTuple):
    """One muscle where the electrodes sit, the proximal third of the forearm.

    Attributes:
        name: its usual abbreviation.
        angle_deg: direction of its centre, from the volar midline towards the radial side (a right arm).
        depth_mm: of its centre below the fascia.
        half_width_mm: along the circumference.
        half_depth_mm: along the radius.
        fibre_mm: length of a fibre.
        end_plates_mm: centre of the end-plate zone along the arm, from the electrodes, positive towards the hand.
    """

    name: str
    angle_deg: float
    depth_mm: float
    half_width_mm: float
    half_depth_mm: float
    fibre_mm: float
    end_plates_mm: float

    @property
    def area_mm2(self) -> float:
        """Cross-section (an ellipse)."""
        return np.pi * self.half_width_mm * self.half_depth_mm


MUSCLES: tuple[Muscle, ...] = (
    Muscle("FCR", 25, 7, 8, 5, 55, 14),
    Muscle("PL", 0, 5, 5, 3.5, 52, 16),
    Muscle("FCU", -50, 8, 10, 6, 45, -12),
    Muscle("FDS", -15, 16, 14, 6, 70, 18),
    Muscle("FDP", -85, 15, 9, 7, 68, 20),
    Muscle("PT", 58, 8, 8, 6, 46, -14),
    Muscle("BR", 92, 7, 8, 6, 110, -18),
    Muscle("ECR", 135, 8, 10, 6, 75, -14),
    Muscle("ED", 183, 7, 9, 5, 65, 15),
    Muscle("ECU", 232, 7, 7, 5, 52, 16),
)
"""Ten muscles; ECR stands for both radial wrist extensors, FDS and FDP lie deep."""

_SYNERGIES: dict[str, tuple[float, ...]] = {
    #                   FCR   PL    FCU   FDS   FDP   PT    BR    ECR   ED    ECU
    "fist":            (0.16, 0.22, 0.22, 0.60, 0.60, 0.12, 0.10, 0.38, 0.14, 0.22),
    "open hand":       (0.05, 0.04, 0.08, 0.04, 0.03, 0.05, 0.06, 0.14, 0.60, 0.26),
    "wrist flexion":   (0.55, 0.50, 0.52, 0.16, 0.08, 0.12, 0.05, 0.05, 0.05, 0.10),
    "wrist extension": (0.05, 0.03, 0.08, 0.04, 0.05, 0.06, 0.10, 0.58, 0.26, 0.50),
    "pronation":       (0.16, 0.08, 0.05, 0.05, 0.04, 0.62, 0.24, 0.08, 0.06, 0.07),
}  # fmt: skip
"""Excitation of each muscle in a firm, not a maximal, gesture; 1.0 is all that the muscle can be driven to."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Radii of the concentric layers, metres, from the axis outwards."""

    bone: float
    muscle: float
    fat: float
    skin: float


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One person's forearm and habits.

    Attributes:
        layers: the cross-section.
        muscles: this person's muscles, lengths scaled to the arm.
        velocity_m_s: mean conduction velocity of the muscle fibres.
        synergies: ``(G, M)`` excitation of each muscle in each of ``GESTURES``.
        tone: ``(M,)`` excitation of each muscle at rest.
    """

    layers: Layers
    muscles: tuple[Muscle, ...]
    velocity_m_s: float
    synergies: NDArray[np.float64]
    tone: NDArray[np.float64]


def draw_arm(person: int) -> Arm:
    """The forearm of ``person``, a non-negative integer: the same number is always the same arm."""
    rng = np.random.default_rng(np.random.SeedSequence([1, person]))
    layers = _draw_layers(rng)
    # The table is of an arm whose muscles reach out to 36 mm.
    scale = layers.muscle / 0.036
    muscles = tuple(_vary(muscle, scale, rng) for muscle in MUSCLES)
    table = np.array([_SYNERGIES[gesture] for gesture in GESTURES])
    strength = np.exp(rng.normal(0.0, 0.20, len(muscles)))
    style = np.exp(rng.normal(0.0, 0.34, table.shape))
    stiffness = rng.uniform(0.0, 0.10)
    return Arm(
        layers=layers,
        muscles=muscles,
        velocity_m_s=float(np.clip(rng.normal(4.0, 0.25), 3.4, 4.6)),
        synergies=np.clip(table * strength * style + stiffness, 0.0, 0.95),
        tone=rng.uniform(0.0, 0.03, len(muscles)),
    )


def _draw_layers(rng: np.random.Generator) -> Layers:
    skin = np.clip(rng.normal(260.0, 17.0), 220.0, 300.0) / (2000 * np.pi)
    fat = skin - rng.uniform(0.0011, 0.0016)
    muscle = fat - np.clip(0.0032 * np.exp(rng.normal(0.0, 0.3)), 0.0018, 0.0075)
    return Layers(bone=0.2 * muscle, muscle=muscle, fat=fat, skin=skin)


def _vary(muscle: Muscle, scale: float, rng: np.random.Generator) -> Muscle:
    size = scale * np.exp(rng.normal(0.0, 0.08))
    return muscle._replace(
        angle_deg=muscle.angle_deg + rng.normal(0.0, 6.0),
        depth_mm=muscle.depth_mm * scale * np.exp(rng.normal(0.0, 0.06)),
        half_width_mm=muscle.half_width_mm * size,
        half_depth_mm=muscle.half_depth_mm * size,
        fibre_mm=muscle.fibre_mm * np.exp(rng.normal(0.0, 0.08)),
        end_plates_mm=muscle.end_plates_mm + rng.normal(0.0, 4.0),
    )
