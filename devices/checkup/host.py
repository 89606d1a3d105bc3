"""What this machine has to do with it: the port, its latency timer, the libraries, the clocks."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from devices.address import SCHEMES, Address
from devices.checkup import limits
from devices.checkup.findings import Finding, Level
from devices.integrity import Integrity

USB_SERIAL = Path("/sys/bus/usb-serial/devices")
"""Where Linux keeps the settings of USB serial adapters."""


def host(address: Address, integrity: Integrity) -> list[Finding]:
    """Looks at this machine, while the source is open."""
    if address.scheme == "lsl":
        return [_liblsl(), _clock(integrity)]
    if address.scheme == "brainflow":
        return [_package("brainflow")]
    if address.scheme in SCHEMES and "port" in SCHEMES[address.scheme].place:
        return [*_port(address.place), *latency_timer(address.place)]
    return []


def latency_timer(path: str, settings: Path = USB_SERIAL) -> list[Finding]:
    """How long an FTDI adapter holds back what it has received; nothing where there is no such timer.

    Args:
        path: of the port; links are followed.
        settings: as ``USB_SERIAL``.
    """
    file = settings / os.path.basename(os.path.realpath(path)) / "latency_timer"  # noqa: PTH119 - not a file's
    try:
        milliseconds = int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return []
    says, figures = f"{milliseconds} ms", (("latency_timer_ms", float(milliseconds)),)
    if milliseconds <= limits.LATENCY_TIMER_MS:
        return [Finding("latency timer", Level.OK, says, figures=figures)]
    cure = f"echo {limits.LATENCY_TIMER_MS} | sudo tee {file}"
    return [Finding("latency timer", Level.ATTENTION, f"{says}: samples come in bursts", cure, figures)]


def _port(path: str) -> list[Finding]:
    real = os.path.realpath(path)
    if sys.platform == "win32" or not Path(real).exists():
        return [Finding("port", Level.OK, path)]
    if os.access(real, os.R_OK | os.W_OK):
        return [Finding("port", Level.OK, f"{path}, which you may read and write")]
    return [Finding("port", Level.ATTENTION, f"{path}, which you may not use", "sudo usermod -a -G dialout $USER")]


def _liblsl() -> Finding:
    from devices.lsl.library import load_pylsl  # noqa: PLC0415 - loads liblsl, which only its streams need

    number = load_pylsl().library_version()
    return Finding("liblsl", Level.OK, f"{number // 100}.{number % 100}, pylsl {version('pylsl')}")


def _clock(integrity: Integrity) -> Finding:
    offset_s = integrity.clock_offset_s
    says = f"the sender's is {abs(offset_s):.6f} s {'behind' if offset_s > 0 else 'ahead of'} ours, and corrected"
    return Finding("clock", Level.OK, says, figures=(("clock_offset_s", offset_s),))


def _package(name: str) -> Finding:
    try:
        return Finding(name, Level.OK, version(name))
    except PackageNotFoundError:
        return Finding(name, Level.NOTE, "of an unknown version")
