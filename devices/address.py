r"""DEVICE strings: one text that says which source is meant, read before any driver is loaded.

``scheme:place`` or ``scheme:place?option=value&option=value``; for ``sim:`` and ``lsl:``, which need no place,
``scheme:option=value,option=value``. Anything else is the path of a recording: ``C:\emg.csv`` too, since a scheme
has at least two letters.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from devices.archive import locate
from devices.ports import listed

FILE = "file"
"""The scheme of recordings; it is not typed."""


class Kind(NamedTuple):
    """What an option's value has to be.

    Attributes:
        words: for people.
        accepts: whether a value is of this kind.
    """

    words: str
    accepts: Callable[[str], bool]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and float(text) > 0
    except ValueError:
        return False


def _is_some(text: str) -> bool:
    return text.isdecimal() and int(text) > 0


TEXT = Kind("some text", bool)
WHOLE = Kind("a whole number", str.isdecimal)
SOME = Kind("a whole number above zero", _is_some)
NUMBER = Kind("a number above zero", _is_number)


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to name a source.

    Attributes:
        example: to be typed.
        what: it is, for people.
        options: what may be said besides, and what each value has to be.
        place: what stands after the colon, for people; "" where nothing does.
        must: a place has to be given, since it cannot be found.
        needs: options without which there is no source.
    """

    example: str
    what: str
    options: Mapping[str, Kind] = field(default_factory=dict)
    place: str = ""
    must: bool = False
    needs: tuple[str, ...] = ()


_BRAINFLOW = (
    "serial_port mac_address ip_address ip_address_aux ip_address_anc ip_port ip_port_aux ip_port_anc ip_protocol "
    "other_info timeout serial_number file file_aux file_anc master_board channels"
)

SCHEMES: Mapping[str, Scheme] = {
    "sim": Scheme(
        "sim:person=7,session=2",
        "a simulated person",
        {"person": WHOLE, "session": WHOLE, "repetitions": SOME, "hold": NUMBER, "rest": NUMBER, "rate": NUMBER},
    ),
    "lsl": Scheme(
        "lsl:NAME",
        "a stream on the network (lsl:type=EMG finds it by its type)",
        {"name": TEXT, "type": TEXT, "source_id": TEXT},
    ),
    "cyton": Scheme("cyton:/dev/ttyUSB0", "an OpenBCI Cyton through its dongle", place="a serial port"),
    "myo": Scheme("myo:/dev/ttyACM0", "a Myo armband through its BLED112 dongle", place="a serial port"),
    "chords": Scheme("chords:/dev/ttyACM0", "a board with the Chords firmware", {"baud": SOME}, place="a serial port"),
    "text": Scheme(
        "text:/dev/ttyACM0?rate=1000&channels=8&unit=uV",
        "numbers as plain text, one line a sample",
        {"rate": NUMBER, "channels": SOME, "unit": TEXT, "baud": SOME},
        place="a serial port",
        needs=("channels",),
    ),
    "brainflow": Scheme(
        "brainflow:synthetic",
        "a board that BrainFlow knows",
        dict.fromkeys(_BRAINFLOW.split(), TEXT),
        place="a board",
        must=True,
    ),
}
"""All there are, in the order in which they are listed."""

_BY_OPTIONS = ("sim", "lsl")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_+-]+):(?!//)")


@dataclass(frozen=True, slots=True)
class Address:
    """What a DEVICE string says.

    Attributes:
        scheme: one of ``SCHEMES``, or ``FILE``.
        place: a port, the name of a stream or board, a path; "" where none was given.
        options: as they were typed, of the kinds that ``SCHEMES`` gives.
    """

    scheme: str
    place: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.scheme == FILE:
            return self.place
        pairs = [f"{key}={value}" for key, value in self.options.items()]
        if self.scheme in _BY_OPTIONS:
            return f"{self.scheme}:{self.place or ','.join(pairs)}"
        return f"{self.scheme}:{self.place}{'?' if pairs else ''}{'&'.join(pairs)}"


def known() -> str:
    """An example of every scheme, for the end of a sentence."""
    return f"sim:, {', '.join(s.example for name, s in SCHEMES.items() if name != 'sim')} or the path of a recording"


def with_place(scheme: str, place: str) -> str:
    """The example of a scheme with another place in it."""
    return re.sub(r":[^?]*", lambda _: f":{place}", SCHEMES[scheme].example, count=1)


def parse(text: str) -> Address:
    """Reads a DEVICE string; of a recording it makes sure that it exists, nothing else is looked for or opened.

    Raises:
        ValueError: a scheme, option or value is not known, or there is no such recording; the message lists what
            there is.
    """
    found = _SCHEME.match(text)
    name = found[1].lower() if found else FILE
    if name not in SCHEMES:
        if not found or _exists(text):
            _check_recording(text)
            return Address(FILE, text)
        raise ValueError(f"there is no kind of device {name!r}, which {text!r} asks for; known are {known()}")
    address = (
        _by_options(name, text[len(name) + 1 :]) if name in _BY_OPTIONS else _by_place(name, text[len(name) + 1 :])
    )
    _check(address, text)
    return address


def names_device(path: Path) -> bool:
    """Whether what was given as the path of a recording is the DEVICE string of something else."""
    found = _SCHEME.match(str(path))
    return found is not None and found[1].lower() in SCHEMES and not _exists(str(path))


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # no system has a path like that
        return False


def _check_recording(path: str) -> None:
    try:
        place, _ = locate(Path(path))
    except PermissionError:
        raise
    except (OSError, ValueError):
        raise ValueError(f"there is no device or recording {path!r}; known are {known()}; {listed()}") from None
    if stat.S_ISCHR(place.stat().st_mode):
        speakers = ", ".join(with_place(name, path) for name, scheme in SCHEMES.items() if "port" in scheme.place)
        raise ValueError(f"{path!r} is a serial port, not a recording; say who speaks there: {speakers}")


def _by_place(name: str, rest: str) -> Address:
    place, _, query = rest.partition("?")
    return Address(name, place.strip(), _pairs(name, filter(None, query.split("&"))))


def _by_options(name: str, rest: str) -> Address:
    """Of what is found by its properties; ``lsl:`` alone takes what is no option for the name of a stream."""
    rest = rest.strip()
    if not rest:
        return Address(name)
    if name == "lsl" and not re.match(r"\w+=", rest):
        return Address(name, rest)
    keys = "|".join(SCHEMES[name].options)
    divider = rf"[,&](?=(?:{keys})=)" if name == "lsl" else r"[,&]"  # names and ids may hold commas
    return Address(name, "", _pairs(name, filter(None, re.split(divider, rest))))


def _pairs(name: str, parts: filter[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or key not in SCHEMES[name].options:
            raise ValueError(f"{name}: does not know {part!r}; {_options(name)}")
        if key in pairs:
            raise ValueError(f"{key!r} is said twice, as {pairs[key]!r} and as {value!r}; give {name}: one of them")
        pairs[key] = value
    return pairs


def _options(name: str) -> str:
    options = SCHEMES[name].options
    return f"it knows {', '.join(options)}, like {SCHEMES[name].example}" if options else "it has no options"


def _check(address: Address, text: str) -> None:
    scheme = SCHEMES[address.scheme]
    for key, value in address.options.items():
        if not scheme.options[key].accepts(value):
            words = scheme.options[key].words
            raise ValueError(f"{key} is {value!r} in {text!r}; it has to be {words}, like {scheme.example}")
    if scheme.must and not address.place:
        raise ValueError(f"{text!r} names no {scheme.place.removeprefix('a ')}; give one, like {scheme.example}")
    missing = [key for key in scheme.needs if key not in address.options]
    if missing:
        raise ValueError(f"{text!r} does not say {', '.join(missing)}; say it, like {scheme.example}")
