"""Opening the source that a DEVICE string names; a driver is loaded when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from devices import ports
from devices.address import FILE, SCHEMES, Address, parse
from devices.files import load
from devices.formats.units import microvolts
from devices.replay import Replay
from devices.source import Source
from devices.watched import Watched
from dsp.contact import Contact
from dsp.flow import Chunk

_UNITS_VARY = (FILE, "text", "lsl")
"""Schemes of sources that may be in any unit; every other one is in microvolts."""

SIMULATED_RATE_HZ = 1000.0
"""At which the simulator runs where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was said besides the DEVICE string; see ``open_source``."""

    rate_hz: float | None
    unit: str | None
    file_rate_hz: float | None
    patience_s: float
    speed: float | None


def open_source(
    text: str,
    *,
    rate_hz: float | None = None,
    unit: str | None = None,
    file_rate_hz: float | None = None,
    patience_s: float = 4.0,
    speed: float | None = 1.0,
) -> Watched:
    """Opens the source that a DEVICE string names.

    Args:
        text: see ``devices.address``; ``cyton:`` and its like without a port find it by its USB ids.
        rate_hz: at which the simulator runs, where the text does not say it; no other source is changed by it.
        unit: of numbers whose origin does not say it: a file, lines of text.
        file_rate_hz: of a file or of lines that do not say their rate; must not contradict a source that does.
        patience_s: how long a device that went away is waited for.
        speed: of a recording and of the simulator: 1 is real time, None as fast as it is read.

    Returns:
        The source, open and streaming, with its integrity counted; to be closed by the caller.

    Raises:
        ValueError: there is no such source, or it does not answer as it should; one sentence that says what to do.
    """
    address = parse(text)
    if unit is not None and address.scheme not in _UNITS_VARY and microvolts(unit, text) != 1:
        raise ValueError(f"{text!r} is in uV, but --unit says {unit}; leave --unit out")
    _warm_up()
    asked = _Asked(rate_hz, unit, file_rate_hz, patience_s, speed)
    source = _OPENERS[address.scheme](with_port(address), asked)
    gives_hz = source.info.rate_hz
    if address.scheme != FILE and file_rate_hz is not None and not math.isclose(gives_hz, file_rate_hz, rel_tol=1e-6):
        source.close()
        raise ValueError(f"{text!r} gives {gives_hz:g} Hz, but --rate says {file_rate_hz:g} Hz; leave --rate out")
    return Watched(source)


def _warm_up() -> None:
    """Load what is compiled before the device speaks; else the first chunk would wait for it, a quarter of a second."""
    contact = Contact(1.0, math.inf, np.zeros(1, np.int64), np.zeros(1, np.int64))
    contact.look(Chunk(np.zeros((1, 1), np.float32), 0))


def with_port(address: Address) -> Address:
    """With the port found, where it has one and none is given."""
    scheme = SCHEMES.get(address.scheme)
    if address.place or scheme is None or "port" not in scheme.place:
        return address
    return replace(address, place=ports.port_of(address.scheme, scheme.what))


def _simulator(address: Address, asked: _Asked) -> Source:
    from devices.simulator import SimulatedSource  # noqa: PLC0415 - compiles, which no other source need wait for

    said = address.options
    rate_hz = float(said.get("rate", SIMULATED_RATE_HZ if asked.rate_hz is None else asked.rate_hz))
    return SimulatedSource(
        int(said.get("person", 0)),
        int(said.get("session", 1)),
        hold_s=float(said.get("hold", 4)),
        rest_s=float(said.get("rest", 3)),
        rate_hz=rate_hz,
        speed=asked.speed,
    )


def _recording(address: Address, asked: _Asked) -> Source:
    return Replay(load(address.place, rate_hz=asked.file_rate_hz, unit=asked.unit), asked.speed)


def _lsl(address: Address, asked: _Asked) -> Source:
    from devices.lsl.inlet import open_lsl  # noqa: PLC0415 - loads liblsl
    from devices.lsl.settings import EMG  # noqa: PLC0415 - as above

    said: Mapping[str, str] = address.options or ({} if address.place else {"type": EMG})
    name = address.place or said.get("name")
    return open_lsl(
        name=name,
        type_=said.get("type"),
        source_id=said.get("source_id"),
        unit=asked.unit,
        patience_s=asked.patience_s,
    )


def _cyton(address: Address, asked: _Asked) -> Source:
    from devices.boards.cyton import open_cyton  # noqa: PLC0415 - nobody else needs it

    return open_cyton(address.place, patience_s=asked.patience_s)


def _myo(address: Address, asked: _Asked) -> Source:
    from devices.boards.myo import open_myo  # noqa: PLC0415 - nobody else needs it

    return open_myo(address.place, patience_s=asked.patience_s)


def _chords(address: Address, asked: _Asked) -> Source:
    from devices.boards.chords import open_chords  # noqa: PLC0415 - nobody else needs it

    baud = int(address.options["baud"]) if "baud" in address.options else None
    return open_chords(address.place, baud=baud, patience_s=asked.patience_s)


def _text(address: Address, asked: _Asked) -> Source:
    from devices.boards.lines import BAUD, open_lines  # noqa: PLC0415 - nobody else needs it

    said = address.options
    rate_hz = float(said["rate"]) if "rate" in said else asked.file_rate_hz
    unit = said.get("unit", asked.unit)
    if rate_hz is None or unit is None:
        missing = " and ".join(key for key, value in (("rate", rate_hz), ("unit", unit)) if value is None)
        raise ValueError(f"'{address}' does not say the {missing} of its lines; say it, like {SCHEMES['text'].example}")
    if asked.unit is not None and microvolts(asked.unit, str(address)) != microvolts(unit, str(address)):
        raise ValueError(f"'{address}' says unit={unit}, but --unit says {asked.unit}; leave one of them out")
    return open_lines(
        address.place,
        rate_hz=rate_hz,
        channels=int(said["channels"]),
        unit=unit,
        baud=int(said.get("baud", BAUD)),
        patience_s=asked.patience_s,
    )


def _brainflow(address: Address, asked: _Asked) -> Source:
    from devices.boards.brainflow_board import open_brainflow  # noqa: PLC0415 - an extra

    return open_brainflow(address.place, dict(address.options), patience_s=asked.patience_s)


_OPENERS: Mapping[str, Callable[[Address, _Asked], Source]] = {
    "sim": _simulator,
    "lsl": _lsl,
    "cyton": _cyton,
    "myo": _myo,
    "chords": _chords,
    "text": _text,
    "brainflow": _brainflow,
    FILE: _recording,
}
