"""What a recogniser came to know of its wearer, from one run to the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsp.complaints import tell
from dsp.storage import check_writable
from models.adaptation import Adaptation
from models.classifier import Classifier
from models.evidence import sits
from models.wearer import load_state, save_state


@contextmanager
def wearing(classifier: Classifier, path: Path | None, *, forget: bool = False) -> Iterator[None]:
    """Begins with what is known of a wearer, and keeps what is known in the end, however it ends.

    Args:
        classifier: that adapts.
        path: of the file; None keeps nothing.
        forget: begin anew; what is in the file is replaced in the end.

    Raises:
        ValueError: the file is damaged or of another checkpoint, or could not be written.
    """
    adaptation = classifier.adaptation
    if path is None or adaptation is None:
        yield
        return
    check_writable(path.absolute().parent)
    if path.exists() and not forget:
        adaptation.restore(load_state(path, adaptation.population))
        known = f"{len(adaptation.state.blocks)} blocks of this wearer"
        if adaptation.order is not None:
            known += f", whose armband sat {sits(adaptation.order)}"
        tell(f"note: {path} holds {known}; --forget begins anew")
    try:
        yield
    finally:
        save_state(path, adaptation.state, adaptation.population)


def in_words(adaptation: Adaptation | None) -> str:
    """How far it has come, as a line of its own; "" where nothing adapts."""
    if adaptation is None:
        return ""
    known = len(adaptation.state.blocks)
    words = f"\nknows the wearer by {known} blocks, which count {adaptation.share:.0%} as much as the networks"
    if adaptation.refused:
        words += f"; {adaptation.refused} blocks were like no gesture"
    if adaptation.forgotten:
        words += f"; forgot {adaptation.forgotten} times what no longer held"
    return words + (f"; {how}" if (how := stance(adaptation)) else "")


def stance(adaptation: Adaptation | None) -> str:
    """How the armband was found to sit, where that is not as most wore it; else ""."""
    if adaptation is None or adaptation.order is None:
        return ""
    return f"the armband sits {sits(adaptation.order)}, which is undone"


def as_json(adaptation: Adaptation) -> dict[str, float | int | list[int] | None]:
    """The same for JSON."""
    return {
        "blocks": len(adaptation.state.blocks),
        "share": adaptation.share,
        "refused": adaptation.refused,
        "forgotten": adaptation.forgotten,
        "order": None if adaptation.order is None else list(adaptation.order),
        "turned": adaptation.turned,
    }
