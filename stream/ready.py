"""What a command waits for before it begins, and what is said meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from dsp.complaints import tell

if TYPE_CHECKING:
    from models.classifier import Classifier
    from models.loading import Wanted


def classifier_of(path: Path, wanted: Wanted) -> Classifier:
    """The classifier of a checkpoint; what is to be known of it is said on stderr.

    Raises:
        ValueError: it cannot be had; says why.
    """
    with busy(f"loading {path.name}"):
        from models.loading import load_classifier  # noqa: PLC0415 - wrong use is said before it is loaded

        classifier = load_classifier(path, wanted)
    for note in classifier.notes:
        tell(f"note: {note}")
    return classifier


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Says on a terminal's stderr what takes its time, and takes it back afterwards."""
    console = Console(stderr=True, markup=False)
    if not console.is_terminal:
        yield
        return
    with console.status(Text(what)):
        yield
