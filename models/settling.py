"""From a checkpoint to what settles in to its wearers."""

from __future__ import annotations

from collections.abc import Callable

from models import following
from models.adaptation import Adaptation, Settings
from models.following import Dense, Following
from models.listing import Listing
from models.population import Population
from models.wearer import Calibrated, Wearers

AGAIN = 0.3
"""Times that gestures which go on from a calibration count as much as the networks: those of the calibration itself
answer already. Chosen on folds of people 1-16 of Synapse."""

TRAINED_ON = following.Settings(weight=1.0, surer=1 / 1.15)
"""A network that was trained on with a few repetitions is surer than it should be of what was not among them, so it
counts less: for six people with a Myo armband, by whom the power was set, other movements would be gestures."""

Begin = Callable[[], Adaptation]
"""Makes one for a wearer whom it has not met."""


def settling(listing: Listing, wearers: Wearers) -> Begin:
    """Reads what is needed once, for any number of wearers.

    Args:
        listing: of the checkpoint, with the hop between the windows that will be answered.
        wearers: what it knows of them; where it is calibrated for one, all go on from the repetitions it was shown.

    Raises:
        ValueError: parameters of the checkpoint are damaged.
    """
    spec, network = listing.cards[0].design.spec, following.network_in(listing)
    return lambda: settle(wearers.population, 1e3 * spec.hop / spec.rate_hz, network, wearers.calibrated)


def settle(
    population: Population, hop_ms: float, network: Dense | None, calibrated: Calibrated | None = None
) -> Adaptation:
    """Begins with one wearer.

    Args:
        population: in general.
        hop_ms: between two windows.
        network: that follows; None for none.
        calibrated: from whose repetitions it goes on; None for nobody's.
    """
    if calibrated is None:
        return Adaptation(population, hop_ms, following=None if network is None else Following(network))
    follower = None if network is None else Following(network, TRAINED_ON)
    found = Adaptation(population, hop_ms, Settings(most=AGAIN), placed=True, following=follower)
    found.restore(calibrated.state)
    return found
