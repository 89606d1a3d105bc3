from __future__ import annotations

import json
import sys
from math import nan
from pathlib import Path

import numpy as np
import pytest

from models.decision import Decision
from stream.destinations import check, open_sink, own_stdout
from stream.outlets.outlet import Stream
from stream.sinks import unknown

STREAM = Stream(("fist",), unknown, lambda _: nan)


def decision(end: int) -> Decision:
    return Decision("fist", 1.0, np.ones(1, np.float32), end - 10, end)


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        (["pigeon:home"], "known are jsonl:PATH"),
        (["jsonl:"], "'jsonl:' alone; give jsonl:PATH"),
        (["ws://"], "'ws://' alone; give ws"),
        (["UDPP:1"], "do you mean udp:HOST:PORT"),
        (["jsonl:{0}/new", "jsonl:{0}/new"], "is given twice"),
        (["jsonl:{0}/there"], "is there already"),
        (["jsonl:{0}/nowhere/new"], "no folder for"),
        (["udp:127.0.0.1"], "give host and port"),
        (["udp:127.0.0.1:70000"], "give host and port"),
        (["udp:a..b:5005"], "give the address as a number"),
    ],
)
def test_what_cannot_be_opened_is_said_before_anything_is_made(specs: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(ValueError, match=said):
        check([f"jsonl:{tmp_path}/before", *(spec.format(tmp_path) for spec in specs)])
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_file_has_a_line_for_each_decision(tmp_path: Path) -> None:
    specs = [f"jsonl:{tmp_path / 'a'}", f"jsonl:{tmp_path / 'b'}"]
    check(specs)
    sinks = [open_sink(spec, STREAM) for spec in specs]
    for end in range(10, 15):
        for sink in sinks:
            sink(decision(end))
    for sink in sinks:
        sink.close()
        assert (sink.delivered, sink.dropped) == (5, 0)
    lines = (tmp_path / "a").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["last"] for line in lines] == list(range(9, 14))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a disk that is full")
def test_a_full_disk_is_one_sentence_about_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "open", lambda *_, **__: open("/dev/full", "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    sink = open_sink(f"jsonl:{tmp_path / 'a'}", STREAM)
    sink(decision(10))
    with pytest.raises(ValueError, match=r"a' takes no more decisions \(No space left on device\)"):
        sink.close()


def test_stdout_once_more_is_closed_without_closing_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    out = own_stdout()
    assert out is not sys.stdout
    print("from a thread", file=out)
    out.close()
    print("from the program", flush=True)
    assert capfd.readouterr().out == "from a thread\nfrom the program\n"


def test_a_stdout_that_is_no_file_is_used_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert own_stdout() is sys.stdout
    print("as it is", file=own_stdout())
    assert capsys.readouterr().out == "as it is\n"
