"""Fixtures that every room uses."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

LSL_LOOPBACK = """[ports]
IPv6 = disable
[multicast]
ResolveScope = machine
MachineAddresses = {127.0.0.1}
AddressesOverride = {127.0.0.1}
ListenAddress = 127.0.0.1
[lab]
KnownPeers = {127.0.0.1}
[log]
level = -2
"""
"""Keeps liblsl on this machine; it reads the file named by LSLAPICFG once, when pylsl is first imported."""


def _stay_on_the_loopback() -> None:
    folder = Path(tempfile.mkdtemp(prefix="myostream-lsl-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "lsl_api.cfg"
    path.write_text(LSL_LOOPBACK, encoding="utf-8")
    os.environ["LSLAPICFG"] = str(path)


_stay_on_the_loopback()


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
