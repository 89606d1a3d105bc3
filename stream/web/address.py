"""Where the page is served: ``--web-address``, ``--web-token``, and which addresses a browser may have come by."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
import sys
from dataclasses import dataclass

from dsp.complaints import one_sentence

HOST, PORT = "127.0.0.1", 8765
NEXT = 20
"""So many ports after the default one are tried where it is taken."""

TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
"""What a token may be: it stands in an address."""

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page is to be had.

    Attributes:
        host: a name or a number, without brackets.
        port: 0 for any that is free.
        asked: it was asked for; where it was not, the next free port does as well.
        token: what a visitor has to know; "" for nothing.
    """

    host: str = HOST
    port: int = PORT
    asked: bool = False
    token: str = ""

    def to_text(self) -> str:
        """``HOST:PORT``, without the token."""
        return f"{_bracketed(self.host)}:{self.port}"


def place_of(address: str | None, token: str | None) -> Place:
    """What the options ask for.

    Args:
        address: ``HOST:PORT``, or None for the default.
        token: a word, ``auto`` for a new one, or None for none.

    Raises:
        ValueError: it is no address, its port is taken, or it can be reached from elsewhere and no token was given.
    """
    host, port = (HOST, PORT) if address is None else split(address)
    word = secrets.token_urlsafe(18) if token == "auto" else token or ""  # noqa: S105 - a request for one
    if word and not TOKEN.fullmatch(word):
        raise ValueError("--web-token takes 8 to 64 letters, digits, - and _; give such a one, or auto")
    place = Place(host, port, address is not None, word)
    family, where = resolved(place)
    if not ipaddress.ip_address(where).is_loopback and not word:
        raise ValueError(
            f"--web-address {address} can be reached from other machines, and no token was given; add --web-token auto"
        )
    if place.asked and port:
        bound(place, family, where, port).close()
    return place


def split(address: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ValueError: it is no address.
    """
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not colon or not re.fullmatch(r"[A-Za-z0-9_.:-]+", host) or not re.fullmatch(r"\d{1,5}", port):
        raise ValueError(f"--web-address cannot be {address!r}; give host and port, like {HOST}:{PORT}")
    if int(port) > 65535:
        raise ValueError(f"--web-address cannot be {address!r}: ports go up to 65535; choose another")
    return host.lower(), int(port)


def resolved(place: Place) -> tuple[socket.AddressFamily, str]:
    """Family and number of its host.

    Raises:
        ValueError: the host is not known.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"--web-address cannot be {place.to_text()!r}: {one_sentence(error)}; give an address of this machine, "
            f"like {HOST}:{PORT}"
        ) from None
    return family, str(where[0])


def listening(place: Place) -> socket.socket:
    """A socket that listens there, or where nobody asked for this very port, at the next one that is free.

    Raises:
        ValueError: it is taken.
    """
    family, where = resolved(place)
    for port in range(place.port, place.port + (1 if place.asked else NEXT)):
        try:
            return bound(place, family, where, port)
        except ValueError:
            if place.asked or port == place.port + NEXT - 1:
                raise
    raise AssertionError("the loop returns or raises")


def bound(place: Place, family: socket.AddressFamily, where: str, port: int) -> socket.socket:
    """A socket bound to an address.

    Raises:
        ValueError: it is taken, or not of this machine.
    """
    plug = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # connections of the run before, which the system still remembers, do not count
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind((where, port))
        plug.listen(64)
    except OSError as error:
        plug.close()
        raise ValueError(
            f"the page cannot be served at {_bracketed(place.host)}:{port} ({one_sentence(error)}); "
            "choose another --web-address"
        ) from None
    return plug


def hosts(place: Place, port: int) -> frozenset[str]:
    """What a Host header may say. Other names may have been made to point here (DNS rebinding); numbers cannot.

    Args:
        place: as asked for.
        port: at which the page is.
    """
    names = {_bracketed(place.host)}
    number = resolved(place)[1]
    names.add(_bracketed(number))
    if number in _WILDCARDS:
        names |= {"127.0.0.1", "localhost", "[::1]", _bracketed(_own()), socket.gethostname().lower()}
        names |= {_bracketed(each) for each in _all_own()}
    elif ipaddress.ip_address(number).is_loopback:
        names |= {"localhost"}
    return frozenset({f"{name}:{port}" for name in names} | (names if port == 80 else set()))


def link(place: Place, port: int) -> str:
    """What a person opens in a browser."""
    host = _own() if resolved(place)[1] in _WILDCARDS else place.host
    return f"http://{_bracketed(host)}:{port}/" + (f"?token={place.token}" if place.token else "")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _own() -> str:
    """The number by which this machine is known to its network; nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        try:
            plug.connect(("192.0.2.1", 9))  # RFC 5737: an address that is nobody's
            return str(plug.getsockname()[0])
        except OSError:
            return socket.gethostname().lower()


def _all_own() -> set[str]:
    try:
        return {str(where[4][0]) for where in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        return set()
