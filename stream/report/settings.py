"""What a run was set to, in words: signal processing, recogniser, decision layer, adaptation, versions, command."""

from __future__ import annotations

from stream import wearing
from stream.report.contents import Run, numbers
from stream.report.contents import settings as settings_of
from stream.report.markup import Markup, join, tag


def settings(run: Run) -> Markup:
    """A list of terms."""
    pairs = [*_signal(run), *_recogniser(run), *_decision(run), *_around(run)]
    return tag("dl", *(tag("div", tag("dt", term), tag("dd", told)) for term, told in pairs), class_="settings")


def _signal(run: Run) -> list[tuple[str, str]]:
    spec = run.classifier.design.spec
    band = spec.effective_band_hz
    notch = "none"
    if spec.notch_hz is not None:
        notch = f"{spec.notch_hz:g} Hz and its harmonics, {spec.notch_harmonics} at most, Q {spec.notch_q:g}"
    return [
        ("Stream", f"{spec.channels} channels at {spec.rate_hz:g} Hz: {', '.join(run.setting.channels)}"),
        ("Band", "none" if band is None else f"{band[0]:g} to {band[1]:g} Hz, order {spec.order}"),
        ("Notch", notch),
        ("Window", f"{spec.window} samples, {1e3 * spec.window / spec.rate_hz:.4g} ms"),
        ("Hop", f"{spec.hop} samples, {1e3 * spec.hop / spec.rate_hz:.4g} ms between decisions"),
        ("Fingerprint", run.classifier.design.fingerprint),
    ]


def _recogniser(run: Run) -> list[tuple[str, str]]:
    known = settings_of(run.classifier)
    members = ", ".join(
        f"{one['name']} ({one['weight']:.0%})" if len(known["members"]) > 1 else one["name"] for one in known["members"]
    )
    views = "1, the window itself" if known["views"] == 1 else f"{known['views']} of each window, averaged"
    trained = known["trained_on"]
    data = trained.get("data", [])
    told = ", ".join(data) if isinstance(data, list) else str(data)
    for what in ("people", "sessions"):
        if values := trained.get(what):
            told += f", {what} {numbers(values)}"
    pairs = [
        ("Checkpoint", run.setting.checkpoint),
        ("Gestures", ", ".join(run.classifier.labels)),
        ("Engine", f"{run.setting.engine} on {run.setting.device}"),
        ("Members", members),
        ("Views", views),
    ]
    return [*pairs, *([("Trained on", told)] if told else [])]


def _decision(run: Run) -> list[tuple[str, str]]:
    layer = run.classifier.decision
    parts = [
        f"mean of {layer.smoothing} windows" if layer.smoothing > 1 else "no smoothing",
        f"abstains below {layer.threshold:g}" if layer.threshold else "never abstains",
        f"hysteresis {layer.hysteresis:g}" if layer.hysteresis else "no hysteresis",
        f"temperature {layer.temperature:g}",
        f"announced after {layer.debounce_ms:g} ms, let go of after {layer.release_ms:g} ms"
        if layer.patient
        else "announced at once",
    ]
    if layer.rest in run.classifier.labels:
        parts.append(f"{layer.rest!r} is no gesture")
    adaptation = run.tally.adaptation
    pairs = [("Decision layer", "; ".join(parts))]
    known = settings_of(run.classifier)
    pairs.append(("Adaptation", "off" if adaptation is None else wearing.in_words(adaptation).strip()))
    if known["calibrated"]:
        pairs.append(("Calibrated", "for one wearer"))
    return pairs


def _around(run: Run) -> list[tuple[str, str]]:
    values = run.to_json()
    machine = dict(values["machine"])
    on = f"{machine.pop('processor')}, {machine.pop('system')}"
    versions = [f"myostream {values['version']}"] if values["version"] else []
    versions += [f"{name} {found}" for name, found in machine.items()]
    speed = "as fast as possible" if not run.setting.speed else f"{run.setting.speed:g} times real time"
    speed = "real time" if run.setting.speed == 1 else speed
    pairs: list[tuple[str, str]] = [("Speed", speed), ("Machine", on), ("Versions", ", ".join(versions))]
    if run.command:
        pairs.append(("Command", join([tag("code", run.command)])))
    return pairs
