"""From a few labelled repetitions to a checkpoint that knows the wearer.

The networks are trained on for a moment (``models.refit``), the gestures of this wearer are estimated from the features
that need no network (``models.population``), and both answer together. The repetitions are doubted first: what cannot
be right is refused with a reason. The checkpoint that was given stays as it is; what is written is another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from dsp.design import DspSpec
from dsp.storage import check_writable
from models import checkpoint as checkpoints
from models import folder
from models.card import ENSEMBLE
from models.ensemble import Ensemble, load_ensemble, save_ensemble
from models.evidence import sits
from models.examination import Examined, check_complete, examine
from models.listing import Listing, read_listing
from models.networks import Networks
from models.personal import own, personalise
from models.population import Population
from models.repetition import Doubt, Outcome, Repetition
from models.wearer import Wearers, known_wearers, read_wearers, write_wearers

USABLE = 0.4
"""Share of the way from chance to everything that must be recognised of what was kept apart."""

SURER = 1.15
"""By which the temperature of the decision layer is divided, since the mean of two opinions is less sure than either.
Of Myo readings, session 2, by networks that knew the same people from session 1, 1.3 is best; that makes strangers'
movements false alarms, so it is less (``train/LOG.md``)."""


def doubts(path: Path, repetitions: Sequence[Repetition]) -> list[Doubt]:
    """What speaks against each of a few repetitions, by itself and beside the others of its gesture.

    Raises:
        ValueError: the checkpoint cannot be used, or does not know how wearers differ.
    """
    listing, wearers = _known(path)
    return examine(wearers.population, listing.cards[0].labels, repetitions, partial=True).doubts


def calibrate(path: Path, repetitions: Sequence[Repetition], out: Path, source: str) -> Outcome:
    """Makes a checkpoint for one wearer; ``out`` appears whole or not at all.

    Args:
        path: of the checkpoint or ensemble to begin with.
        repetitions: at least one of each gesture.
        out: folder to make; another checkpoint there is replaced.
        source: what the repetitions are from, for the record.

    Raises:
        ValueError: there are gestures without a usable repetition, labels seem to be swapped, the result would be of no
            use, or the checkpoint or ``out`` cannot be used; says what to do.
    """
    began = perf_counter()
    listing, wearers = _known(path)
    check_out(out, listing.root)
    labels = listing.cards[0].labels
    population = wearers.population
    seen = examine(population, labels, repetitions)
    check_complete(population, labels, seen)
    ensemble = load_ensemble(path)
    before, (after, per_gesture), how = _held_out(ensemble, population, seen)
    _check_usable(after, per_gesture)
    personal = personalise(ensemble, population, labels, seen.used, seen.order)
    said = {
        "source": source,
        "repetitions": {label: sum(one.gesture == label for one in seen.used) for label in labels},
        "left_out": [doubt.reason for doubt in seen.doubts],
        "from": {"source": listing.source, "vote": listing.vote},
        "before": before,
        "after": after,
        "measured_on": how,
        "date": datetime.now(UTC).date().isoformat(),
    }
    calibrated = replace(personal.calibrated, said=said)
    provenance = {**listing.provenance, "calibrated": said}
    _write(out, listing, personal.ensemble, replace(wearers, calibrated=calibrated), provenance)
    return Outcome(
        before=before,
        after=after,
        measured_on=how,
        per_gesture=per_gesture,
        order=seen.order,
        left_out=tuple(seen.doubts),
        notes=tuple(_notes(before, after, seen.order)),
        seconds=perf_counter() - began,
    )


def check_out(out: Path, given: Path) -> None:
    """Refuses a folder that the result could not be put into.

    Raises:
        ValueError: it is, or lies in, the checkpoint that is to be calibrated, holds something else, or cannot be
            written.
    """
    if out.resolve() == given.resolve() or out.resolve().is_relative_to(given.resolve()):
        raise ValueError(f"{out} is the checkpoint that is to be calibrated, or inside it; give another --out")
    check_writable(out)
    if out.is_dir() and (out / ENSEMBLE).is_file():
        there = read_wearers(read_listing(out))
        if there is not None and there.calibrated is not None:
            return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is no calibrated checkpoint, so it is not overwritten; give another --out")


def _known(path: Path) -> tuple[Listing, Wearers]:
    listing = read_listing(path)
    wearers = known_wearers(listing, "it cannot be calibrated")
    if wearers.calibrated is not None:
        raise ValueError(f"{path} is calibrated for somebody already; begin with the checkpoint that it was made from")
    return listing, wearers


def _held_out(
    ensemble: Ensemble, population: Population, seen: Examined
) -> tuple[float, tuple[float, dict[str, float]], str]:
    """Recognised before, and after (with each gesture), on windows that this calibration did not see."""
    first, used = ensemble.members[0].checkpoint, seen.used
    labels = first.labels
    again = [label for label in labels if sum(one.gesture == label for one in used) > 1]
    if len(again) == len(labels):
        last = {label: max(n for n, one in enumerate(used) if one.gesture == label) for label in labels}
        kept = [one for n, one in enumerate(used) if n not in last.values()]
        asked = [used[n] for n in last.values()]
        how = "the last repetition of each gesture, calibrated on the others"
    else:
        kept, asked = map(list, zip(*(_halves(one, first.design.spec) for one in used), strict=True))
        how = "the second half of each repetition, calibrated on the first: flattering, since it is the same repetition"
    windows = np.concatenate([one.windows for one in asked])
    truth = np.concatenate([np.full(len(one.windows), labels.index(one.gesture)) for one in asked])
    cold = Networks(ensemble, torch.device("cpu"), views=False).batch(windows).argmax(1)
    personal = personalise(ensemble, population, labels, kept, seen.order)
    hits = personal.answers(windows, views=False).argmax(1) == truth
    per_gesture = {label: float(hits[truth == k].mean()) for k, label in enumerate(labels)}
    return float((cold == truth).mean()), (float(hits.mean()), per_gesture), how


def _check_usable(after: float, per_gesture: Mapping[str, float]) -> None:
    chance = 1 / len(per_gesture)
    if after < chance + USABLE * (1 - chance):
        worst = min(per_gesture, key=lambda label: per_gesture[label])
        raise ValueError(
            f"calibrated on these repetitions it recognises {100 * after:.0f} % of what was kept apart, which is of no "
            f"use, least of all {worst} ({100 * per_gesture[worst]:.0f} %); check the electrodes and calibrate again, "
            "each gesture clearly and under its own name"
        )


def _halves(one: Repetition, spec: DspSpec) -> tuple[Repetition, Repetition]:
    """The beginning and the end of a repetition, without a sample in common where it is long enough for that."""
    count = len(one.windows)
    first = max(1, count // 2)
    second = min(first - 1 + max(1, -(-spec.window // spec.hop)), count - 1)
    return one._replace(windows=one.windows[:first]), one._replace(windows=one.windows[second:])


def _notes(before: float, after: float, order: tuple[int, ...] | None) -> list[str]:
    notes = []
    if order is not None:
        taken = " ".join(str(channel + 1) for channel in order)
        notes.append(
            f"the armband sits {sits(order)}, which is undone in the stream: it takes the channels in the order {taken}"
        )
    if after < before:
        notes.append(
            "it recognised more before: check that each gesture was shown as it was called, and calibrate again"
        )
    return notes


def _write(out: Path, listing: Listing, ensemble: Ensemble, wearers: Wearers, provenance: Mapping[str, Any]) -> None:
    earlier = [path.name for path in out.iterdir()] if out.exists() else []
    with folder.replacing(out, earlier) as fresh:
        names = []
        for place, (member, card) in enumerate(zip(ensemble.members, listing.cards, strict=True)):
            name = card.name if len(listing.cards) > 1 else f"network{place}"
            stated = checkpoints.load(card.path)[0]
            surer = replace(stated.decision, temperature=stated.decision.temperature / SURER)
            stated = replace(stated, decision=surer)
            checkpoints.save(fresh / name, stated, member.module, own(member, member.golden.windows))
            names.append((name, member.weight))
        save_ensemble(fresh, names, provenance)
        write_wearers(fresh, read_listing(fresh), wearers)
