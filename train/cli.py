"""``python -m train``: recipes, evaluation, prediction."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from typer.core import TyperGroup

from dsp.complaints import start
from dsp.storage import check_writable
from train import ensemble as ensembles
from train import evaluate as evaluation
from train import matrices
from train import predict as prediction
from train.corpus import load
from train.fit import check_out, device_of, fit
from train.matrices import adapted, by_task
from train.parallel import called_by_torchrun
from train.progress import say
from train.recipe import describe, names, override, settings, wanted_data
from train.recipe import load as load_recipe
from train.splits import parse_numbers
from train.votes import voted

DATA = "A folder or zip of recordings in a known layout, or simulated people: sim:people=1-24,sessions=1-2."
CHANGES = (
    "Parts of the recipe to change: epochs=2 seed=1 model.widths=16,32 dsp.hop_ms=20 augment.mixup=0.4; "
    "an unknown key gets the list of the known ones."
)

Data = Annotated[str, typer.Option("--data", help=DATA, metavar="DIR|ZIP|sim:...")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Json = Annotated[bool, typer.Option("--json", help="End with one line of JSON on stdout.")]
People = Annotated[str | None, typer.Option("--people", help="Such as 17-20 or 3,7,21-25; all if left out.")]


class Commands(TyperGroup):
    """The commands, and every recipe as a command of its own."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name.

        Raises:
            ValueError: there is none.
        """
        command = super().get_command(ctx, cmd_name)
        if command is None:
            others = [name for name in self.list_commands(ctx) if name not in names()]
            raise ValueError(
                f"{cmd_name!r} is no recipe; known are {', '.join(names())} (and the commands {', '.join(others)})"
            )
        if cmd_name in names() and not command.epilog:
            command.epilog = _as_it_stands(cmd_name)
        return command


def _as_it_stands(name: str) -> str:
    """An example and every setting, made when a recipe is asked for: some families take seconds to load."""
    text = f"Example: python -m train {name} --data synapse.zip --people 1-16 --out runs/{name} epochs=8"
    try:
        return f"{text}\n\nThe recipe as it stands: {' '.join(settings(load_recipe(name)))}"
    except ValueError as error:  # what its family needs is not installed
        return f"{text}\n\n{error}"


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train recognisers of hand gestures from recordings, and measure them.",
)


@app.command("list")
def list_recipes(as_json: Json = False) -> None:
    """Name the recipes, with a line about each and the data it wants."""
    known = {
        name: {"what": describe(name).partition("\n")[0], "data": wanted_data(name).replace("``", "")}
        for name in names()
    }
    if as_json:
        print(json.dumps(known))
        return
    width = max(len(name) for name in known)
    for name, said in known.items():
        print(f"{name:{width}}  {said['what']}\n{'':{width}}  data: {said['data']}")


@app.command("ensemble")
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

    Example: python -m train ensemble --members runs/standard runs/mixup --weights 0.45 0.55 --out runs/pair
    """
    if people is not None and fit_on is None:
        raise ValueError("--people says whom to fit weights on, and --fit is missing; add it, or leave --people out")
    chosen = None if people is None else parse_numbers(people)
    result = ensembles.combine(members, weights, out, None if fit_on is None else (fit_on, chosen))
    say(f"{out} holds {', '.join(f'{name} ({weight:.3g})' for name, weight in result['members'].items())}")
    if as_json:
        print(json.dumps(result))


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Option("--checkpoint", help="A checkpoint, an ensemble or the folder of a run.")],
    data: Data,
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            help="unseen (people 17-20 unless --people says others) or new-day (session 3).",
        ),
    ],
    people: Annotated[
        str | None, typer.Option("--people", help="Such as 17-20 or 3,7,21-25; the protocol's own if left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for report.json and pictures.")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a checkpoint: windows, trials, macro-F1, per gesture and per person.

    Example: python -m train evaluate --checkpoint runs/pair --data synapse.zip --protocol unseen --people 17-20
    """
    chosen = None if people is None else parse_numbers(people)
    report = evaluation.evaluate(checkpoint, data, protocol, chosen, out=out, device=device)
    if as_json:
        print(json.dumps(report))
    else:
        print(evaluation.say_report(report))


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Checkpoints, ensembles or folders of runs.", metavar="RUN ...")],
    data: Data,
    protocol: Annotated[str, typer.Option("--protocol", help="unseen or new-day.")],
    people: Annotated[
        str | None, typer.Option("--people", help="Such as 17-20 or 3,7,21-25; the protocol's own if left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for reports and pictures.")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure several checkpoints side by side: accuracy, macro-F1, parameters, milliseconds for a live decision.

    Example: python -m train compare runs/tcn runs/net runs/pair --data synapse.zip --protocol new-day
    """
    from train import compare as comparison  # noqa: PLC0415 - loads the engines, which nothing else here needs

    chosen = None if people is None else parse_numbers(people)
    result = comparison.compare(runs, data, protocol, chosen, out=out, device=device)
    if as_json:
        print(json.dumps(result))
    else:
        print(comparison.say_comparison(result))


@app.command()
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


@app.command()
def quantise(
    checkpoint: Annotated[Path, typer.Option("--checkpoint", help="A checkpoint, an ensemble or the folder of a run.")],
    data: Data,
    people: People = None,
    as_json: Json = False,
) -> None:
    """Round a checkpoint to eight bits, which is much faster on a CPU, and keep that beside it if decisions stay.

    Example: python -m train quantise --checkpoint models/checkpoints/synapse --data synapse.zip
    """
    from train import quantise as rounding  # noqa: PLC0415 - loads ONNX, which nothing else here needs

    chosen = None if people is None else parse_numbers(people)
    result = rounding.quantise(checkpoint, data, chosen)
    if as_json:
        print(json.dumps(result))
    else:
        print(rounding.say_result(result))


@app.command("matrices")
def make_matrices(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    people: Annotated[str, typer.Option("--people", help="Simulated people, such as 1-24.")] = "1-24",
    size: Annotated[int, typer.Option("--size", min=8, max=2048, help="Rows and columns of a matrix.")] = 256,
) -> None:
    """Make Hilbert-Huang matrices of simulated movements, named as those that are handed around.

    Example: python -m train matrices --out hht --people 1-24
    """
    check_writable(out)
    count = matrices.make(out, parse_numbers(people), size)
    say(
        f"{count} matrices are in {out}; train with: python -m train hht_cnn --data {out} --task quality --out runs/hht"
    )


@app.command("machine")
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
    chosen = None if people is None else parse_numbers(people)
    result = machine.fit_machine(encoder, by_task(load(data, chosen), task), out, cost)
    say(f"{result['vectors']} support vectors of {result['windows']} windows are in {result['checkpoint']}")
    if as_json:
        print(json.dumps(result))


@app.command("refine")
def refine_labels(
    name: Annotated[str, typer.Argument(help="A recipe.", metavar="RECIPE")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder for the folds, votes.csv and the run.")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="key=value", help=CHANGES)] = None,
    folds: Annotated[int, typer.Option("--folds", help="Groups of people, each answered by the others' network.")] = 4,
    share: Annotated[float, typer.Option("--share", help="Of the recordings whose label is replaced.")] = 0.1,
    people: People = None,
    sessions: Annotated[str | None, typer.Option("--sessions", help="Such as 1-2; all if left out.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in --out stopped.")] = False,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train, replace the labels that are trusted least by out-of-fold answers, and train again.

    Example: python -m train refine se_resnet --data synapse.zip --people 1-16 --out runs/refined
    """
    from train import refine as refining  # noqa: PLC0415 - a step that few take

    recipe = override(load_recipe(name), changes or [])
    who = None if people is None else parse_numbers(people)
    when = None if sessions is None else parse_numbers(sessions, "sessions")
    corpus = load(data, who, when, rate_hz=recipe.dsp.rate_hz)
    summary = refining.refine(
        name, recipe, changes or [], corpus, out, folds=folds, share=share, resume=resume, device=device
    )
    if as_json:
        print(json.dumps(summary))


def _recipe_command(name: str) -> Callable[..., None]:
    def command(
        data: Data,
        out: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint, state, history and curves.")],
        changes: Annotated[list[str] | None, typer.Argument(metavar="key=value", help=CHANGES)] = None,
        people: People = None,
        sessions: Annotated[str | None, typer.Option("--sessions", help="Such as 1-2; all if left out.")] = None,
        task: Annotated[
            str | None,
            typer.Option(
                "--task", help="Of Hilbert-Huang matrices, what to learn: quality (full, half, invalid) or gender."
            ),
        ] = None,
        votes: Annotated[
            Path | None,
            typer.Option("--votes", help="Table id,LABEL,...: learn these distributions in place of labels."),
        ] = None,
        start: Annotated[
            Path | None,
            typer.Option("--from", help="A checkpoint whose weights and signal processing to start with; see freeze."),
        ] = None,
        resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in --out stopped.")] = False,
        device: Device = "auto",
        tensorboard: Annotated[
            bool, typer.Option("--tensorboard", help="Write the history for TensorBoard as well (an extra).")
        ] = False,
        threads: Annotated[
            int | None, typer.Option("--threads", min=1, help="For the CPU; all cores if left out.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        recipe = override(load_recipe(name), changes or [])
        check_out(out, resume=resume)
        device_of(device)
        if threads is not None:
            torch.set_num_threads(threads)
        who = None if people is None else parse_numbers(people)
        when = None if sessions is None else parse_numbers(sessions, "sessions")
        corpus = load(data, who, when, rate_hz=recipe.dsp.rate_hz)
        corpus = by_task(corpus, task)
        recipe = override(adapted(load_recipe(name), corpus), changes or [])
        if votes is not None:
            corpus = voted(corpus, votes)
        summary = fit(
            name, recipe, changes or [], corpus, out, resume=resume, device=device, start=start, board=tensorboard
        )
        if as_json and called_by_torchrun().speaks:
            print(json.dumps(summary))

    return command


for _name in names():
    app.command(
        _name,
        help=describe(_name).replace("``", ""),
        rich_help_panel="Recipes",
    )(_recipe_command(_name))


def spread(arguments: Sequence[str], options: Container[str] = ("--members", "--weights")) -> list[str]:
    """Repeats an option given several values at once: ``--members A B`` becomes ``--members A --members B``."""
    plain: list[str] = []
    option = None
    for argument in arguments:
        if argument in options:
            option = argument
        elif option is None or (argument.startswith("-") and not argument[1:2].isdigit()):  # -2 is a value
            option = None
            plain.append(argument)
        else:
            plain += [option, argument]
    return plain


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command line; wrong use ends in one sentence and exit status 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_rest, **_more: say(f"note: {message}")
        warnings.filterwarnings("default", "band-pass")  # a clamped band is to be seen, whatever -W says
        start(
            typer.main.get_command(app),
            "python -m train",
            spread(given) if given[:1] == ["ensemble"] else given,
        )
