"""Numbers in lines of text, read fast; where a line is wrong, a slow second look names it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FLOAT = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_NOT_FINITE = re.compile(r"\s*[+-]?(nan|inf|infinity)\s*", re.IGNORECASE)


def text_lines(raw: bytes, where: str) -> list[str]:
    """The lines of a text file without line ends; blank lines at the end are left out.

    Reads UTF-8 with or without a byte-order mark, otherwise Latin-1; line ends of any system.

    Raises:
        ValueError: it is empty or no text.
    """
    if b"\0" in raw:
        raise ValueError(f"{where!r} is not text in UTF-8 or Latin-1")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A file that was cut while it was written may end within a letter.
        cut = error.reason == "unexpected end of data"
        text = raw[: error.start].decode("utf-8-sig") if cut else raw.decode("latin-1")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.rstrip()
    if not text:
        raise ValueError(f"{where!r} is empty; copy or record it again")
    return text.split("\n")


def columns_of(header: str, delimiter: str) -> list[str]:
    """The names in a header line, without quotes and blanks around them."""
    return [name.strip().strip("\"'").strip() for name in header.split(delimiter)]


def is_number(field: str) -> bool:
    """Whether the field is a finite or infinite number, or "nan"."""
    return bool(_FLOAT.fullmatch(field) or _NOT_FINITE.fullmatch(field))


@dataclass(frozen=True, slots=True)
class Table:
    """The data lines of a file and what is known of their columns.

    Attributes:
        where: the file, for errors.
        lines: one row a line.
        columns: the name of each column; every row must have as many fields.
        first_line: the number of the first of ``lines`` in the file, counted from 1.
        delimiter: between fields.
    """

    where: str
    lines: Sequence[str]
    columns: Sequence[str]
    first_line: int
    delimiter: str = ","

    def floats(self, *, without: int | None = None) -> NDArray[np.float64]:
        """Reads finite numbers, ``(rows, columns)`` float64.

        Args:
            without: index of a column of text, which is left out of the result.

        Raises:
            ValueError: a row has too few or too many fields, or a field is no finite number; names line and column.
        """
        values: NDArray[np.float64] = self._read(np.float64, [at for at in range(len(self.columns)) if at != without])
        return values

    def integers(self) -> NDArray[np.int64]:
        """Reads whole numbers, ``(rows, columns)`` int64; otherwise as ``floats``."""
        values: NDArray[np.int64] = self._read(np.int64, list(range(len(self.columns))))
        return values

    def _read(self, kind: type[np.float64 | np.int64], kept: list[int]) -> NDArray[Any]:
        if not self.lines:
            raise ValueError(f"{self.where!r} has a header but no samples")
        every = len(kept) == len(self.columns)
        # With a selection of columns numpy does not count the fields of a row.
        if every or all(line.count(self.delimiter) == len(self.columns) - 1 for line in self.lines):
            usecols = None if every else kept
            try:
                values = np.loadtxt(
                    self.lines, dtype=kind, delimiter=self.delimiter, comments=None, ndmin=2, usecols=usecols
                )
            except ValueError:
                pass  # the slow look below finds the place
            else:
                if values.shape == (len(self.lines), len(kept)) and np.isfinite(values).all():
                    return values
        raise ValueError(f"{self.where!r}{self._fault(kept, whole=kind is np.int64)}")

    def _fault(self, kept: list[int], *, whole: bool) -> str:
        """Where the first wrong line is and what is wrong with it."""
        for number, line in enumerate(self.lines, self.first_line):
            if not line.strip():
                return f", line {number}, is blank; a recording has no holes"
            fields = line.split(self.delimiter)
            if len(fields) != len(self.columns):
                return f", line {number}, has {len(fields)} values where {len(self.columns)} belong ({self._listed()})"
            for index in kept:
                fault = _fault_of(fields[index], whole=whole)
                if fault:
                    return f", line {number}, column {self.columns[index]!r}: {fault}"
        return " holds a value that cannot be read as a number"

    def _listed(self) -> str:
        names = self.columns
        return ", ".join(names) if len(names) <= 9 else f"{', '.join(names[:3])}, ..., {names[-1]}"


def _fault_of(field: str, *, whole: bool) -> str | None:
    shown = repr(field.strip()[:40])
    if _NOT_FINITE.fullmatch(field):
        return f"{shown} is not a finite number; cut that stretch out of the recording or fill it"
    if not _FLOAT.fullmatch(field):
        return f"{shown} is not a number; correct it, or cut that stretch out of the recording"
    if whole and not _INTEGER.fullmatch(field):
        return f"{shown} is not a whole number"
    return None if abs(float(field)) < (2**63 if whole else math.inf) else f"{shown} is too large"


def finite(values: NDArray[np.float64], where: str) -> NDArray[np.float64]:
    """``values``, ``(rows, columns)``, as they are.

    Raises:
        ValueError: one of them is not a finite number; names the first.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{where!r}: sample {row} of column {column + 1} is not a finite number; cut that stretch out of the "
            f"recording or fill it"
        )
    return values


def to_microvolts(values: NDArray[np.float64], scale: float, where: str) -> NDArray[np.float32]:
    """``values * scale`` as float32.

    Raises:
        ValueError: a value does not fit, beyond 1e9 microvolts; the unit is wrong then.
    """
    scaled = values * scale
    largest = float(np.abs(scaled).max(initial=0.0))
    if not largest < 1e9:
        raise ValueError(f"{where!r} reaches {largest:.3g} uV, which no electrode gives; check --unit")
    return np.ascontiguousarray(scaled, dtype=np.float32)
