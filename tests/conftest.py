"""Fixtures that every room uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.loopback import stay_on_the_loopback

stay_on_the_loopback()


def _public_data(name: str) -> Path:
    named = os.environ.get("MYOSTREAM_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    path = folder / name
    if not path.exists():
        pytest.skip(f"{name} is not in {folder}; set MYOSTREAM_DATA to the folder that holds it")
    return path


@pytest.fixture(scope="session")
def synapse_zip() -> Path:
    """The Synapse recordings."""
    return _public_data("synapse.zip")


@pytest.fixture(scope="session")
def myo_zip() -> Path:
    """The continuous Myo recordings."""
    return _public_data("myo-readings.zip")
