"""CSV as it is recorded: remarks, a header, then one line a sample.

    # rate_hz: 1000
    # unit: uV
    # person: 7
    sample,time_s,label,ch1,ch2
    0,0.000000,rest,-1.5,3.25

``sample`` is the index in the stream: where it jumps, samples are missing. ``time_s`` counts from the first sample.
``label`` is empty where nothing is known. Values are microvolts, written with as many digits as a float32 needs to
come back as it was. A killed recording may end in half a line, which ``devices.formats.delimited`` leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from devices.formats.writer_file import Growing, claim
from devices.formats.writer_layout import About, Change, Stretch

_TAKEN = {"sample", "index", "label", "time", "time_s", "time_ms", "time_us", "time_ns"}


class CsvLayout:
    """See ``devices.formats.writer.Layout``.

    A comma in a label or a channel's name becomes a semicolon, quotation marks are left out.
    """

    complaint = ""

    def __init__(self, path: Path, about: About) -> None:
        claim(path)
        self.path = path
        self._about = about
        self._file: Growing | None = None
        self._label = ""
        self._zero_s = 0.0

    def append(self, stretch: Stretch, gap: int, changes: Sequence[Change]) -> None:  # noqa: ARG002 - indices show the gap
        """See ``Layout``."""
        if self._file is None:
            self._zero_s = float(stretch.stamps[0])
        lines = self._lines(stretch, changes)
        if self._file is None:
            self._file = Growing(self.path, f"{self._head()}{lines}".encode())
        else:
            self._file.append(lines.encode())

    def offset(self, at_s: float, offset_s: float) -> None:
        """Not kept: ``time_s`` is on the host's clock."""

    def close(self, *, complete: bool) -> None:  # noqa: ARG002 - it is complete at any time
        """See ``Layout``."""
        if self._file is not None:
            self._file.close()

    def _head(self) -> str:
        about, info = self._about, self._about.info
        remarks = {
            "name": info.name,
            "rate_hz": f"{info.rate_hz!r}",
            "unit": "uV",
            "names": ", ".join(map(_field, about.names)),
            "person": about.person,
            "session": about.session,
            "simulated": "true" if about.simulated else "",
            "task": about.task,
            "full_scale_uv": f"{info.full_scale_uv!r}" if np.isfinite(info.full_scale_uv) else "",
            "began": about.began_text,
            "first_stamp_s": f"{self._zero_s!r}",
            **about.remarks,
        }
        lines = [f"# {key}: {' '.join(str(value).split())}" for key, value in remarks.items() if value]
        return "\n".join([*lines, ",".join(["sample", "time_s", "label", *channel_columns(info.channels)]), ""])

    def _lines(self, stretch: Stretch, changes: Sequence[Change]) -> str:
        times = (stretch.stamps - self._zero_s).tolist()
        values = stretch.samples.astype(str).tolist()  # the shortest text that gives the same float32
        lines: list[str] = []
        for begin, end in pairwise([Change(stretch.first, self._label), *changes, Change(stretch.end, "")]):
            label = _field(begin.label)
            lines += [
                f"{index},{times[index - stretch.first]:.6f},{label},{','.join(values[index - stretch.first])}\n"
                for index in range(begin.first, end.first)
            ]
        if changes:
            self._label = changes[-1].label
        return "".join(lines)


def channel_columns(channels: Sequence[str]) -> list[str]:
    """The channels as names of columns: neither empty nor twice, nor with what a reader takes for a unit."""
    columns = [" ".join(re.sub(r"[;\[\](){}]", " ", _field(channel)).split()) for channel in channels]
    sound = all(columns) and len(set(columns)) == len(columns) and not _TAKEN & {name.lower() for name in columns}
    return columns if sound else [f"ch{at + 1}" for at in range(len(channels))]


def _field(text: str) -> str:
    return text.replace(",", ";").replace('"', "").replace("'", "")
