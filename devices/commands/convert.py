"""``python -m devices convert``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="A recording, also inside a zip, or the folder or zip of a data set.", metavar="IN", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            help="The file (.npz, .xdf, .bdf, .csv, .h5), or a folder for EMG-BIDS.", metavar="OUT", show_default=False
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", help="npz, xdf, bdf, csv, hdf5 or bids, where OUT does not say it.", show_default=False),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", help="Sampling rate in Hz, for a file that does not say it.", show_default=False),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="uV, mV or V, for a file that does not say it.", show_default=False)
    ] = None,
    task: Annotated[str, typer.Option("--task", help="What the person was asked to do, a word.")] = "gestures",
    force: Annotated[bool, typer.Option("--force", help="Replace a recording that exists.")] = False,
) -> None:
    """Read any recording and write it in another format; a data set becomes a folder of EMG-BIDS.

    What the other format cannot hold is told. OUT is there whole or not at all.

    Example: python -m devices convert recordings/demo.npz recordings/demo.xdf
    """
    from devices.address import names_device
    from devices.conversion import destination

    place, format_ = destination(out, to)
    if names_device(source):
        raise ValueError(f"{str(source)!r} is a device, and convert is for recordings; record it first")
    if _is_data_set(source):
        if rate is not None or unit is not None:
            raise ValueError("--rate and --unit are for a single file; convert the files of a data set one by one")
        _data_set(source, place, format_, task, force=force)
    else:
        _single(source, place, format_, task, rate, unit, force=force)


def _is_data_set(source: Path) -> bool:
    """A folder, on disk or in a zip, or a zip; not one recording in it."""
    from devices.files import SUFFIXES

    if source.is_dir() or source.suffix.lower() == ".zip":
        return True
    in_zip = any(parent.suffix.lower() == ".zip" for parent in source.parents)
    of_xdf = any(parent.suffix.lower() == ".xdf" for parent in source.parents)  # one stream of several
    return in_zip and not of_xdf and source.suffix.lower() not in SUFFIXES


def _single(
    source: Path, out: Path, format_: str, task: str, rate: float | None, unit: str | None, *, force: bool
) -> None:
    from devices.conversion import replacing, write
    from devices.files import load

    recording = load(source, rate_hz=rate, unit=unit)
    with replacing(out, force=force) as place:
        lost = write(recording, place, format_, task=task)
    if lost:
        print(f"note: {out} {'; '.join(lost)}", file=sys.stderr)
    info = recording.info
    seconds = len(recording.samples) / info.rate_hz
    print(f"{out}: {info.name}, {seconds:.0f} s, {len(info.channels)} channels at {info.rate_hz:g} Hz")


def _data_set(source: Path, out: Path, format_: str, task: str, *, force: bool) -> None:
    from devices.conversion import replacing, write
    from devices.datasets import open_dataset

    notes: Counter[str] = Counter()
    made = 0
    with open_dataset(source) as dataset, replacing(out, force=force) as place:
        if format_ != "bids" and len(dataset.entries) > 1:
            raise ValueError(
                f"{str(source)!r} holds {len(dataset.entries)} recordings, and {out.name!r} is a single file; convert "
                f"to a folder (--to bids), or name one of them, such as {str(source / dataset.entries[0].name)!r}"
            )
        for _, recording in dataset.read_all():
            notes.update(write(recording, place, format_, task=task))
            made += 1
        if not made:
            raise ValueError(f"no recording in {str(source)!r} can be read; the first: {dataset.skipped[0]}")
        skipped = dataset.skipped
    for sentence in skipped:
        print(f"left out: {sentence}", file=sys.stderr)
    for note, count in notes.most_common():
        print(f"note: {out} {note}{f' ({count} of {made} recordings)' if made > 1 else ''}", file=sys.stderr)
    people = len(dataset.people)
    print(f"{out}: {made} recording{'s' * (made > 1)} of {people} {'people' if people > 1 else 'person'}")
