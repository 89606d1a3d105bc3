"""LSL that stays on this machine: what liblsl is told before it is loaded."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

CONFIGURATION = """[ports]
IPv6 = disable
[multicast]
ResolveScope = machine
MachineAddresses = {127.0.0.1}
AddressesOverride = {127.0.0.1}
ListenAddress = 127.0.0.1
[lab]
KnownPeers = {127.0.0.1}
[log]
level = -3
"""


def stay_on_the_loopback() -> None:
    """Sets LSLAPICFG, which liblsl reads once, when pylsl is first imported; programs that are started inherit it."""
    folder = Path(tempfile.mkdtemp(prefix="myostream-lsl-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "lsl_api.cfg"
    path.write_text(CONFIGURATION, encoding="utf-8")
    os.environ["LSLAPICFG"] = str(path)
