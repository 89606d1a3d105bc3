"""The commands of ``python -m train`` besides the recipes: what is done with runs, and what makes data and labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dsp.storage import check_writable
from train import continuous, personal
from train import ensemble as ensembles
from train import evaluate as evaluation
from train import matrices as making
from train import predict as prediction
from train.changes import override
from train.corpus import load
from train.fit import check_out, use_threads
from train.matrices import by_task
from train.options import (
    CHANGES,
    DATA,
    Checkpoint,
    Data,
    Device,
    Json,
    People,
    Protocol,
    Resume,
    Sessions,
    Tested,
    Threads,
)
from train.progress import say
from train.recipe import load as load_recipe
from train.splits import chosen, parse_numbers


def make_ensemble(
    members: Annotated[
        list[Path], typer.Option("--members", help="Checkpoints or folders of runs, one after another.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    weights: Annotated[
        list[float] | None,
        typer.Option("--weights", help="One number for each member, in their order; equal if left out."),
    ] = None,
    fit_on: Annotated[
        str | None,
        typer.Option("--fit", help=f"Fit the weights on recordings instead. {DATA}", metavar="DIR|ZIP|sim:..."),
    ] = None,
    people: Annotated[
        str | None,
        typer.Option("--people", help="With --fit: whom to fit on; those whom all members set apart if left out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy checkpoints into one folder that votes: the mean of their probabilities by weight.

    Members may be of unlike families and read windows of unlike length and scale; labels and filters must be the same.

    Example: python -m train ensemble --members runs/standard runs/mixup --weights 0.45 0.55 --out runs/pair
    """
    if people is not None and fit_on is None:
        raise ValueError("--people says whom to fit weights on, and --fit is missing; add it, or leave --people out")
    result = ensembles.combine(members, weights, out, None if fit_on is None else (fit_on, chosen(people)))
    say(ensembles.say_members(out, result["members"]))
    if as_json:
        print(json.dumps(result))


def evaluate(
    checkpoint: Checkpoint,
    data: Data,
    protocol: Protocol,
    people: Tested = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for report.json and pictures.")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a checkpoint: windows, trials, macro-F1, per gesture and per person; or, in continuous use, events.

    Example: python -m train evaluate --checkpoint runs/pair --data synapse.zip --protocol unseen --people 17-20
    """
    if protocol in personal.PROTOCOLS:
        report = personal.evaluate(checkpoint, data, protocol, chosen(people), out=out, device=device)
        print(json.dumps(report) if as_json else personal.say_report(report))
        return
    if protocol in continuous.PROTOCOLS:
        report = continuous.evaluate(checkpoint, data, protocol, chosen(people), out=out, device=device)
        print(json.dumps(report) if as_json else continuous.say_report(report))
        return
    report = evaluation.evaluate(checkpoint, data, protocol, chosen(people), out=out, device=device)
    if as_json:
        print(json.dumps(report))
    else:
        print(evaluation.say_report(report))


def tune(
    checkpoint: Checkpoint,
    out: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint that decides better.")],
    data: Annotated[
        str | None, typer.Option("--data", help="Continuous recordings to tune on.", metavar="DIR|ZIP|sim:...")
    ] = None,
    people: People = None,
    sessions: Sessions = None,
    like: Annotated[
        Path | None, typer.Option("--like", help="Take the decision layer of this checkpoint instead of searching.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Choose temperature, threshold, debounce and release of a checkpoint by the events of continuous recordings.

    Example: python -m train tune --checkpoint runs/first --data myo-readings.zip --sessions 2 --out runs/tuned
    """
    from train import tune as tuning  # noqa: PLC0415 - a step that few take

    if like is not None and data is None:
        result = tuning.adopt(checkpoint, like, out)
    elif data is not None and like is None:
        result = tuning.tune(checkpoint, data, out, chosen(people), chosen(sessions, "sessions"), device=device)
    else:
        raise ValueError("give either --data, to search on, or --like, to take another checkpoint's decision layer")
    print(json.dumps(result) if as_json else tuning.say_result(result))


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Checkpoints, ensembles or folders of runs.", metavar="RUN ...")],
    data: Data,
    protocol: Protocol,
    people: Tested = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for reports and pictures.")] = None,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure several checkpoints side by side: accuracy, macro-F1, parameters, milliseconds for a live decision.

    Example: python -m train compare runs/tcn runs/net runs/pair --data synapse.zip --protocol new-day
    """
    from train import compare as comparison  # noqa: PLC0415 - loads the engines, which nothing else here needs

    use_threads(threads)
    result = comparison.compare(runs, data, protocol, chosen(people), out=out, device=device)
    if as_json:
        print(json.dumps(result))
    else:
        print(comparison.say_comparison(result))


def predict(
    data: Annotated[str, typer.Option("--data", help="A folder or zip of recordings in a known layout.")],
    checkpoints: Annotated[Path, typer.Option("--checkpoints", help="A checkpoint, an ensemble or a run's folder.")],
    output: Annotated[Path, typer.Option("--output", help="Folder for submission.csv and pictures.")],
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Answer every recording: submission.csv (id, label, confidence) and pictures.

    Example: python -m train predict --data synapse.zip --checkpoints runs/pair --output runs/submission
    """
    summary = prediction.predict(data, checkpoints, output, device=device)
    if as_json:
        print(json.dumps(summary))
    else:
        print(prediction.say_summary(summary))


def quantise(
    checkpoint: Checkpoint,
    data: Data,
    people: People = None,
    as_json: Json = False,
) -> None:
    """Round a checkpoint to eight bits, which is much faster on a CPU, and keep that beside it if decisions stay.

    Example: python -m train quantise --checkpoint models/checkpoints/synapse --data synapse.zip
    """
    from train import quantise as rounding  # noqa: PLC0415 - loads ONNX, which nothing else here needs

    result = rounding.quantise(checkpoint, data, chosen(people))
    if as_json:
        print(json.dumps(result))
    else:
        print(rounding.say_result(result))


def make_matrices(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    people: Annotated[str, typer.Option("--people", help="Simulated people, such as 1-24.")] = "1-24",
    size: Annotated[int, typer.Option("--size", min=8, max=2048, help="Rows and columns of a matrix.")] = 256,
) -> None:
    """Make Hilbert-Huang matrices of simulated movements, named as those that are handed around.

    Example: python -m train matrices --out hht --people 1-24
    """
    check_writable(out)
    count = making.make(out, parse_numbers(people), size)
    say(
        f"{count} matrices are in {out}; train with: python -m train hht_cnn --data {out} --task quality --out runs/hht"
    )


def fit_machine(
    encoder: Annotated[Path, typer.Option("--encoder", help="A run of hht_cnn, whose features are classified.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint.")],
    task: Annotated[str | None, typer.Option("--task", help="Of matrices: quality or gender.")] = None,
    people: People = None,
    cost: Annotated[float, typer.Option("--cost", help="C of the machine.")] = 10.0,
    as_json: Json = False,
) -> None:
    """Fit a support vector machine on the features of a trained encoder; the result streams as any checkpoint.

    Example: python -m train machine --encoder runs/quality --data hht --task gender --out runs/gender
    """
    from train import machine  # noqa: PLC0415 - loads scikit-learn, an extra

    check_out(out, resume=False)
    result = machine.fit_machine(encoder, by_task(load(data, chosen(people)), task), out, cost)
    say(f"{result['vectors']} support vectors of {result['windows']} windows are in {result['checkpoint']}")
    if as_json:
        print(json.dumps(result))


def refine_labels(
    name: Annotated[str, typer.Argument(help="A recipe.", metavar="RECIPE")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder for the folds, votes.csv and the run.")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="key=value", help=CHANGES)] = None,
    folds: Annotated[int, typer.Option("--folds", help="Groups of people, each answered by the others' network.")] = 4,
    share: Annotated[float, typer.Option("--share", help="Of the recordings whose label is replaced.")] = 0.1,
    people: People = None,
    sessions: Sessions = None,
    resume: Resume = False,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Train, replace the labels that are trusted least by out-of-fold answers, and train again.

    Example: python -m train refine se_resnet --data synapse.zip --people 1-16 --out runs/refined
    """
    from train import refine as refining  # noqa: PLC0415 - a step that few take

    use_threads(threads)
    recipe = override(load_recipe(name), changes or [])
    corpus = load(data, chosen(people), chosen(sessions, "sessions"), rate_hz=recipe.dsp.rate_hz)
    summary = refining.refine(
        name, recipe, changes or [], corpus, out, folds=folds, share=share, resume=resume, device=device
    )
    if as_json:
        print(json.dumps(summary))
