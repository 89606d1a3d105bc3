"""What the documents tell people to type is understood by the commands as they are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer

from devices import cli as devices_cli
from stream import cli as stream_cli
from train import cli as train_cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "README.md",
    "stream/TUTORIALS.md",
    "stream/SINKS.md",
    "recordings/README.md",
    "models/checkpoints/**/README.md",
)
APPS = {"stream": stream_cli.app, "devices": devices_cli.app, "train": train_cli.app}
OUR_OWN = re.compile(r"^python -m (stream|devices|train)\b")


def typed() -> Iterator[tuple[str, str]]:
    """Each command with the document that shows it; a comment behind it is left out."""
    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            text = path.read_text(encoding="utf-8").replace("\\\n", " ")
            for line in re.findall(r"^ {4,}(?:\$ )?(.+)$", text, re.MULTILINE):
                if OUR_OWN.match(line.strip()):
                    yield str(path.relative_to(ROOT)), line.strip()


@pytest.mark.parametrize(("document", "line"), list(typed()))
def test_a_command_in_a_document_is_understood(document: str, line: str) -> None:
    words = shlex.split(re.split(r"\s+[>|]\s+|\s+\.\.\.|\s+…", line)[0], comments=True)
    _, _, room, *arguments = words
    if room == "train" and arguments[0] in train_cli.VARIADIC:
        arguments = train_cli.spread(arguments)
    command: Any = typer.main.get_command(APPS[room])
    context = command.make_context(room, arguments, resilient_parsing=True)
    name, chosen, rest = command.resolve_command(context, arguments)
    assert chosen is not None, f"{document}: there is no {name}"
    with suppress(typer.Exit):  # of an option that has done all there is to do, such as --guide example
        chosen.make_context(name, list(rest), parent=context, resilient_parsing=False)


def test_documents_are_found() -> None:
    assert {document for document, _ in typed()} > {"README.md", "stream/TUTORIALS.md", "stream/SINKS.md"}
