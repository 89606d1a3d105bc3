from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from stream.destinations import check
from stream.outlets.kinds import KINDS, forms, kind_of, shown
from tests.stream.test_cli import call

DOCUMENT = Path(__file__).parents[3] / "stream" / "SINKS.md"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.module)
def test_every_kind_has_its_file_and_its_place_in_help_and_document(kind) -> None:
    door = import_module(f"stream.outlets.{kind.module}")
    assert callable(door.check)
    assert callable(door.open_outlet)
    assert kind.form in forms()
    document = DOCUMENT.read_text(encoding="utf-8")
    assert f"| `{kind.form}` | {kind.what} |" in document
    assert f"\n## `{kind.form}`\n" in document


@pytest.mark.parametrize(
    ("spec", "module"),
    [
        ("ws:8765", "ws_server"),
        ("ws:127.0.0.1:8765", "ws_server"),
        ("ws://somewhere/x", "ws_client"),
        ("wss://somewhere/x", "ws_client"),
        ("lsl:probabilities:x", "lsl"),
        ("lsl-probabilities:x", "lsl_probabilities"),
    ],
)
def test_specs_find_their_kind(spec: str, module: str) -> None:
    assert kind_of(spec).module == module


def test_secrets_are_not_shown() -> None:
    assert shown("mqtt://me:s3cret@host:1883/topic") == "mqtt://me:...@host:1883/topic"
    assert shown("mqtt://me@host/topic") == "mqtt://me@host/topic"
    assert shown("mqtt://me:a@b@host/topic").count("a@b") == 0
    assert shown("wss://host/x?token=s3cret") == "wss://host/x?..."
    assert shown("serial:/dev/ttyACM0?baud=9600") == "serial:/dev/ttyACM0?baud=9600"
    for spec in ("mqtt://me:s3cret@host/a#", "wss://me:s3cret@host:x/", "mqtt2://me:s3cret@host/a"):
        with pytest.raises(ValueError, match="--sink cannot be") as said:
            check([spec])
        assert "s3cret" not in str(said.value)


def test_help_names_them_all() -> None:
    for command in ("live", "replay"):
        said = "".join(call(command, "--help").stdout.replace("│", " ").split())
        assert forms().replace(" ", "") in said
