"""The delay that a person feels between a change of the muscle and the changed decision, and what would shorten it."""

from __future__ import annotations

import math

from rich.text import Text

BEST_S = (0.100, 0.125)
"""At which people control best: Farrell & Weir, "The optimal controller delay for myoelectric prostheses", IEEE Trans
Neural Syst Rehabil Eng 15(1):111-118, 2007."""

TOLERABLE_S = 0.3
"""The ceiling that is usually given (Hudgins, Parker & Scott, IEEE Trans Biomed Eng 40(1):82-94, 1993)."""

SHORT_WINDOW_S = 0.2
"""A window for whom speed is worth more than certainty."""

SHORT_HOP_S = 0.02
"""A hop below which little is gained."""

ROOM = 2.0
"""How many times a decision's processing must fit into a hop that is recommended."""


def controller_delay_s(window_s: float, hop_s: float, votes: int, processing_s: float) -> float:
    """Mean time from a change of the muscle to the changed decision: window/2 + votes/2 * hop + processing.

    After Farrell, "Determining delay created by multifunctional prosthesis controllers", J Rehabil Res Dev 48(6), 2011,
    for overlapping windows and a vote over the last ``votes`` of them.
    """
    return window_s / 2 + votes / 2 * hop_s + processing_s


def advice(window_s: float, hop_s: float, votes: int, processing_s: float, busy_s: float) -> list[str]:
    """What the delay means, and what would shorten it, a sentence each; every one changes one thing alone.

    Args:
        window_s: its length.
        hop_s: between two windows.
        votes: windows that a decision is smoothed over.
        processing_s: from the last sample to the decision.
        busy_s: what of that the machine computes, which has to fit into a hop; the rest is on the way.
    """
    delay_s = controller_delay_s(window_s, hop_s, votes, processing_s)
    if delay_s <= BEST_S[1]:
        return [f"people control best at {BEST_S[0] * 1e3:.0f}-{BEST_S[1] * 1e3:.0f} ms: this is as quick as is of use"]
    said = ["above" if delay_s > TOLERABLE_S else "below"]
    sentences = [
        f"people control best at {BEST_S[0] * 1e3:.0f}-{BEST_S[1] * 1e3:.0f} ms; this is {said[0]} the "
        f"{TOLERABLE_S * 1e3:.0f} ms that are usually called the ceiling"
    ]
    shorter_s = max(SHORT_HOP_S, math.ceil(ROOM * busy_s * 1e3) / 1e3)
    if hop_s > 1.25 * shorter_s:
        then_s = controller_delay_s(window_s, shorter_s, votes, processing_s)
        sentences.append(f"--hop-ms {shorter_s * 1e3:.0f} would make it {then_s * 1e3:.0f} ms")
    if votes > 1:
        then_s = controller_delay_s(window_s, hop_s, 1, processing_s)
        sentences.append(f"without the vote over {votes} windows it would be {then_s * 1e3:.0f} ms, and less steady")
    if window_s > 1.25 * SHORT_WINDOW_S:
        then_s = controller_delay_s(SHORT_WINDOW_S, hop_s, votes, processing_s)
        sentences.append(
            f"windows of {SHORT_WINDOW_S * 1e3:.0f} ms (train with dsp.window_ms={SHORT_WINDOW_S * 1e3:.0f}) would "
            f"make it {then_s * 1e3:.0f} ms, and less certain"
        )
    return sentences


def made_of(window_s: float, hop_s: float, votes: int, processing_s: float) -> Text:
    """The delay and what it is made of, for people, in one line."""
    text = Text("controller delay ")
    text.append(f"{controller_delay_s(window_s, hop_s, votes, processing_s) * 1e3:.0f} ms", "bold")
    text.append(
        f" = window {window_s * 1e3:.0f} / 2 + {votes} / 2 x hop {hop_s * 1e3:.0f} + processing "
        f"{processing_s * 1e3:.1f} (p50 of total)"
    )
    return text


def explained(window_s: float, hop_s: float, votes: int, processing_s: float, busy_s: float) -> Text:
    """The same, and the advice."""
    text = made_of(window_s, hop_s, votes, processing_s)
    for sentence in advice(window_s, hop_s, votes, processing_s, busy_s):
        text.append(f"\n  {sentence}")
    return text
