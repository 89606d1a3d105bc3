"""XDF as it is recorded, by the specification of https://github.com/sccn/xdf/wiki/Specifications.

Three streams, described as the lab streaming layer does it:

1. type ``EMG``, float32 microvolts, with the *uncorrected* stamps and a clock offset every few seconds, as LabRecorder
   writes them: readers correct and smooth by themselves.
2. type ``Markers``, text: a label where it begins, ``""`` where it ends, stamped exactly as the sample it begins with.
3. type ``Index``, int64, three channels ``row``, ``sample``, ``marker``: from this row of stream 1 on (counted from 0),
   the index in the stream is ``sample`` and grows by one a row, and the label is marker number ``marker`` of stream 2
   (counted from 0; -1 before the first). Stamps are rough, so they show a gap only roughly; by this stream the index
   of every sample and the first sample of every label are exact.
4. type ``Events``, text, only where something was noted that is no label (a prompt, a muscle's onset): stamped as the
   sample at which it happened.

What tells of samples stands before them, and everything that comes together is written at once. A kill can cut such a
write only where a page of the file ends. There pyxdf must find nothing that it does not forgive, and it does not
forgive a chunk that ends before its tag does, nor half a clock offset; so lengths are written in as many bytes as keep
these places away from there. After a kill only the footers are missing, which repeat what is in the chunks.
"""

from __future__ import annotations

import platform
import struct
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from devices.formats.writer_file import PAGE, Growing, claim
from devices.formats.writer_layout import About, Change, Stretch

_FILE_HEADER, _STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _BOUNDARY, _STREAM_FOOTER = range(1, 7)
_BOUNDARY_MARK = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
_BOUNDARY_EVERY_S = 10.0
_LONGEST_CHUNK_S = 1.0
_LENGTHS = struct.Struct("<BB"), struct.Struct("<BI"), struct.Struct("<BQ")
_FILLER = _LENGTHS[2], _LENGTHS[1]
_SIGNAL, _MARKERS, _INDEX, _EVENTS = 1, 2, 3, 4


class XdfLayout:
    """See ``devices.formats.writer.Layout``."""

    complaint = ""

    def __init__(self, path: Path, about: About) -> None:
        claim(path)
        self.path = path
        self._about = about
        self._file: Growing | None = None
        self._tallies = {stream: _Tally() for stream in (_SIGNAL, _MARKERS, _INDEX)}
        self._offsets: list[tuple[float, float]] = []
        self._last_boundary_s = 0.0

    def append(self, stretch: Stretch, gap: int, changes: Sequence[Change]) -> None:
        """See ``Layout``."""
        row, now = self._tallies[_SIGNAL].count, float(stretch.raw[0])
        starts = [change.first - stretch.first for change in changes]
        sheet = Sheet(0 if self._file is None else self._file.length)
        if self._file is None:
            sheet.content += b"XDF:"
            self._add_headers(sheet)
            self._last_boundary_s = now
        if (self._file is None or gap) and 0 not in starts:
            self._add_index(sheet, row, stretch.first, now)
        for start, change in zip(starts, changes, strict=True):
            stamp = float(stretch.raw[start])
            sheet.add(_SAMPLES, _text_sample(_MARKERS, stamp, change.label), frail=len(change.label.encode()) + 1)
            self._tallies[_MARKERS].add(stamp, stamp, 1)
            self._add_index(sheet, row + start, change.first, stamp)
        self._add_signal(sheet, stretch)
        if now - self._last_boundary_s >= _BOUNDARY_EVERY_S:
            sheet.add(_BOUNDARY, _BOUNDARY_MARK)
            self._last_boundary_s = now
        if self._file is None:
            self._file = Growing(self.path, bytes(sheet.content))
        else:
            self._file.append(sheet.content)

    def note(self, stamp: float, text: str) -> None:
        """See ``devices.formats.writer_layout.Noting``."""
        if self._file is None:
            return
        sheet = Sheet(self._file.length)
        if _EVENTS not in self._tallies:
            self._tallies[_EVENTS] = _Tally()
            header = self._header(_EVENTS, "Events", "string", 1, [])
            sheet.add(_STREAM_HEADER, header, frail=len(header))
            for at_s, offset_s in self._offsets:
                sheet.add(_CLOCK_OFFSET, struct.pack("<Idd", _EVENTS, at_s, offset_s), frail=17)
        sheet.add(_SAMPLES, _text_sample(_EVENTS, stamp, text), frail=len(text.encode()) + 1)
        self._tallies[_EVENTS].add(stamp, stamp, 1)
        self._file.append(sheet.content)

    def offset(self, at_s: float, offset_s: float) -> None:
        """Keeps it for the signal and for what is stamped like it; the time is turned into the stream's own."""
        if self._file is None:
            return
        self._offsets.append((at_s - offset_s, offset_s))
        sheet = Sheet(self._file.length)
        for stream in self._tallies:
            # A cut just before the two numbers is as bad as one within: pyxdf has read the stream's number by then.
            sheet.add(_CLOCK_OFFSET, struct.pack("<Idd", stream, at_s - offset_s, offset_s), frail=17)
        self._file.append(sheet.content)

    def close(self, *, complete: bool) -> None:
        """See ``Layout``."""
        if self._file is None:
            return
        try:
            sheet = Sheet(self._file.length)
            for stream, tally in self._tallies.items():
                footer = _xml("info", [*tally.elements(), _offsets_element(self._offsets)])
                sheet.add(_STREAM_FOOTER, struct.pack("<I", stream) + footer)
            if complete:
                self._file.append(sheet.content)
        finally:
            self._file.close()

    def _add_signal(self, sheet: Sheet, stretch: Stretch) -> None:
        rows = np.empty(len(stretch.samples), _row_type(stretch.samples.shape[1]))
        rows["stamped"], rows["stamp"], rows["values"] = 8, stretch.raw, stretch.samples
        longest = max(1, int(_LONGEST_CHUNK_S * self._about.info.rate_hz))
        parts = [rows[begin : begin + longest] for begin in range(0, len(rows), longest)]
        self._tallies[_SIGNAL].add(float(stretch.raw[0]), float(stretch.raw[-1]), len(rows))
        for part in parts:
            sheet.add(_SAMPLES, _samples(_SIGNAL, part), frail=rows.dtype.itemsize)

    def _add_index(self, sheet: Sheet, row: int, sample: int, stamp: float) -> None:
        rows = np.empty(1, [("stamped", "u1"), ("stamp", "<f8"), ("values", "<i8", (3,))])
        rows[0] = (8, stamp, (row, sample, self._tallies[_MARKERS].count - 1))
        self._tallies[_INDEX].add(stamp, stamp, 1)
        sheet.add(_SAMPLES, _samples(_INDEX, rows), frail=rows.dtype.itemsize)

    def _add_headers(self, sheet: Sheet) -> None:
        about, info = self._about, self._about.info
        when = [_xml("datetime", about.began_text)] if about.began_text else []
        file_header = _xml("info", [_xml("version", "1.0"), *when])
        channels = [
            _xml("channel", [_xml("label", name), _xml("unit", "microvolts"), _xml("type", "EMG")])
            for name in info.channels
        ]
        acquisition = {"software": "myostream", **about.remarks}
        if np.isfinite(info.full_scale_uv):
            acquisition["full_scale_uv"] = repr(info.full_scale_uv)
        signal = [
            _xml("channels", channels),
            _xml("acquisition", [_xml(_tag(key), value) for key, value in acquisition.items()]),
            _xml("subject", [_xml("id", about.person), _xml("session", about.session)]),
            _xml("simulated", str(about.simulated).lower()),
            _xml("task", about.task),
            _xml("labels", [_xml("label", name) for name in about.names]),
        ]
        columns = [_xml("channel", [_xml("label", name)]) for name in ("row", "sample", "marker")]
        sheet.add(_FILE_HEADER, file_header)
        sheet.add(_STREAM_HEADER, self._header(_SIGNAL, "EMG", "float32", len(info.channels), signal))
        sheet.add(_STREAM_HEADER, self._header(_MARKERS, "Markers", "string", 1, []))
        sheet.add(_STREAM_HEADER, self._header(_INDEX, "Index", "int64", 3, [_xml("channels", columns)]))

    def _header(self, stream: int, kind: str, format_: str, channels: int, description: list[bytes]) -> bytes:
        info = self._about.info
        signal = stream == _SIGNAL
        elements = {
            "name": (info.name or "EMG") if signal else f"{info.name} {kind}",  # pyxdf reads no empty one
            "type": kind,
            "channel_count": str(channels),
            "nominal_srate": repr(info.rate_hz) if signal else "0",
            "channel_format": format_,
            "source_id": f"myostream {info.name} {kind}",
            "version": "1.10",
            "created_at": "0",
            "uid": str(uuid.uuid4()),
            "session_id": self._about.session or "default",
            "hostname": platform.node(),
        }
        parts = [_xml(name, value) for name, value in elements.items()]
        header = _xml("info", [*parts, _xml("desc", description)])
        return struct.pack("<I", stream) + b'<?xml version="1.0"?>' + header


class _Tally:
    """What a stream's footer says."""

    def __init__(self) -> None:
        self.count = 0
        self._first = self._last = 0.0

    def add(self, first: float, last: float, count: int) -> None:
        if not self.count:
            self._first = first
        self._last = last
        self.count += count

    def elements(self) -> list[bytes]:
        return [
            _xml("first_timestamp", repr(self._first)),
            _xml("last_timestamp", repr(self._last)),
            _xml("sample_count", str(self.count)),
        ]


def _offsets_element(offsets: Iterable[tuple[float, float]]) -> bytes:
    return _xml("clock_offsets", [_xml("offset", [_xml("time", repr(t)), _xml("value", repr(v))]) for t, v in offsets])


def _xml(name: str, content: str | list[bytes]) -> bytes:
    inner = b"".join(content) if isinstance(content, list) else escape(content).encode()
    return b"<%b>%b</%b>" % (name.encode(), inner, name.encode())


def _tag(name: str) -> str:
    """A name that XML accepts."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name) or "_"


def _length(count: int) -> bytes:
    """A number in as few bytes as the format allows, preceded by how many these are."""
    return struct.pack("<BB", 1, count) if count < 256 else struct.pack("<BI", 4, count)


class Sheet:
    """Chunks that are going to be written at ``place`` in one go, laid out so that pyxdf can read them cut there.

    Args:
        place: length of the file before it.
    """

    def __init__(self, place: int) -> None:
        self._place = place
        self.content = bytearray()

    def add(self, tag: int, content: bytes, frail: int = 0) -> None:
        """Adds a chunk.

        Args:
            tag: which kind of chunk.
            content: of it.
            frail: bytes at its end of which none but the first may end a page.
        """
        forms = [form for form in _LENGTHS if form.size > 2 or len(content) < 254]
        while not any(self._safe(form, len(content), frail) for form in forms):
            self._add(_FILLER, _BOUNDARY, _BOUNDARY_MARK, 0)
        self._add(forms, tag, content, frail)

    def _add(self, forms: Sequence[struct.Struct], tag: int, content: bytes, frail: int) -> None:
        form = next(form for form in forms if self._safe(form, len(content), frail))
        self.content += form.pack(form.size - 1, len(content) + 2) + struct.pack("<H", tag) + content

    def _safe(self, form: struct.Struct, length: int, frail: int) -> bool:
        """Whether no page ends between the length and the end of the tag, nor within what is frail."""
        begin = self._place + len(self.content) + form.size
        end = begin + 2 + length
        return _same_page(begin - 1, begin + 1) and (not frail or _same_page(end - frail, end - 1))


def _same_page(first: int, last: int) -> bool:
    return first // PAGE == last // PAGE


def _row_type(channels: int) -> np.dtype[np.void]:
    """One sample: the size of its stamp, its stamp, its values."""
    return np.dtype([("stamped", "u1"), ("stamp", "<f8"), ("values", "<f4", (channels,))])


def _samples(stream: int, rows: NDArray[np.void]) -> bytes:
    return struct.pack("<I", stream) + _length(len(rows)) + rows.tobytes()


def _text_sample(stream: int, stamp: float, text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<I", stream) + _length(1) + struct.pack("<Bd", 8, stamp) + _length(len(raw)) + raw
