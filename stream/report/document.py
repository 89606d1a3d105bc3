"""The page: one HTML file that needs nothing besides itself."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from stream.delay import controller_delay_s, made_of
from stream.report.contents import Run
from stream.report.happenings import briefly, events
from stream.report.markup import Markup, Numeral, figure, numerals, tag
from stream.report.settings import settings
from stream.report.strokes import lasted
from stream.report.tables import confusion, contact, gestures, percent, touched
from stream.report.timeline import Timeline
from stream.report.times import latency
from stream.summary import in_time
from stream.trouble import contact_in_words, in_number, in_words

HERE = Path(__file__).parent


def document(run: Run) -> str:
    """The whole page."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    script = (HERE / "page.js").read_text(encoding="utf-8")
    title = Path(run.setting.source).name
    seen = Timeline(run) if run.seen else None
    sections = [_happened(seen), *_scores(run), *_events(run), *_latency(run), _lost(run), _settings(run)]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        _policy(script),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · myostream"),
        tag("link", rel="icon", href="data:,"),
        Markup(f"<style>{style}</style>"),
    )
    foot = tag("footer", tag("p", f"myostream {run.to_json()['version']} · {run.made_at}".strip(" ·")))
    main = tag("main", _header(run, title), _numbers(run), *sections)
    data = [] if seen is None else [seen.data(), Markup(f"<script>{script}</script>")]
    return "<!doctype html>\n" + tag("html", head, tag("body", main, foot, *data), lang="en") + "\n"


def _policy(script: str) -> Markup:
    """Nothing is fetched, and no script runs but our own."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    allowed = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    return tag("meta", http_equiv="Content-Security-Policy", content=allowed)


def _header(run: Run, title: str) -> Markup:
    setting = run.setting
    speed = "as fast as possible" if not setting.speed else f"at {setting.speed:g} times real time"
    if setting.speed == 1:
        speed = "in real time"
    wearer = [("person", run.recording.person), ("session", run.recording.session)]
    who = "" if setting.simulated else "".join(f", {what} {number}" for what, number in wearer if number)
    lede = (
        f"{lasted(run.seconds(run.seen))} of {len(setting.channels)} channels at {setting.rate_hz:g} Hz"
        f"{', simulated' if setting.simulated else ''}{who}, "
        f"replayed {speed} through "
    )
    told = [tag("b", Path(setting.checkpoint).name), f" ({setting.engine} on {setting.device})."]
    notes = [tag("p", words, class_="note") for words in _notes(run)]
    return tag("header", tag("h1", title), tag("p", lede, *told, class_="lede"), *notes)


def _notes(run: Run) -> list[str]:
    said = []
    if run.tally.interrupted:
        whole = run.seconds(len(run.recording.samples))
        said.append(f"Interrupted: the first {lasted(run.seconds(run.seen))} of {lasted(whole)} are reported.")
    if not run.judged:
        said.append(
            "Nothing says what was really shown, so nothing here is right or wrong: scores, confusion and events are "
            "left out. A labelled recording has them."
        )
    if run.judged and (words := _acquainted(run)):
        said.append(words)
    return said


def _acquainted(run: Run) -> str:
    """What has to be said where the checkpoint was trained on this person, as far as numbers tell; else ""."""
    told, recording = run.classifier.provenance, run.recording
    numbers = {str(person) for person in told.get("people", ())}
    if run.setting.simulated != bool(told.get("simulated")) or recording.person.removeprefix("sim") not in numbers:
        return ""
    words = f"The checkpoint was trained on a person of the same number ({recording.person})"
    if recording.session and recording.session not in {str(session) for session in told.get("sessions", ())}:
        return f"{words}, in other sessions than this one."
    return f"{words}. If it is this one, the scores flatter it."


def _numbers(run: Run) -> Markup:
    tally = run.tally
    found: list[Numeral] = []
    if tally.score.accuracy is not None:
        of = f"of {tally.score.counted:,} decisions"
        found.append(("right", figure("accuracy", tally.score.accuracy, percent(tally.score.accuracy)), of))
    else:
        found.append(("decisions", figure("decisions", tally.decisions, f"{tally.decisions:,}"), "none judged"))
    found += briefly(run)
    total = tally.stages.total
    if total.count:
        p99 = 1e3 * total.quantile(0.99)
        what = "last sample to decision, p99" if tally.pace else "to compute a decision, p99"
        found.append(("latency", figure("latency_ms.p99", round(p99, 3), f"{p99:.3g} ms"), what))
    lost = figure("dropped", tally.dropped(), f"{tally.dropped():,}")
    found.append(("samples lost", lost, f"of {run.seen:,}"))
    return numerals(found)


def _section(title: str, *inside: str) -> Markup:
    return tag("section", tag("h2", title), *inside)


def _happened(seen: Timeline | None) -> Markup:
    if seen is None:
        return _section("What happened", tag("p", "Nothing: it was interrupted before the first decision."))
    return _section("What happened", seen.html())


def _scores(run: Run) -> list[Markup]:
    if not run.judged:
        return []
    score = run.tally.score
    pair = tag("div", confusion(score), gestures(score), class_="pair")
    return [_section("Right and wrong", pair)]


def _events(run: Run) -> list[Markup]:
    return [] if run.occurred is None else [_section("Gestures as events", *events(run))]


def _latency(run: Run) -> list[Markup]:
    if not run.tally.stages.total.count:
        return []
    parts: list[str] = [latency(run)]
    if run.tally.pace is None:
        parts.append(
            tag(
                "p",
                "Replayed as fast as possible, a recording has no clock: no sample waits for its time, so there is no "
                "leg from the device, no deadline and no delay that a person would feel. What is left is what the "
                "machine computes.",
            )
        )
    else:
        window_s, hop_s, votes, processing_s = run.setting.delay_of(run.tally)
        delay_ms = round(1e3 * controller_delay_s(window_s, hop_s, votes, processing_s), 3)
        words = made_of(window_s, hop_s, votes, processing_s).plain
        parts.append(tag("p", figure("controller_delay_ms", delay_ms, words[0].upper() + words[1:]), "."))
        if said := in_time(run.tally).lstrip(", "):
            parts.append(tag("p", said[0].upper() + said[1:].replace("\n", "; "), "."))
    return [_section("Latency", *parts)]


def _lost(run: Run) -> Markup:
    tally, integrity = run.tally, run.tally.integrity
    said = []
    if integrity is not None and (words := in_words(integrity)):
        said.append(words)
    if tally.pipeline is not None and tally.pipeline.marred:
        held = in_number(tally.pipeline.marred, "window")
        said.append(f"{held} held bridged samples and got no decision")
    if integrity is not None and (words := contact_in_words(integrity, run.setting.channels)):
        said.append(f"contact: {words}")
    if not said:
        said = ["nothing: no sample is missing, and no channel was flat or at the end of its range"]
    parts: list[str] = [tag("p", *(f"{words[0].upper()}{words[1:]}. " for words in said))]
    if touched(run):
        parts.append(contact(run))
    return _section("What was lost", *parts)


def _settings(run: Run) -> Markup:
    return _section("Settings", settings(run))
