"""Everything that a report says, as plain values: the summary of the run, events, and all that it was set to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from devices.recording import Recording
from dsp.flow import Samples
from models.classifier import Classifier
from stream.machinery import machine
from stream.play import Tally
from stream.report.columns import filtered
from stream.report.kept import Decisions
from stream.report.occurred import Occurred, occurred
from stream.summary import Setting, as_json

FORMAT = "myostream-report/1"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A replay that is over.

    Attributes:
        recording: that was replayed.
        signal: of it, as the recogniser saw it (``stream.report.columns.filtered``).
        classifier: through which.
        setting: for the head.
        tally: what was counted.
        made: the decisions.
        seen: samples that it came to.
        command: as it was typed; "" where nobody typed it.
        made_at: when the report was made, for people.
        occurred: by events; None where there are none to speak of.
    """

    recording: Recording
    signal: Samples
    classifier: Classifier
    setting: Setting
    tally: Tally
    made: Decisions
    seen: int
    command: str
    made_at: str
    occurred: Occurred | None

    @classmethod
    def of(
        cls,
        recording: Recording,
        classifier: Classifier,
        setting: Setting,
        tally: Tally,
        made: Decisions,
        *,
        command: str = "",
        made_at: str = "",
    ) -> Run:
        """A run from its parts; events are scored where there is a truth to judge by."""
        seen = tally.end if tally.interrupted else len(recording.samples)
        signal, found = filtered(recording, classifier.design), None
        if bool(np.any(made.truth >= 0)):
            found = occurred(recording, signal, made, classifier.labels, classifier.decision, seen)
        return cls(recording, signal, classifier, setting, tally, made, seen, command, made_at, found)

    @property
    def judged(self) -> bool:
        """Whether anything could be right or wrong."""
        return self.tally.score.counted > 0

    def seconds(self, samples: float) -> float:
        """So many samples in seconds."""
        return samples / self.setting.rate_hz

    def to_json(self) -> dict[str, Any]:
        """The content of ``report.json``: the summary as ``--json`` gives it, ``events``, and ``settings``."""
        return {
            "format": FORMAT,
            **as_json(self.setting, self.tally),
            "events": None if self.occurred is None else self.occurred.to_json(),
            "settings": settings(self.classifier),
            "person": self.recording.person,
            "session": self.recording.session,
            "machine": machine(),
            "version": _version(),
            "command": self.command,
            "made": self.made_at,
        }


def settings(classifier: Classifier) -> dict[str, Any]:
    """What a classifier is set to."""
    told = classifier.provenance
    return {
        "labels": list(classifier.labels),
        "dsp": classifier.design.spec.to_json(),
        "fingerprint": classifier.design.fingerprint,
        "decision": classifier.decision.to_json(),
        "members": [
            {"name": name, "weight": float(weight)}
            for name, weight in zip(classifier.member_names, classifier.weights, strict=True)
        ],
        "views": classifier.efforts[0].views,
        "adapts": classifier.adaptation is not None,
        "calibrated": classifier.wearers is not None and classifier.wearers.calibrated is not None,
        "trained_on": {key: told[key] for key in ("data", "people", "sessions", "date") if key in told},
    }


def numbers(values: Sequence[int]) -> str:
    """``1-4, 7``: whole numbers in ascending order as people write them."""
    found = sorted(set(values))
    parts: list[list[int]] = []
    for value in found:
        if parts and value == parts[-1][-1] + 1:
            parts[-1].append(value)
        else:
            parts.append([value])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _version() -> str:
    try:
        return version("myostream")
    except PackageNotFoundError:
        return ""
