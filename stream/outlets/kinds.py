"""Every kind of ``--sink``, in words: what help, errors and ``stream/SINKS.md`` say, and the file that opens it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of sink.

    Attributes:
        begins: how its specs begin.
        form: how they are written.
        what: is sent, for people.
        module: of this package, with ``check(spec)`` and ``open_outlet(spec, stream)``.
    """

    begins: tuple[str, ...]
    form: str
    what: str
    module: str

    def where(self, spec: str) -> str:
        """What follows the beginning."""
        return next(spec.removeprefix(begin) for begin in self.begins if spec.startswith(begin))


KINDS = (
    Kind(("jsonl:",), "jsonl:PATH", "one line of JSON for each decision in a new file", "jsonl"),
    Kind(("udp:",), "udp:HOST:PORT", "each decision as one datagram of JSON", "udp"),
    Kind(
        ("lsl:",),
        "lsl:NAME",
        "the label of each decision as an LSL marker, stamped with the time of its last sample",
        "lsl",
    ),
    Kind(
        ("lsl-probabilities:",),
        "lsl-probabilities:NAME",
        "the probabilities as an LSL stream with a channel for each gesture, stamped likewise",
        "lsl_probabilities",
    ),
    Kind(
        ("osc:",),
        "osc:HOST:PORT[/PREFIX]",
        "each decision as a bundle of Open Sound Control messages over UDP",
        "osc",
    ),
    Kind(("ws:",), "ws:[HOST:]PORT", "each decision as JSON to every client of a WebSocket server here", "ws_server"),
    Kind(
        ("ws://", "wss://"),
        "ws[s]://HOST[:PORT]/PATH",
        "each decision as JSON to a WebSocket server that is somewhere else",
        "ws_client",
    ),
    Kind(
        ("mqtt://",),
        "mqtt://HOST[:PORT]/TOPIC",
        "each decision as JSON under a topic of a broker (mqtt://USER:PASS@HOST/TOPIC if it asks)",
        "mqtt",
    ),
    Kind(("keyboard:",), "keyboard:MAP.toml", "a key held or tapped for each gesture, as the map says", "keyboard"),
    Kind(
        ("serial:",),
        "serial:PORT[?baud=115200]",
        "each decision as a short line to a board on a serial port",
        "serial_line",
    ),
)
"""In the order in which they are listed."""

_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*@")
_QUERY = re.compile(r"(?<=://)([^?]*)\?.*")


def kind_of(spec: str) -> Kind:
    """The kind of a spec.

    Raises:
        ValueError: it is none, or nothing follows; says how it is written, or lists those there are.
    """
    found = [kind for kind in KINDS if spec.startswith(kind.begins)]
    if not found:
        known = ", ".join(kind.form for kind in KINDS)
        raise ValueError(f"--sink cannot be {shown(spec)!r}{_meant(spec)}; known are {known}")
    kind = max(found, key=lambda kind: max(len(begin) for begin in kind.begins if spec.startswith(begin)))
    if not kind.where(spec):
        raise ValueError(f"--sink cannot be {shown(spec)!r} alone; give {kind.form}, {kind.what}")
    return kind


def _meant(spec: str) -> str:
    """Which one was meant, if that can be guessed."""
    known = {begin: kind for kind in KINDS for begin in kind.begins}
    near = get_close_matches(spec.split(":", maxsplit=1)[0].lower() + ":", known, 1)
    return f" (do you mean {known[near[0]].form}?)" if near else ""


def shown(spec: str) -> str:
    """A spec as it may be shown and logged: without a password, and without the query of an address."""
    return _QUERY.sub(r"\1?...", _PASSWORD.sub(r"\1:...@", spec))


def forms() -> str:
    """All forms in one line, for ``--help``."""
    *others, last = (kind.form for kind in KINDS)
    return f"{', '.join(others)} or {last}"
