"""What the tests of all writers share: a stream to write, and every state that its file is in meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from devices.formats import writer_file
from devices.formats.writer import Writer, open_writer
from devices.formats.writer_file import PAGE
from dsp.flow import Chunk, Samples, StreamInfo

ALL = {"xdf": "a.xdf", "bdf": "a.bdf", "csv": "a.csv", "hdf5": "a.h5", "bids": "set"}
CYTON_UV = 187500.0
CYTON_STEP = CYTON_UV / (2**23 - 1)


def stream(rate_hz: float = 250.0, channels: int = 8, full_scale_uv: float = CYTON_UV) -> StreamInfo:
    names = tuple(f"ch{number}" for number in range(1, channels + 1))
    return StreamInfo("cyton on COM3", rate_hz, names, full_scale_uv=full_scale_uv)


def cyton_samples(length: int, channels: int = 8, seed: int = 0) -> Samples:
    """As a Cyton gives them: whole numbers of its own steps."""
    counts = np.random.default_rng(seed).integers(-(2**23) + 1, 2**23, (length, channels))
    return (counts * CYTON_STEP).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Case:
    """A stream with a gap and labels.

    Attributes:
        samples: one for each index from ``first`` on, also those that are lost.
        labels: one for each, "" where there is none.
        here: which of them are not lost.
    """

    info: StreamInfo
    samples: Samples
    labels: list[str]
    here: NDArray[np.bool_]
    first: int = 1000

    @property
    def indices(self) -> NDArray[np.int64]:
        """Of the samples that are not lost."""
        return self.first + np.flatnonzero(self.here)

    @property
    def kept(self) -> Samples:
        return self.samples[self.here]

    def raw(self) -> NDArray[np.float64]:
        return 40.0 + np.arange(len(self.samples)) / self.info.rate_hz

    def written(self, writer: Writer, *, seed: int = 3, offset_s: float = 60.0, longest: int = 60) -> Iterator[int]:
        """In chunks of chance lengths; gives the number of samples written after each.

        The device's clock is ``offset_s`` behind the host's.
        """
        rng, at, label = np.random.default_rng(seed), 0, ""
        raw = self.raw()
        while at < len(self.samples):
            end = min(len(self.samples), at + int(rng.integers(1, longest)))
            for index in range(at, end):
                if self.labels[index] != label:
                    label = self.labels[index]
                    writer.mark(self.first + index, label)
            for run in np.split(np.arange(at, end), np.flatnonzero(np.diff(self.here[at:end])) + 1):
                if self.here[run[0]]:
                    stamps = raw[run] + offset_s
                    writer.write(Chunk(self.samples[run], self.first + int(run[0]), stamps, raw[run]))
            writer.offset(float(raw[end - 1]) + offset_s, offset_s)
            writer.flush()
            at = end
            yield int(np.count_nonzero(self.here[:at]))

    def write(self, writer: Writer, *, seed: int = 3) -> None:
        """All of it."""
        for _ in self.written(writer, seed=seed):
            pass


def case(length: int = 1100, rate_hz: float = 250.0, gap: tuple[int, int] = (400, 437)) -> Case:
    labels = [""] * 100 + ["rest"] * 133 + ["open hand, slowly"] * 367 + [""] * 100 + ["fist"] * (length - 700)
    here = np.ones(length, np.bool_)
    here[slice(*gap)] = False
    return Case(stream(rate_hz), cyton_samples(length), labels, here)


def write_case(path: Path, made: Case, format_: str | None = None, *, close: bool = True) -> Writer:
    writer = open_writer(
        path, made.info, names=("rest", "fist"), person="7", session="morning", format_=format_, simulated=True
    )
    made.write(writer)
    if close:
        writer.close()
    return writer


def states(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, bytes]]:
    """Every content that a growing file has from now on, also where a write is cut by a kill: at the end of a page."""
    seen: list[tuple[Path, bytes]] = []
    begin, put = writer_file.Growing.__init__, writer_file.Growing._put

    def spied_begin(file: writer_file.Growing, path: Path, content: bytes) -> None:
        begin(file, path, content)
        seen.append((path, path.read_bytes()))

    def spied_put(file: writer_file.Growing, place: int, content: bytes | bytearray) -> None:
        path = seen[-1][0]
        for end in range(place // PAGE * PAGE + PAGE, place + len(content), PAGE):
            put(file, place, content[: end - place])
            seen.append((path, path.read_bytes()))
        put(file, place, content)
        seen.append((path, path.read_bytes()))

    monkeypatch.setattr(writer_file.Growing, "__init__", spied_begin)
    monkeypatch.setattr(writer_file.Growing, "_put", spied_put)
    return seen
