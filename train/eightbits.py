"""Which convolutions of a checkpoint can be rounded to eight bits, and what that does to its decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from models.engines import kept, rounding
from models.engines.rounding import Convolution, Range
from models.engines.rows import Rows, mean_over_views
from models.engines.vote import Vote
from models.listing import Listing
from models.loading import efforts
from train.progress import progress, say

AIM = 0.998
"""Agreement with float32 that the selection goes for: above what is required, since other people follow."""


class Rounding:
    """The float32 models of a checkpoint, and what is known of their tensors.

    Args:
        listing: of the checkpoint.
        models: one for each member.
        windows: ``(n, N, C)``, by which ranges are chosen and each convolution's sensitivity is measured.
    """

    def __init__(self, listing: Listing, models: Sequence[ModelProto], windows: NDArray[np.float32]) -> None:
        self._listing, self._models = listing, models
        self._everything = efforts(listing)[0]
        self._convolutions = [rounding.convolutions(model) for model in models]
        self._ranges: list[Mapping[str, Range]] = []
        self._sensitivity: list[tuple[float, int, Convolution]] = []
        total = sum(len(found) for found in self._convolutions)
        with progress("measuring what rounding does", total + len(models)) as advance:
            for member, found in enumerate(self._convolutions):
                rows = self._rows(member, windows)
                tensors = {name for one in found for name in (one.entry, one.exit)}
                self._ranges.append(rounding.ranges(models[member], rows, tensors))
                advance(1, "")
                before = self._soft(models[member], rows)
                for one in found:
                    after = self._soft(rounding.rounded(models[member], [one], self._ranges[member]), rows)
                    self._sensitivity.append((float(np.abs(after - before).mean()) / one.work, member, one))
                    advance(1, "")

    @property
    def convolutions(self) -> int:
        """How many could be rounded."""
        return len(self._sensitivity)

    def select(self, windows: NDArray[np.float32]) -> tuple[list[ModelProto], list[str]]:
        """Rounds everything, then gives back what costs most for its work, until the decisions are what they were.

        Returns:
            The models, and names of the convolutions that stay in float32, ``member/name``.
        """
        expected = self._answers(self._models, windows).argmax(1)
        worst_first = sorted(self._sensitivity, key=lambda found: -found[0])
        for count in range(len(worst_first) + 1):
            left = {(member, one.name) for _, member, one in worst_first[:count]}
            made = self._rounded(left)
            agreement = float((self._answers(made, windows).argmax(1) == expected).mean())
            say(f"{len(worst_first) - count} of {len(worst_first)} convolutions in eight bits: {agreement:.2%} agree")
            if agreement >= AIM:
                break
        names = [f"{self._listing.cards[member].name}/{name}" for member, name in sorted(left)]
        return made, names

    def verify(
        self, made: Sequence[ModelProto], windows: NDArray[np.float32], truth: NDArray[np.int64]
    ) -> dict[str, Any]:
        """How the rounded models decide, beside the float32 ones."""
        before, after = (self._answers(models, windows) for models in (self._models, made))
        one, other = before.argmax(1), after.argmax(1)
        return {
            "windows": len(windows),
            "agreement": float((one == other).mean()),
            "accuracy_float32": float((one == truth).mean()),
            "accuracy": float((other == truth).mean()),
            "loss": float((one == truth).mean() - (other == truth).mean()),
            "mean_change": float(np.abs(before - after).mean()),
        }

    def golden(self, made: Sequence[ModelProto]) -> list[list[list[float]]]:
        """Logits of each member's golden windows, by which another machine can tell that it computes the same."""
        answers = []
        for model, card in zip(made, self._listing.cards, strict=True):
            rows = np.ascontiguousarray(card.golden().windows.transpose(0, 2, 1))
            answers.append([[round(float(value), 4) for value in row] for row in _run(rounding.session(model), rows)])
        return answers

    def _rounded(self, left: set[tuple[int, str]]) -> list[ModelProto]:
        return [
            rounding.slimmed(rounding.rounded(model, [one for one in found if (member, one.name) not in left], known))
            for member, (model, found, known) in enumerate(
                zip(self._models, self._convolutions, self._ranges, strict=True)
            )
        ]

    def _answers(self, models: Sequence[ModelProto], windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(B, K)`` probabilities of the whole ensemble."""
        sessions = [rounding.session(model) for model in models]
        vote = Vote(self._listing, lambda member, rows: _run(sessions[member], rows), kept.INT8)
        return vote.batch(windows, self._everything)

    def _rows(self, member: int, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        spec, views = self._listing.cards[member].design.spec, self._listing.cards[member].views
        rows = Rows(views, len(windows), spec.channels, spec.window)
        rows.fill(windows)
        return rows.of(rows.count)

    def _soft(self, model: ModelProto, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return mean_over_views(_run(rounding.session(model), rows), len(rows))


def _run(session: Any, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits, a few rows at a time."""
    parts = [session.run(None, {"rows": rows[at : at + 40]})[0] for at in range(0, len(rows), 40)]
    return np.concatenate(parts)
