"""Where a report goes."""

from __future__ import annotations

from pathlib import Path

from dsp.storage import check_writable

PAGE, FIGURES = "report.html", "report.json"


def check_place(folder: Path) -> None:
    """Refuses a folder into which no report can be written, before the work that is to end in it.

    Raises:
        ValueError: it cannot be made or written, or something that is no file stands in the place of one.
    """
    check_writable(folder)
    for name in (PAGE, FIGURES):
        if (folder / name).is_dir():
            raise ValueError(f"{folder / name} is a folder, and the report is to stand there; choose another one")
