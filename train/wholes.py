"""The commands of ``python -m train`` that make, teach and measure whole recognisers, and not single members."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from train.ensemble import say_members
from train.fit import use_threads
from train.options import CHANGES, Checkpoint, Data, Device, Json, People, Sessions, Threads
from train.progress import say
from train.splits import chosen, say_numbers

Members = Annotated[list[str], typer.Option("--members", help="Recipes, one after another.")]
Weights = Annotated[list[float], typer.Option("--weights", help="Of their votes, in the same order.")]


def build_whole(
    members: Members,
    weights: Weights,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the ensemble; an older one there is replaced.")],
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Folder for the members' runs; OUT-runs if left out.")
    ] = None,
    changes: Annotated[list[str] | None, typer.Argument(metavar="key=value", help=CHANGES)] = None,
    people: People = None,
    sessions: Sessions = None,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Train recipes, join them, and let the whole learn how wearers differ: what is shipped, in one command.

    Example: python -m train build --members tangent se_resnet_mixup --weights 0.6 0.4 --data synapse.zip --out runs/new
    """
    from train import build as building  # noqa: PLC0415 - a step that few take

    use_threads(threads)
    plan = building.Plan(tuple(members), tuple(weights), tuple(changes or ()))
    place = runs or out.with_name(f"{out.name}-runs")
    result = building.build(plan, data, chosen(people), chosen(sessions, "sessions"), out, place, device=device)
    say(say_members(out, result["members"]))
    if as_json:
        print(json.dumps(result))


def measure_folds(
    members: Members,
    weights: Weights,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder for the folds and folds.json.")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="key=value", help=CHANGES)] = None,
    people: People = None,
    count: Annotated[
        int, typer.Option("--folds", help="Groups of people, each tested by who learnt from the rest.")
    ] = 5,
    seed: Annotated[int, typer.Option("--seed", help="Of who is tested together.")] = 0,
    only: Annotated[
        str | None, typer.Option("--only", help="Numbers of folds to do now, such as 1,3; the rest elsewhere.")
    ] = None,
    protocols: Annotated[
        list[str] | None,
        typer.Option(
            "--protocols",
            help="unseen, unseen-adaptive, calibrated-1, calibrated-2, which are done if this is left out; "
            "calibrated-1-adaptive, calibrated-2-adaptive, calibrated-3-short, "
            "calibrated-3-short-adaptive.",
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Build and measure by folds, so that everybody is a stranger once: means over people, with intervals.

    Example: python -m train folds --members tangent se_resnet_mixup --weights 0.6 0.4 --data synapse.zip --out runs/5
    """
    from train import folds as folding  # noqa: PLC0415 - a step that few take
    from train.build import Plan  # noqa: PLC0415 - the same

    use_threads(threads)
    plan = Plan(tuple(members), tuple(weights), tuple(changes or ()))
    some = chosen(only, "folds")
    asked = tuple(protocols or folding.PROTOCOLS)
    result = folding.folds(
        plan, data, chosen(people), out, count=count, seed=seed, only=some, protocols=asked, device=device
    )
    if result is not None:
        print(json.dumps(result) if as_json else folding.say_result(result))


def own(
    checkpoint: Checkpoint,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the person's own checkpoint.")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="key=value", help=CHANGES)] = None,
    people: Annotated[str | None, typer.Option("--people", help="Whose: one number, where there are several.")] = None,
    sessions: Sessions = None,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Train a checkpoint on with one person's recordings: minutes of them, for who has more than a calibration.

    Example: python -m train own --checkpoint models/checkpoints/myo --data my-recordings --out my-own
    """
    from train import own as owning  # noqa: PLC0415 - a step that few take

    use_threads(threads)
    some = chosen(sessions, "sessions")
    result = owning.own(checkpoint, data, out, chosen(people), some, changes or (), device=device)
    say(f"{out} is this wearer's own; use it with: python -m stream live DEVICE --checkpoint {out}")
    if as_json:
        print(json.dumps(result))


def wearers(
    checkpoint: Checkpoint,
    data: Data,
    people: Annotated[
        str | None, typer.Option("--people", help="Such as 1-16; those the checkpoint was trained on if left out.")
    ] = None,
    sessions: Annotated[str | None, typer.Option("--sessions", help="The same, such as 1-2.")] = None,
    as_json: Json = False,
) -> None:
    """Let a checkpoint learn how wearers differ, so that it can adapt to one (live --adapt) and be calibrated.

    Example: python -m train wearers --checkpoint runs/pair --data synapse.zip
    """
    from train import telling  # noqa: PLC0415 - a step that few take

    result = telling.teach(checkpoint, data, chosen(people), chosen(sessions, "sessions"))
    words = f"{checkpoint} knows how people {say_numbers(result['people'])} differ"
    if result["otherwise"]:
        words += f"; in {result['otherwise']:.0%} of their sittings the armband sat otherwise than in most"
    say(words)
    if as_json:
        print(json.dumps(result))
