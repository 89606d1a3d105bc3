"""Writing a report: both files, each whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from dsp.storage import whole
from stream.report.contents import Run
from stream.report.document import document
from stream.report.place import FIGURES, PAGE


def publish(folder: Path, run: Run) -> Path:
    """Writes page and figures; one that fails leaves what stood there before.

    Returns:
        Where the page is.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    figures = json.dumps(run.to_json(), indent=1, allow_nan=False) + "\n"
    page = document(run)
    with whole(folder / FIGURES) as beside, whole(folder / PAGE) as front:
        beside.write_text(figures, encoding="utf-8")
        front.write_text(page, encoding="utf-8", errors="replace")  # of a path may be what no file can hold
    return folder / PAGE
