"""Checkpoints that vote, copied into one folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsp.storage import check_writable
from models import checkpoint as checkpoints
from models.engines.kept import FOLDER
from models.ensemble import save_ensemble
from models.listing import RUN, checkpoint_in
from models.networks import load_networks
from train.splits import say_numbers
from train.weighing import fitted


def combine(
    members: Sequence[Path],
    weights: Sequence[float] | None,
    out: Path,
    fit: tuple[str, Sequence[int] | None] | None = None,
) -> dict[str, Any]:
    """Makes an ensemble folder that needs nothing outside itself.

    Args:
        members: checkpoints or folders of runs; a member is called as its folder is.
        weights: one for each member, above zero; None makes them equal.
        out: folder to make; it must not exist, or be empty.
        fit: data and people whose windows decide the weights; without people, those whom all members set apart.

    Returns:
        The path, and weight by member.

    Raises:
        ValueError: weights are given and to be fitted, weights and members differ in number, there is nobody to fit
            on, two members share a name, they do not fit one another, or ``out`` is taken, inside a member or cannot be
            written.
    """
    if weights is not None and fit is not None:
        raise ValueError("weights are given and are to be fitted; leave one of --weights and --fit out")
    shares = [1 / len(members)] * len(members) if weights is None else list(weights)
    names = [_name(path) for path in members]
    _check_fit(members, names, shares, out)
    check_writable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    neighbour = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        neighbour.chmod(out.parent.stat().st_mode & 0o777)
        records = {}
        for name, path in zip(names, members, strict=True):
            records[name] = dict(checkpoints.load(checkpoint_in(path))[0].provenance)
            shutil.copytree(checkpoint_in(path), neighbour / name, ignore=shutil.ignore_patterns(FOLDER))
        said = _provenance(records)
        save_ensemble(neighbour, list(zip(names, shares, strict=True)), said)
        if fit is not None:
            people = _apart(records) if fit[1] is None else list(fit[1])
            shares = fitted(neighbour, fit[0], people)
            said["weights"] = {"fitted_on": people, "data": Path(fit[0]).name}
            save_ensemble(neighbour, list(zip(names, shares, strict=True)), said)
        load_networks(neighbour, device="cpu", threads=None)  # replays every member's golden windows
        if out.exists():
            out.rmdir()
        neighbour.rename(out)
    finally:
        shutil.rmtree(neighbour, ignore_errors=True)
    return {"ensemble": str(out), "members": dict(zip(names, shares, strict=True))}


def say_members(out: Path, members: Mapping[str, float]) -> str:
    """Who is in an ensemble, with the weights of their votes, as a sentence."""
    return f"{out} holds {', '.join(f'{name} ({weight:.3g})' for name, weight in members.items())}"


def _check_fit(members: Sequence[Path], names: Sequence[str], shares: Sequence[float], out: Path) -> None:
    """Refuses what cannot become an ensemble in ``out``, before anything is read.

    Raises:
        ValueError: says why.
    """
    if len(shares) != len(members):
        raise ValueError(f"{len(members)} members but {len(shares)} weights were given; give one weight for each")
    if taken := {"ensemble", "ensemble+views"} & set(names):
        raise ValueError(f"a member cannot be called {taken.pop()!r}, as reports call the whole; rename its folder")
    if len(set(names)) < len(names):
        raise ValueError(f"the members {', '.join(names)} share a name; rename one of their folders")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is no empty folder; name another one, or remove it first")
    if inside := [path for path in members if out.resolve().is_relative_to(path.resolve())]:
        raise ValueError(f"{out} lies inside the member {inside[0]}; name a folder outside all of them")


def _apart(records: dict[str, dict[str, Any]]) -> list[int]:
    """People whom every member set apart from its training.

    Raises:
        ValueError: there are none.
    """
    apart = [set(record.get("validation_people", ())) for record in records.values()]
    people = sorted(set.intersection(*apart))
    if not people:
        each = "; ".join(f"{name}: {say_numbers(mine) or 'none'}" for name, mine in zip(records, apart, strict=True))
        raise ValueError(
            f"the members have nobody in common whom they set apart ({each}); name people whom none was trained on "
            "with --people, or train the members with the same validation and seed"
        )
    return people


def _name(path: Path) -> str:
    """A run's checkpoint is called after the run."""
    whole = path.resolve()
    return whole.parent.name if whole.name == RUN else whole.name


def _provenance(records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Of the whole: what its members have in common, and everybody that any of them was trained on."""
    everyone = {
        p for record in records.values() for key in ("people", "validation_people") for p in record.get(key, ())
    }
    sessions = {session for record in records.values() for session in record.get("sessions", ())}
    layouts = sorted({str(record.get("layout", "")) for record in records.values()})
    return {
        "layout": layouts[0] if len(layouts) == 1 else layouts,
        "data": sorted({str(record.get("data", "")) for record in records.values()}),
        "people": sorted(everyone),
        "sessions": sorted(sessions),
        "recipes": {name: record.get("recipe", "") for name, record in records.items()},
    }
