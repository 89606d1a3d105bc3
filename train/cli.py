"""``python -m train``: recipes, evaluation, prediction."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dsp.complaints import start
from train import commands, wholes
from train.changes import override, settings
from train.corpus import load
from train.fit import check_out, device_of, fit, use_threads
from train.matrices import adapted, by_task, check_untouched
from train.options import CHANGES, Data, Device, Json, People, Resume, Sessions, Threads
from train.parallel import called_by_torchrun
from train.progress import say
from train.recipe import describe, names, wanted_data
from train.recipe import load as load_recipe
from train.splits import chosen
from train.votes import voted


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


COMMANDS: Mapping[str, Callable[..., None]] = {
    "ensemble": commands.make_ensemble,
    "build": wholes.build_whole,
    "own": wholes.own,
    "folds": wholes.measure_folds,
    "evaluate": commands.evaluate,
    "wearers": wholes.wearers,
    "tune": commands.tune,
    "compare": commands.compare,
    "predict": commands.predict,
    "quantise": commands.quantise,
    "matrices": commands.make_matrices,
    "machine": commands.fit_machine,
    "refine": commands.refine_labels,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def _recipe_command(name: str) -> Callable[..., None]:
    def command(
        data: Data,
        out: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint, state, history and curves.")],
        changes: Annotated[list[str] | None, typer.Argument(metavar="key=value", help=CHANGES)] = None,
        people: People = None,
        sessions: Sessions = None,
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
        resume: Resume = False,
        device: Device = "auto",
        tensorboard: Annotated[
            bool, typer.Option("--tensorboard", help="Write the history for TensorBoard as well (an extra).")
        ] = False,
        threads: Threads = None,
        as_json: Json = False,
    ) -> None:
        recipe = override(load_recipe(name), changes or [])
        check_out(out, resume=resume)
        device_of(device)
        use_threads(threads)
        corpus = load(data, chosen(people), chosen(sessions, "sessions"), rate_hz=recipe.dsp.rate_hz)
        corpus = by_task(corpus, task)
        recipe = override(adapted(load_recipe(name), corpus), changes or [])
        check_untouched(recipe, corpus)
        if votes is not None:
            corpus = voted(corpus, votes)
        summary = fit(
            name, recipe, changes or [], corpus, out, resume=resume, device=device, start=start, board=tensorboard
        )
        say(f"the weights of epoch {summary['best']['epoch']} are in {summary['checkpoint']}")
        if as_json and called_by_torchrun().speaks:
            print(json.dumps(summary))

    return command


for _name in names():
    app.command(
        _name,
        help=describe(_name).replace("``", ""),
        rich_help_panel="Recipes",
    )(_recipe_command(_name))


VARIADIC = ("ensemble", "build", "folds")
"""Commands whose options take several values at once."""


def spread(arguments: Sequence[str], options: Container[str] = ("--members", "--weights", "--protocols")) -> list[str]:
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
            spread(given) if given[:1] and given[0] in VARIADIC else given,
        )
