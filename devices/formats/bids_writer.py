"""EMG-BIDS (1.11) as it is recorded: a data set that grows by one recording.

    NAME/dataset_description.json  README.md  participants.tsv
    NAME/sub-7/ses-1/emg/sub-7_ses-1_task-gestures_run-1_emg.bdf
    NAME/sub-7/ses-1/emg/sub-7_ses-1_task-gestures_run-1_{emg.json,channels.tsv,events.tsv}

The signal is ``devices.formats.bdf_writer``'s. What stands beside it is written right before it appears, so that a
killed recording is a valid data set; the events are written anew at each, whole or not at all. In the events
``BAD_gap`` spans samples that were not measured. What a person has to add is given as "n/a": how the electrodes lay,
what the reference was.

Source: https://bids-specification.readthedocs.io/en/stable/modality-specific-files/electromyography.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devices.formats.bdf_writer import GAP, BdfLayout
from devices.formats.bdf_writer_header import labels
from devices.formats.writer_file import write_whole
from devices.formats.writer_layout import About, Change, Stretch

VERSION = "1.11.0"

_README = """Surface EMG, recorded with myostream.

Each recording is a BDF+ file (24 bit) in microvolts with its channels and events beside it. An event `BAD_gap` spans
samples that were lost on their way and are filled with the value before them; every other event is what the person
was asked to do. "n/a" stands for what the recording program cannot know, above all where the electrodes lay.
"""
_REMARKED = {
    "manufacturer": "Manufacturer",
    "model": "ManufacturersModelName",
    "serial": "DeviceSerialNumber",
    "placement": "EMGPlacementSchemeDescription",
    "reference": "EMGReference",
    "instructions": "Instructions",
}
"""Remarks that BIDS has a field for."""


class BidsLayout:
    """See ``devices.formats.writer.Layout``; ``path`` is the folder of the data set."""

    def __init__(self, path: Path, about: About) -> None:
        if path.exists() and not path.is_dir():
            raise ValueError(f"{str(path)!r} is a file, but an EMG-BIDS data set is a folder; choose another name")
        if path.exists() and any(path.iterdir()) and not (path / "dataset_description.json").is_file():
            raise ValueError(
                f"the folder {str(path)!r} is not empty and no BIDS data set (it has no dataset_description.json); "
                f"choose another name"
            )
        self.path = path
        self._about = about
        self._person = _label(about.person) or "01"
        self._stem = self._free_stem()
        self._bdf = BdfLayout(self._beside("emg.bdf"), about, self._land)
        self._landed = False
        self._events: list[tuple[int, int | None, str]] = []
        self._first: int | None = None
        self._end = 0

    @property
    def complaint(self) -> str:
        """See ``Layout``."""
        return self._bdf.complaint

    @property
    def recording(self) -> Path:
        """The BDF file."""
        return self._bdf.path

    def append(self, stretch: Stretch, gap: int, changes: Sequence[Change]) -> None:
        """See ``Layout``."""
        if self._first is None:
            self._first = stretch.first
        if gap:
            self._events.append((stretch.first - gap - self._first, stretch.first - self._first, GAP))
        for change in changes:
            self._end_label(change.first - self._first)
            if change.label:
                self._events.append((change.first - self._first, None, change.label))
        self._end = stretch.end - self._first
        self._bdf.append(stretch, gap, changes)
        if self._landed and (gap or changes):
            self._write_events()

    def offset(self, at_s: float, offset_s: float) -> None:
        """Not kept: the format knows the sample clock alone."""

    def close(self, *, complete: bool) -> None:
        """Completes the signal, its events and its length."""
        self._bdf.close(complete=complete)
        if not (complete and self._landed):
            return
        self._end_label(self._end)
        self._write_events()
        self._write_sidecar({"RecordingDuration": round(self._end / self._about.info.rate_hz, 6)}, over=True)

    def _free_stem(self) -> str:
        """The first run that is not there yet."""
        session = _label(self._about.session)
        who = f"sub-{self._person}" + (f"_ses-{session}" if session else "")
        stem = f"{who}_task-{_label(self._about.task) or 'gestures'}"
        folder = self.path.joinpath(*who.split("_"), "emg")
        run = 1
        while any(folder.glob(f"{stem}_run-{run}_*")):
            run += 1
        return str(folder / f"{stem}_run-{run}")

    def _beside(self, ending: str) -> Path:
        return Path(f"{self._stem}_{ending}")

    def _land(self) -> None:
        """Writes everything but the signal."""
        try:
            self._write_sidecar({}, over=False)
        except FileExistsError:
            raise ValueError(
                f"somebody else records {self.recording.name!r} into {str(self.path)!r} at the same time; start again"
            ) from None
        description = self.path / "dataset_description.json"
        if not description.exists():
            write_whole(
                description,
                _json(
                    {
                        "Name": self.path.absolute().name,
                        "BIDSVersion": VERSION,
                        "DatasetType": "raw",
                        "GeneratedBy": [{"Name": "myostream"}],
                    }
                ),
            )
        if not any(self.path.glob("README*")):
            write_whole(self.path / "README.md", _README.encode())
        self._add_participant()
        write_whole(self._beside("channels.tsv"), self._channels(), over=True)
        self._write_events()
        self._landed = True

    def _add_participant(self) -> None:
        table = self.path / "participants.tsv"
        text = table.read_text(encoding="utf-8") if table.exists() else "participant_id\n"
        lines = text.splitlines()
        name = f"sub-{self._person}"
        if name not in {line.split("\t")[0] for line in lines}:
            blank = ["n/a"] * lines[0].count("\t")
            write_whole(table, "\n".join([*lines, "\t".join([name, *blank]), ""]).encode(), over=True)

    def _write_sidecar(self, more: dict[str, Any], *, over: bool) -> None:
        about, info = self._about, self._about.info
        fields: dict[str, Any] = {
            "TaskName": about.task,
            "SamplingFrequency": info.rate_hz,
            "PowerLineFrequency": "n/a",
            "SoftwareFilters": "n/a",
            "RecordingType": "continuous",
            "EMGPlacementScheme": "Other",
            "EMGPlacementSchemeDescription": "n/a",
            "EMGReference": "n/a",
            "EMGChannelCount": len(info.channels),
            "Device": info.name,
            "Simulated": about.simulated,
        }
        if about.began_text:
            fields["Began"] = about.began_text
        fields |= {_REMARKED[key]: value for key, value in about.remarks.items() if key in _REMARKED}
        if about.remarks.get("mains_hz", "").isdigit():
            fields["PowerLineFrequency"] = int(about.remarks["mains_hz"])
        write_whole(self._beside("emg.json"), _json(fields | more), over=over)

    def _channels(self) -> bytes:
        rate = f"{self._about.info.rate_hz:g}"
        lines = ["name\ttype\tunits\tsampling_frequency"]
        lines += [f"{name}\tEMG\tuV\t{rate}" for name in labels(self._about.info.channels)]
        return "\n".join([*lines, ""]).encode()

    def _end_label(self, end: int) -> None:
        self._events = [(first, end if until is None else until, name) for first, until, name in self._events]

    def _write_events(self) -> None:
        rate = self._about.info.rate_hz
        lines = ["onset\tduration\ttrial_type"]
        for first, end, name in sorted(self._events, key=lambda event: event[0]):
            duration = "n/a" if end is None else f"{(end - first) / rate:.6f}"
            lines.append(f"{first / rate:.6f}\t{duration}\t{name}")
        write_whole(self._beside("events.tsv"), "\n".join([*lines, ""]).encode(), over=True)


def _label(text: str) -> str:
    """Letters and digits only, as BIDS wants them in names."""
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum())


def _json(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode()
