"""Settling in while a stream runs, and what is kept of the wearer from one run to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.wearer import load_state
from tests.stream.test_cli import call, decisions_and_summary

ROOT = Path(__file__).resolve().parents[2]
DEMO = (ROOT / "recordings" / "demo.npz", "--checkpoint", ROOT / "models" / "checkpoints" / "demo", "--engine", "int8")
FAST = ("--speed", "max", "--json")


def test_it_settles_in_the_same_way_at_every_speed() -> None:
    straight, summary = decisions_and_summary(call("replay", *DEMO, *FAST, "--adapt"))
    threaded, other = decisions_and_summary(call("replay", *DEMO, "--speed", "40", "--json", "--adapt"))
    plain, without = decisions_and_summary(call("replay", *DEMO, *FAST))
    assert straight == threaded
    assert straight[:10] == plain[:10]
    assert straight != plain
    assert summary["adaptation"] == other["adaptation"]
    assert summary["adaptation"]["blocks"] == summary["decisions"] // 10
    assert without["adaptation"] is None
    assert summary["accuracy"] > 0.95


def test_what_is_known_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    me = tmp_path / "me.wearer"
    first, summary = decisions_and_summary(call("replay", *DEMO, *FAST, "--wearer", me))
    assert len(load_state(me).blocks) == summary["adaptation"]["blocks"]
    again = call("replay", *DEMO, *FAST, "--wearer", me)
    second, more = decisions_and_summary(again)
    assert f"{me} holds {summary['adaptation']['blocks']} blocks of this wearer" in again.stderr
    assert more["adaptation"]["blocks"] == 2 * summary["adaptation"]["blocks"]
    assert second[:10] != first[:10]
    anew, _ = decisions_and_summary(call("replay", *DEMO, *FAST, "--wearer", me, "--forget"))
    assert anew == first


def test_people_are_told_how_far_it_has_come() -> None:
    result = call("replay", *DEMO, "--speed", "max", "--plain", "--adapt")
    assert "knows the wearer by" in result.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--forget",), "--wearer is missing"),
        (("--wearer", "{tmp}/damaged"), "leave it out to begin anew"),
        (("--wearer", "{tmp}/damaged/me"), "is a file"),
    ],
)
def test_what_cannot_be_is_said(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"something else")
    result = call("replay", *DEMO, *FAST, *(option.format(tmp=tmp_path) for option in options))
    assert result.exit_code == 2
    assert said in result.stderr
    assert (tmp_path / "damaged").read_bytes() == b"something else"


def test_who_knows_nobody_cannot_settle_in(recorded: Path, checkpoint: Path) -> None:
    result = call("replay", recorded, "--checkpoint", checkpoint, *FAST, "--adapt")
    assert result.exit_code == 2
    assert "python -m train wearers" in result.stderr


def test_many_armbands_have_no_wearer() -> None:
    result = call("profile", "--checkpoint", DEMO[2], "--streams", 2, "--adapt")
    assert result.exit_code == 2
    assert "for one wearer" in result.stderr
