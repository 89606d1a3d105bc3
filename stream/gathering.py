"""Where the repetitions of a calibration come from: a person who is led through them, or recordings."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devices.address import names_device
from devices.files import load
from devices.guiding.obeying import obeying
from devices.guiding.prompt import Prompt
from devices.guiding.prompts import Shows, showing
from devices.guiding.quality import LEAST_S
from devices.guiding.script import REACTION_S
from devices.keys import Keys
from devices.opening import open_source
from devices.replay import Replay
from devices.watched import Watched
from dsp.complaints import tell
from dsp.pipeline import Pipeline
from dsp.ring import Ring
from models.classifier import Classifier
from stream.acquire import Acquisition, straight
from stream.guide import REST, DoubtIn, Guide, Plan, planned
from stream.listening import Listening
from stream.loop import check_match
from stream.play import warm_up
from stream.present import Manner
from stream.taking import AT_LEAST, Takings, follow

RING_S = 30.0
"""How long the computing may look at the repetitions before samples are dropped."""

ROUNDS, HOLD_S, REST_S = 3, 2.0, 1.2
"""Of a guided calibration where nobody says otherwise: repetitions, seconds of each, and of the rest before it.

Hands do not repeat a gesture exactly, so three short repetitions show more of it than a long one (``train/LOG.md``).
"""

LEAST_REST_S = 1.0
"""Of a rest: the time to react, and enough to compare a gesture with."""

MOST = 3
"""Repetitions of each gesture that are taken of recordings, where nobody says how many."""

CHUNK_MS = 50.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for.

    Attributes:
        sources: one DEVICE string, or recordings.
        checkpoint: that is calibrated.
        out: where the result goes.
        manner: of what is written to stdout.
        repetitions: of each gesture; None is ``ROUNDS`` from a device, and of recordings up to ``MOST``.
        hold_s: seconds of each gesture, where it is prompted for; None is ``HOLD_S``, or more where windows are long.
        rest_s: seconds of rest before each; None is ``REST_S``, or more likewise.
        seed: of the order.
        patience_s: how long a device that went away is waited for.
        unit: of a file that does not say it.
        rate_hz: of a file that does not say it.
    """

    sources: tuple[str, ...]
    checkpoint: Path
    out: Path
    manner: Manner
    repetitions: int | None = None
    hold_s: float | None = None
    rest_s: float | None = None
    seed: int = 0
    patience_s: float = 4.0
    unit: str | None = None
    rate_hz: float | None = None

    @property
    def device(self) -> bool:
        """Somebody is to make the gestures now."""
        return names_device(Path(self.sources[0]))


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken, and from where.

    Attributes:
        source: its name, for people and for the provenance.
        simulated: no human arm was involved.
        takings: see there.
    """

    source: str
    simulated: bool
    takings: Takings


def from_recordings(wish: Wish, classifier: Classifier) -> Taken:
    """Cuts labelled recordings into repetitions.

    Raises:
        ValueError: one cannot be read, does not fit the checkpoint, or shows none of its gestures; or a gesture is
            shown by none of them.
    """
    takings = _takings(classifier, wish.repetitions or MOST)
    names, simulated = [], False
    for path in wish.sources:
        recording = load(path, rate_hz=wish.rate_hz, unit=wish.unit)
        check_match(recording.info, classifier.design.spec)
        _note_strangers(recording.info.name, recording.names, classifier)
        source = Watched(Replay(recording, None, CHUNK_MS))
        follow(straight(source), source.info, source.label, Pipeline(classifier.design), takings)
        names.append(recording.info.name)
        simulated |= recording.simulated
    for gesture, reason in takings.refused:
        tell(f"note: a repetition of {gesture} is left out: {reason}")
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    takings.check(name)
    return Taken(name, simulated, takings)


def from_device(wish: Wish, classifier: Classifier, doubts: DoubtIn) -> Taken:
    """Leads through the gestures in front of a device; a simulated person does as it is told.

    Args:
        wish: with one source.
        classifier: loaded, for its labels and its signal processing.
        doubts: looks at all repetitions together.

    Raises:
        ValueError: the device cannot be opened or is gone, does not fit the checkpoint, a gesture was no good in
            several tries, or a key ended it; nothing was written.
    """
    spec = classifier.design.spec
    plan = _plan(wish, classifier)
    pipeline = warm_up(classifier)
    (device,) = wish.sources
    source = open_source(
        device, rate_hz=spec.rate_hz, unit=wish.unit, file_rate_hz=wish.rate_hz, patience_s=wish.patience_s
    )
    with closing(source), ExitStack() as stack:
        check_match(source.info, spec)
        takings = _takings(classifier, None)
        ask = obeying(source, plan.order, "this checkpoint")
        ask(REST)  # before another thread reads it
        show, keys = stack.enter_context(_shown(wish.manner))
        title = f"calibrating {wish.checkpoint.name}"
        prompt = Prompt(source.info.name, title, "rest", channels=source.info.channels, keys=keys)
        ring = Ring(len(source.info.channels), round(RING_S * spec.rate_hz))
        guide = Guide(source, ring, Listening(pipeline), takings, show, prompt, ask)
        stack.enter_context(Acquisition(source, ring))
        guide.run(plan, doubts)
    takings.check(source.info.name)
    return Taken(source.info.name, source.simulated, takings)


def _takings(classifier: Classifier, most: int | None) -> Takings:
    settings = classifier.decision
    return Takings(classifier.labels, settings.rest if settings.rest in classifier.labels else "", most)


def _plan(wish: Wish, classifier: Classifier) -> Plan:
    """What is asked for.

    Raises:
        ValueError: it is too short to be of use.
    """
    spec = classifier.design.spec
    windows_s = (spec.window + AT_LEAST * spec.hop) / spec.rate_hz
    rest = _takings(classifier, None).rest
    least_rest_s = max(LEAST_REST_S, REACTION_S + windows_s if rest else 0.0)
    hold_s = _seconds("--hold", wish.hold_s, HOLD_S, REACTION_S + max(LEAST_S, windows_s))
    rest_s = _seconds("--rest", wish.rest_s, REST_S, least_rest_s)
    gestures = [label for label in classifier.labels if label != rest]
    return planned(gestures, wish.repetitions or ROUNDS, hold_s, rest_s, wish.seed)


def _seconds(name: str, asked_s: float | None, usual_s: float, least_s: float) -> float:
    if asked_s is None:
        return max(usual_s, least_s)
    if not asked_s >= least_s:
        raise ValueError(f"{name} is {asked_s:g} s; with this checkpoint give at least {least_s:g}")
    return asked_s


def _lines(manner: Manner) -> IO[str] | None:
    """Where lines go: not among the JSON, and nowhere if there is a screen."""
    return {Manner.VIEW: None, Manner.PLAIN: sys.stdout, Manner.JSON: sys.stderr}[manner]


@contextmanager
def _shown(manner: Manner) -> Iterator[tuple[Shows, str]]:
    """What shows the prompts, and the keys that it hears meanwhile, for people: on a screen, one ends it.

    Without it, what is typed would be kept for whoever reads the terminal afterwards.
    """
    with showing(_lines(manner)) as show:
        if manner is not Manner.VIEW:
            yield show, ""
            return
        with Keys() as keys:

            def showing_and_hearing(prompt: Prompt) -> None:
                while key := keys.take():
                    if key.lower() in {"q", "\x1b"}:
                        raise ValueError("a key ended it before every gesture was taken; nothing was written")
                show(prompt)

            yield showing_and_hearing, "q ends it here" if keys.there else ""


def _note_strangers(name: str, names: Sequence[str], classifier: Classifier) -> None:
    if not names:
        raise ValueError(f"{name!r} carries no labels; calibrate on a recording that does, or on a device")
    if not set(names) & set(classifier.labels):
        raise ValueError(
            f"{name!r} shows {', '.join(names)}, of which this checkpoint knows none (it knows "
            f"{', '.join(classifier.labels)}); give the recordings the names that the checkpoint uses"
        )
