"""From a checkpoint to a classifier: the engine that was asked for, or the fastest one here that can be trusted."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from dsp.complaints import interrupted
from models.classifier import Classifier, Effort, Engine
from models.engines import kept
from models.engines.vote import Logits, Vote
from models.listing import Listing, read_listing
from models.settling import settling
from models.views import ORIGINAL
from models.wearer import known_wearers, read_wearers

AUTO, TORCH, ONNX, INT8, OPENVINO = "auto", "torch", "onnx", "int8", "openvino"

ENGINES = (AUTO, TORCH, ONNX, INT8, OPENVINO)
"""What can be asked for."""


CLOSE = 0.001
"""Share by which a hop may differ from the one that was asked for without a word."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a classifier.

    Attributes:
        engine: one of ``ENGINES``.
        device: for PyTorch: auto, cpu, cuda, cuda:1, ...
        views: test-time augmentation as the checkpoint says, or off.
        threads: on the CPU.
        streams: S, windows at a time.
        hop_ms: between two windows, in place of the checkpoint's own; what a window holds does not depend on it.
        precision: on a GPU: auto, fp32, tf32, fp16, bf16.
        graph: on a GPU: one captured graph for each decision, or every step by itself.
        adapt: let it settle in to the wearer.
    """

    engine: str = AUTO
    device: str = "auto"
    views: bool = True
    threads: int = 1
    streams: int = 1
    hop_ms: float | None = None
    precision: str = "auto"
    graph: bool = True
    adapt: bool = False


def load_classifier(path: str | Path, wanted: Wanted | None = None) -> Classifier:
    """Loads a checkpoint or an ensemble into an engine and checks that it computes what it did when it was saved.

    ``auto`` takes PyTorch where there is an NVIDIA GPU for it; else ONNX Runtime, in eight bits if the checkpoint
    brings such a form that was verified and this processor computes it right; else PyTorch on the CPU.

    Args:
        path: of the folder.
        wanted: see there.

    Raises:
        ValueError: the checkpoint cannot be used, or what was asked for is not there; one sentence that says why.
    """
    wanted = _sensible(wanted or Wanted())
    stated = read_listing(path)
    for card in stated.cards:
        card.check()
    wearers = known_wearers(stated, "it cannot adapt to one") if wanted.adapt else read_wearers(stated)
    listing = stated
    if not wanted.views:
        listing = replace(listing, cards=tuple(replace(card, views=ORIGINAL) for card in listing.cards))
    if wanted.hop_ms is not None:
        listing = listing.every(wanted.hop_ms)
    notes: list[str] = []
    if (wish := wanted.hop_ms) is not None:
        spec = listing.cards[0].design.spec
        if abs(spec.hop_ms - wish) > CLOSE * wish:
            notes.append(f"a hop of {wish:g} ms becomes {spec.hop_ms:.4g} ms, a whole number of samples")
    asked = _Asked(stated, listing, wanted)
    engine = _automatic(asked, notes) if wanted.engine == AUTO else _MAKERS[wanted.engine](asked)
    adaptation = settling(listing, wearers)() if wearers is not None and wanted.adapt else None
    return Classifier(engine, listing, efforts(listing), notes, wearers, adaptation)


class _Asked(NamedTuple):
    """What an engine is made of.

    Attributes:
        stated: the checkpoint as it was read.
        listing: the same with the views and the hop that are wanted.
        wanted: see there.
    """

    stated: Listing
    listing: Listing
    wanted: Wanted


def _sensible(wanted: Wanted) -> Wanted:
    """The same, if it can be had by anybody; what only PyTorch can do asks for PyTorch."""
    if wanted.engine not in ENGINES:
        raise ValueError(f"there is no engine {wanted.engine!r}; use {', '.join(ENGINES)}")
    if wanted.threads < 1:
        raise ValueError(f"threads is {wanted.threads}; give at least 1")
    if wanted.engine not in (AUTO, TORCH) and wanted.device not in ("auto", "cpu"):
        raise ValueError(f"--engine {wanted.engine} runs on the CPU, not on {wanted.device!r}; use --engine {TORCH}")
    if wanted.precision == "auto" and wanted.graph:
        return wanted
    if wanted.engine not in (AUTO, TORCH):
        raise ValueError(
            f"--precision and --no-graph are for PyTorch on a GPU, and not for --engine {wanted.engine}; leave them out"
        )
    return replace(wanted, engine=TORCH)


def efforts(listing: Listing) -> tuple[Effort, ...]:
    """From everything down to the least: first fewer views, two at a time, then fewer members, the weightiest last."""
    by_weight = sorted(range(len(listing.cards)), key=lambda member: -listing.cards[member].weight)
    everybody = tuple(range(len(by_weight)))
    most = max(card.views.count for card in listing.cards)
    fewer_views = [Effort(everybody, views) for views in dict.fromkeys((*range(most, 0, -2), 1))]
    fewer_members = [Effort(tuple(sorted(by_weight[:count])), 1) for count in range(len(by_weight) - 1, 0, -1)]
    return (*fewer_views, *fewer_members)


def _automatic(asked: _Asked, notes: list[str]) -> Engine:
    device = asked.wanted.device
    if device not in ("auto", "cpu"):
        return _torch(asked)
    makers: list[tuple[Callable[[_Asked], Engine], str]] = []
    if device == "auto" and _gpu_for_torch():
        makers.append((_torch, "using the CPU"))
    if kept.there(asked.stated, kept.INT8):
        makers.append((_int8, "using float32"))
    if not kept.bound_to_pytorch(asked.stated):
        makers.append((_onnx, "using PyTorch, which is slower"))
    for maker, instead in makers:
        try:
            return maker(asked)
        except ValueError as error:
            notes.append(f"{error}; {instead}")
    return _torch(asked._replace(wanted=replace(asked.wanted, device="cpu")))


def _torch(asked: _Asked) -> Engine:
    with _importing(f"--engine {TORCH}", "torch"):
        from models.engines.resident import Resident  # noqa: PLC0415 - loads PyTorch, which no other engine needs
        from models.networks import load_networks  # noqa: PLC0415 - the same
    _, listing, wanted = asked
    hop = listing.cards[0].design.spec.hop
    try:
        networks = load_networks(listing.root, device=wanted.device, views=wanted.views, threads=wanted.threads)
        graph = wanted.graph and not kept.bound_to_pytorch(listing)
        return Resident(listing, networks, hop, streams=wanted.streams, precision=wanted.precision, graph=graph)
    except RuntimeError as error:  # no memory, or a GPU that this PyTorch was not built for
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"PyTorch cannot serve {wanted.streams} streams on {wanted.device} ({reason}); ask for fewer, or another "
            "--device"
        ) from error


def _onnx(asked: _Asked) -> Engine:
    from models.engines.golden import differs  # noqa: PLC0415 - an engine is imported when it is asked for

    found = kept.exported(asked.stated)
    logits = _session_logits(ONNX, found.files, asked.wanted.threads)
    if complaint := differs(asked.listing, logits):
        raise ValueError(
            f"in ONNX Runtime {complaint} from its golden logits; delete {found.folder}, or use --engine {TORCH}"
        )
    return Vote(asked.listing, logits, ONNX, streams=asked.wanted.streams)


def _int8(asked: _Asked) -> Engine:
    from models.engines.rounded import distrusted  # noqa: PLC0415 - an engine is imported when it is asked for

    root, complaints = asked.stated.root, []
    for found in kept.every(asked.stated, kept.INT8):
        logits = _session_logits(INT8, found.files, asked.wanted.threads)
        complaint = distrusted(asked.stated, found, logits)
        if not complaint:
            return Vote(asked.listing, logits, INT8, streams=asked.wanted.streams)
        complaints.append(complaint)
    if complaints:
        raise ValueError(
            f"the form of {root} in eight bits cannot be trusted here ({complaints[0]}); use --engine {ONNX}, or make "
            f"it again with 'python -m train quantise --checkpoint {root} --data DATA'"
        )
    if place := kept.remnant(asked.stated, kept.INT8):
        raise ValueError(
            f"what is kept in {place} is damaged, or was made of other parameters; make it again with 'python -m train "
            f"quantise --checkpoint {root} --data DATA', or use --engine {ONNX}"
        )
    raise ValueError(
        f"{root} has no form in eight bits; make one with 'python -m train quantise --checkpoint {root} --data DATA', "
        f"or use --engine {ONNX}"
    )


def _openvino(asked: _Asked) -> Engine:
    with _importing(f"--engine {OPENVINO}", "'myostream[openvino]'"):
        from models.engines.vino import Vino  # noqa: PLC0415 - an extra
    vino = Vino(asked.listing, kept.exported(asked.stated).files, asked.wanted.threads)
    return Vote(asked.listing, vino.logits, OPENVINO, f"cpu ({vino.precision})", asked.wanted.streams)


_MAKERS: Mapping[str, Callable[[_Asked], Engine]] = {TORCH: _torch, ONNX: _onnx, INT8: _int8, OPENVINO: _openvino}


def _session_logits(engine: str, files: Sequence[Path], threads: int) -> Logits:
    with _importing(f"--engine {engine}", "onnxruntime"):
        from models.engines.sessions import session_logits  # noqa: PLC0415 - an engine is imported when it is asked for
    return session_logits(files, threads)


@contextmanager
def _importing(what: str, package: str) -> Iterator[None]:
    """Says what to install where something is missing, or there and broken."""
    try:
        yield
    except ImportError as error:
        if interrupted(error):
            raise KeyboardInterrupt from error
        raise ValueError(f"{what} needs a package that cannot be loaded ({error}): pip install {package}") from error


def _gpu_for_torch() -> bool:
    """Whether there is an NVIDIA GPU and a PyTorch that uses it; PyTorch is loaded only if there is a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return False
    try:
        import torch  # noqa: PLC0415 - a second that only who has a GPU waits for
    except ImportError:
        return False
    return torch.cuda.is_available()
