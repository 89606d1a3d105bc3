"""Writing a recording as its samples come.

| format | suffix | file |
|---|---|---|
| ``xdf`` | ``.xdf`` | ``devices.formats.xdf_writer`` |
| ``bdf`` | ``.bdf`` | ``devices.formats.bdf_writer`` |
| ``csv`` | ``.csv`` | ``devices.formats.csv_writer`` |
| ``hdf5`` | ``.h5``, ``.hdf5`` | ``devices.formats.hdf5_writer`` |
| ``bids`` | a folder | ``devices.formats.bids_writer`` |

For all of them: the file appears with its first samples and grows from then on; what has been written is readable even
if the process is killed at that moment; an existing file is never overwritten; a recording that ends before its first
sample leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from devices.formats.writer_layout import About, LaidOut, Layout, label_text, printable
from dsp.flow import Chunk, StreamInfo

FORMATS: dict[str, tuple[str, ...]] = {
    "xdf": (".xdf",),
    "bdf": (".bdf",),
    "csv": (".csv",),
    "hdf5": (".h5", ".hdf5"),
    "bids": (),
}
"""The suffixes of each format that can be written as the samples come; ``bids`` is a folder."""


class Writer(Protocol):
    """Writes one recording; used by one thread."""

    @property
    def path(self) -> Path:
        """What is written: a file, or the folder of a data set."""

    @property
    def complaint(self) -> str:
        """What could not be kept, in a sentence; empty where all was."""

    def write(self, chunk: Chunk) -> None:
        """Writes samples; a jump of ``chunk.first`` is kept as a gap of that many.

        Raises:
            ValueError: the samples do not fit the stream, run backwards, or begin with values that are none.
            OSError: the disk is full, or the like; what was written stays readable.
        """

    def mark(self, first: int, label: str) -> None:
        """From the sample ``first`` on, the label is this one; empty where it is unknown.

        Told before that sample is written, or it counts from the next one written.
        """

    def note(self, first: int, text: str) -> None:
        """Something that happened at the sample ``first`` and is no label; kept where the format has room.

        Told before that sample is written, or it counts for the next one written.
        """

    def offset(self, at_s: float, offset_s: float) -> None:
        """What is to be added to ``Chunk.raw`` to get the host's clock, measured at ``at_s`` on the host's clock."""

    def flush(self) -> None:
        """Hands everything that can be written to the operating system: it then survives the end of the process."""

    def close(self) -> None:
        """Completes the file; safe to call twice."""


def open_writer(
    path: Path,
    info: StreamInfo,
    *,
    names: tuple[str, ...] = (),
    person: str = "",
    session: str = "",
    format_: str | None = None,
    simulated: bool = False,
    task: str = "gestures",
    remarks: Mapping[str, str] | None = None,
    live: bool = True,
) -> Writer:
    """Begins a recording; nothing is on the disk before its first sample.

    Args:
        path: the file; without a suffix it gets that of the format. Of ``bids``, the folder of the data set, which may
            exist and hold other recordings.
        info: the stream.
        names: labels that are expected.
        person: whose arm.
        session: which sitting.
        format_: one of ``FORMATS``, or None for what the suffix says, and XDF without one.
        simulated: no human arm was involved.
        task: what the person was asked to do, a word.
        remarks: more to keep, where the format has room.
        live: it begins now; else when it was made is not known, and no time is written.

    Raises:
        ValueError: the format is unknown or contradicts the suffix, the path exists, or nothing can be written there.
    """
    path, format_ = destination(path, format_)
    about = About(
        replace(info, name=printable(info.name), channels=tuple(map(printable, info.channels))),
        tuple(dict.fromkeys(filter(None, map(label_text, names)))),
        printable(person),
        printable(session),
        simulated,
        printable(task),
        {key: printable(value) for key, value in (remarks or {}).items()},
    )
    if not live:
        about = replace(about, began=None)
    return LaidOut(about, _layout(format_, path, about))


def destination(path: Path, format_: str | None) -> tuple[Path, str]:
    """The file that is meant and its format; see ``open_writer``."""
    if format_ is not None and format_ not in FORMATS:
        raise ValueError(f"the format {format_!r} cannot be recorded; known are {', '.join(FORMATS)}")
    by_suffix = {suffix: name for name, suffixes in FORMATS.items() for suffix in suffixes}
    suffix = path.suffix.lower()
    said = by_suffix.get(suffix)
    if path.is_dir() and format_ != "bids" and not (path / "dataset_description.json").is_file():
        raise ValueError(f"{str(path)!r} is a folder; name a file in it, such as {str(path / 'first.xdf')!r}")
    if format_ is None and suffix and said is None:
        raise ValueError(
            f"{path.name!r} ends in {path.suffix!r}, which cannot be recorded; known are {', '.join(by_suffix)}, and "
            f"--format bids for a folder"
        )
    if format_ == "bids" or (format_ is None and (path / "dataset_description.json").is_file()):
        if said:
            raise ValueError(f"{path.name!r} ends in {path.suffix!r}, but EMG-BIDS is a folder; leave the suffix out")
        return path, "bids"
    format_ = format_ or said or "xdf"
    if said not in {None, format_}:
        raise ValueError(f"{path.name!r} ends in {path.suffix!r}, but --format says {format_}; leave one of them out")
    return (path if said else path.with_name(path.name + FORMATS[format_][0])), format_


def _layout(format_: str, path: Path, about: About) -> Layout:
    """Imports only what is needed: h5py alone takes a third of a second."""
    if format_ == "xdf":
        from devices.formats.xdf_writer import XdfLayout  # noqa: PLC0415 - see above

        return XdfLayout(path, about)
    if format_ == "bdf":
        from devices.formats.bdf_writer import BdfLayout  # noqa: PLC0415 - see above

        return BdfLayout(path, about)
    if format_ == "csv":
        from devices.formats.csv_writer import CsvLayout  # noqa: PLC0415 - see above

        return CsvLayout(path, about)
    if format_ == "hdf5":
        from devices.formats.hdf5_writer import Hdf5Layout  # noqa: PLC0415 - see above

        return Hdf5Layout(path, about)
    from devices.formats.bids_writer import BidsLayout  # noqa: PLC0415 - see above

    return BidsLayout(path, about)
