"""Live, and live again: a key calibrates on the way, and the stream goes on with what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dsp.complaints import tell
from models.classifier import Classifier
from stream import calibrating
from stream.calibrating import Busy
from stream.controls import Recalibrate
from stream.live import Wish, live

Load = Callable[[Path], Classifier]


def no_calibration(wish: Wish, classifier: Classifier, wearer: Path | None) -> str:
    """Why a stream cannot be left for a calibration and taken up again; "" where it can.

    The checkpoint has to know how wearers differ, and to be nobody's yet; what writes a new file cannot begin it
    twice; and what a wearer's file says is about the checkpoint as it was.
    """
    if classifier.wearers is None:
        return "no calibration: the checkpoint does not know how wearers differ"
    if classifier.wearers.calibrated is not None:
        return "no calibration: the checkpoint is calibrated already"
    if wish.record is not None or any(sink.startswith("jsonl:") for sink in wish.sinks):
        return "no calibration beside --record or jsonl:, whose file would have to begin anew"
    return "" if wearer is None else "no calibration beside --wearer, whose file is about the checkpoint as it is"


def calibrated_folder(checkpoint: Path) -> Path:
    """Where a calibration on the way is put: in the folder the program was started in."""
    return Path.cwd() / f"{checkpoint.resolve().name}-calibrated"


def live_on(wish: Wish, classifier: Classifier, load: Load, busy: Busy) -> int:
    """Recognises live, and calibrates whenever that is asked for; see ``stream.live.live``.

    Where the stream is to end after some seconds, calibrating does not count among them.

    Args:
        wish: what a person asked for.
        classifier: of its checkpoint.
        load: makes a classifier of another checkpoint, for the same machine.
        busy: says what takes its time.

    Returns:
        The exit status.

    Raises:
        ValueError: as of ``live``; a calibration that fails is said, and the stream goes on as it was.
    """
    given, at_first = Path(wish.checkpoint), classifier
    while True:
        try:
            return live(wish, classifier)
        except Recalibrate as wanted:
            if wish.seconds is not None:
                spec = classifier.design.spec
                least_s = (spec.window + spec.hop) / spec.rate_hz
                wish = replace(wish, seconds=max(least_s, wish.seconds - wanted.passed_s))
            out = calibrated_folder(given)
            if _calibrated(replace(wish, checkpoint=str(given)), at_first, out, busy):
                classifier = load(out)
                wish = replace(wish, checkpoint=str(out))


def _calibrated(wish: Wish, classifier: Classifier, out: Path, busy: Busy) -> bool:
    """Whether a calibration came to something."""
    asked = calibrating.Wish(
        (wish.device,),
        Path(wish.checkpoint),
        out,
        wish.manner,
        patience_s=wish.patience_s,
        unit=wish.unit,
        rate_hz=wish.rate_hz,
    )
    try:
        with busy("loading what calibrates"):
            calibrating.check(asked)
        calibrating.conclude(asked, calibrating.calibrate(asked, classifier, busy))
    except ValueError as error:
        tell(f"note: not calibrated: {error}")
        return False
    return True
