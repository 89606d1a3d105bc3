"""``--sink SPEC``: where decisions go besides the screen. ``stream.outlets.kinds`` lists the kinds."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import IO, Protocol, cast

from stream.behind import Behind
from stream.outlets.kinds import kind_of, shown
from stream.outlets.outlet import Outlet, Stream


class Door(Protocol):
    """What the file of each kind can do."""

    def check(self, spec: str) -> None:
        """Refuses what cannot be opened, in one sentence, and opens nothing."""

    def open_outlet(self, spec: str, stream: Stream) -> Outlet:
        """Opens it; a peer that is not there is no reason not to."""


class Fitting(Protocol):
    """What the file of a kind that speaks of gestures can do as well."""

    def check_fit(self, spec: str, labels: tuple[str, ...]) -> None:
        """Refuses gestures that the checkpoint does not know."""


def check(specs: Sequence[str], labels: tuple[str, ...] | None = None) -> None:
    """Complains of what cannot be opened before anything else is: no device is woken and no file made for nothing.

    Args:
        specs: as they were given.
        labels: the gestures, if they are known already.

    Raises:
        ValueError: a spec is not understood or given twice, a file is there already, a host is not known, or a library
            is missing.
    """
    for at, spec in enumerate(specs):
        door = _door(spec)
        if shown(spec) in [shown(other) for other in specs[:at]]:
            raise ValueError(f"--sink {shown(spec)} is given twice; leave one out, or give the other a name of its own")
        door.check(spec)
        if labels is not None and hasattr(door, "check_fit"):
            cast("Fitting", door).check_fit(spec, labels)


def open_sink(spec: str, stream: Stream) -> Behind:
    """A sink behind a buffer of its own.

    Args:
        spec: of one of the kinds in ``stream.outlets.kinds``.
        stream: what it needs to know.

    Raises:
        ValueError: the spec is not understood, or what it names cannot be opened.
    """
    outlet = _door(spec).open_outlet(spec, stream)
    return Behind(
        outlet.decide,
        shown(spec),
        after=outlet.close,
        mark=outlet.mark,
        pause=outlet.pause,
        wait=stream.patient,
    )


def own_stdout() -> IO[str]:
    """Stdout once more, with a buffer and a lock of its own, for a thread.

    Where nobody reads what it writes, it waits alone: whoever else prints can still be interrupted. ``sys.stdout``
    itself where that is no file of the system.
    """
    try:
        descriptor = os.dup(sys.stdout.fileno())
    except (OSError, ValueError):
        return sys.stdout
    return os.fdopen(descriptor, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)


def _door(spec: str) -> Door:
    """The file of a kind, which brings its library with it and so is loaded for those alone who ask for it."""
    return cast("Door", import_module(f"stream.outlets.{kind_of(spec).module}"))
