"""Where recordings come from: a data set's folder or zip, or simulated people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import devices
from devices.datasets import open_dataset
from devices.entry import Entry
from devices.recording import Recording
from train import tensors
from train.splits import parse_numbers

SIMULATED = "sim"
SIMULATED_HZ = 1000.0
SIMULATED_MAINS_HZ = 50.0

MAINS_HZ: dict[str, float | None] = {"synapse": None, "myo-readings": None, SIMULATED: SIMULATED_MAINS_HZ}
"""Mains frequency that is still in the recordings of a layout; unknown layouts count as clean (set dsp.notch_hz)."""


class Collection(Protocol):
    """Recordings that can be listed and read one by one."""

    @property
    def layout(self) -> str:
        """Kind of data set."""

    @property
    def entries(self) -> Sequence[Entry]:
        """What can be read."""

    @property
    def skipped(self) -> Sequence[str]:
        """Sentences about what was left out."""

    def read(self, entry: Entry) -> Recording:
        """The samples and labels of one entry."""

    def close(self) -> None:
        """Lets go of open files."""


class Simulated:
    """Simulated people as a data set: ``sim:people=1-24,sessions=1-2``; one recording a person and session."""

    layout = SIMULATED
    skipped: tuple[str, ...] = ()

    def __init__(self, people: Sequence[int], sessions: Sequence[int], rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.entries = tuple(
            Entry(person=person, session=session, gesture=None, trial=1, name=f"sim-person{person}-session{session}")
            for person in people
            for session in sessions
        )

    def read(self, entry: Entry) -> Recording:
        """Simulates one sitting."""
        from devices.simulator import simulate  # noqa: PLC0415 - compiles kernels that real data do not need

        return simulate(entry.person, entry.session, rate_hz=self.rate_hz)

    def close(self) -> None:
        """Nothing is open."""


def open_collection(data: str, rate_hz: float | None = None) -> Collection:
    """Opens what ``--data`` names.

    Args:
        data: a folder or zip in a known layout, a ``.pt`` file of tensors, or ``sim:people=1-24,sessions=1-2``.
        rate_hz: of simulated people; None takes 1000 Hz. Files have their own.

    Raises:
        ValueError: it is neither.
    """
    if data.lower().endswith(tensors.SUFFIXES):
        return tensors.Tensors(Path(data))
    if not data.startswith(f"{SIMULATED}:"):
        return open_dataset(data)
    parts = re.split(r",(?=[a-z])", data.removeprefix(f"{SIMULATED}:"))
    given = {key: value for key, _, value in (part.partition("=") for part in parts)}
    if unknown := sorted(set(given) - {"people", "sessions"}):
        raise ValueError(f"{data!r} is not understood at {unknown[0]!r}; write sim:people=1-24,sessions=1-2")
    people = parse_numbers(given.get("people", "1-24"))
    return Simulated(people, parse_numbers(given.get("sessions", "1-2"), "sessions"), rate_hz or SIMULATED_HZ)


def stamp(data: str, collection: Collection, entries: Sequence[Entry]) -> str:
    """Hex digits that change when the files behind these entries do (size, time), or the simulator's code."""
    facts: list[Any] = [collection.layout, sorted(entry.name for entry in entries)]
    if isinstance(collection, Simulated):
        folder = Path(devices.__path__[0])
        facts += [collection.rate_hz, *(file.read_bytes() for file in sorted(folder.glob("simulator*.py")))]
    else:
        root = Path(data).resolve()
        outer = next(path for path in (root, *root.parents) if path.exists())
        files = [root / entry.name for entry in entries] if root.is_dir() else [outer]
        facts.append(str(root))
        for file in files:
            known = file.stat()
            facts.append((str(file), known.st_size, known.st_mtime_ns))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]
