"""Gestures as events: how many were noticed, named and held, how soon, and what was announced without one."""

from __future__ import annotations

from devices.events import EARLY_S, LATE_S
from devices.tally import Figures
from stream.report.contents import Run
from stream.report.markup import Markup, Numeral, figure, join, numerals, table, tag
from stream.report.occurred import Occurred

COUNTED = (
    "An event is a stretch of one gesture with rest around it. Its onset and its end are looked for in the filtered "
    "signal, near where the label changes, since a hand follows a schedule late or runs ahead of it; where no onset is "
    "found, there is no delay. An announcement is a decision that names a gesture which the one before it did not. It "
    f"belongs to an event from {EARLY_S:g} s before its onset to {LATE_S:g} s after its end, and detects it up to its "
    "end; one that belongs to no event is a false activation."
)

SHARES = {
    "detected": "anything was announced while the gesture lasted",
    "named": "the first announcement was the right gesture",
    "held": "the right gesture stood announced longer than any other",
}


def briefly(run: Run) -> list[Numeral]:
    """What of it belongs among the first figures of the page."""
    if run.occurred is None or not run.occurred.outcomes:
        return []
    one = run.occurred.figures
    found: list[Numeral] = [("gestures named", _share(one, "named"), "by the first announcement")]
    if one["delay_ms"] is not None:
        found.append(("delay", _delay(one, "delay_ms"), "from the muscle's onset, median"))
    return found


def events(run: Run) -> list[Markup]:
    """The figures, the table, and what counts."""
    found = run.occurred
    if found is None:
        return []
    terms = _told(found) if found.outcomes else []
    key = "false_per_minute" if found.outcomes else "distracted_per_minute"
    rate = found.figures[key]
    shown = figure(f"events.{key}", rate, "–" if rate is None else f"{rate:.1f} / min")
    terms.append(("false activations", shown, f"{found.false} announced in {found.idle_s:.0f} s without a gesture"))
    parts = [numerals(terms), *([_table(found)] if found.outcomes else [])]
    if found.cut:
        parts.append(tag("p", "A gesture that was still going on when it was interrupted is left out."))
    return [*parts, tag("p", COUNTED, class_="fine")]


def _told(found: Occurred) -> list[Numeral]:
    one = found.figures
    terms: list[Numeral] = [(key, _share(one, key), words) for key, words in SHARES.items()]
    if one["delay_ms"] is not None:
        late = tag("small", "90% within ", _delay(one, "delay_p90_ms"))
        words = f"from onset to the first right announcement, median of {one['timed']}"
        terms.append(("delay", join([_delay(one, "delay_ms"), late]), words))
    return terms


def _share(one: Figures, key: str) -> Markup:
    share, count = float(one[key] or 0), int(one["events"] or 0)
    return figure(f"events.{key}", share, f"{round(share * count)} of {count}")


def _delay(one: Figures, key: str) -> Markup:
    value = one[key]
    return figure(f"events.{key}", value, "–" if value is None else f"{value:.0f} ms")


def _table(found: Occurred) -> Markup:
    rows = [[name, *_cells(name, one)] for name, one in found.per_gesture.items()]
    head = ["gesture", "made", *SHARES, "wrong names", "delay, median", "delay, 90%"]
    return table("Events of each gesture", "How many were made, and of them; delays in milliseconds.", head, rows)


def _cells(name: str, one: Figures) -> list[str]:
    count = int(one["events"] or 0)
    shares = [f"{round(float(one[key] or 0) * count)}" for key in SHARES]
    wrong = round(float(one["wrong"] or 0) * count)
    delays = [
        figure(f"events.per_gesture.{name}.{key}", one[key], "–" if one[key] is None else f"{one[key]:.0f}")
        for key in ("delay_ms", "delay_p90_ms")
    ]
    return [str(count), *shares, str(wrong), *delays]
