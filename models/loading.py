"""From a checkpoint to a classifier: the engine that was asked for, or the fastest one here that can be trusted."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from models.classifier import Classifier, Effort, Engine
from models.engines import kept
from models.engines.vote import Vote
from models.listing import Listing, read_listing
from models.views import ORIGINAL

AUTO, TORCH, ONNX, INT8, OPENVINO = "auto", "torch", "onnx", "int8", "openvino"

ENGINES = (AUTO, TORCH, ONNX, INT8, OPENVINO)
"""What can be asked for."""


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
    """

    engine: str = AUTO
    device: str = "auto"
    views: bool = True
    threads: int = 1
    streams: int = 1
    hop_ms: float | None = None
    precision: str = "auto"
    graph: bool = True


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
    wanted = wanted or Wanted()
    if wanted.engine not in ENGINES:
        raise ValueError(f"there is no engine {wanted.engine!r}; use {', '.join(ENGINES)}")
    if wanted.threads < 1:
        raise ValueError(f"threads is {wanted.threads}; give at least 1")
    if wanted.engine not in (AUTO, TORCH) and wanted.device not in ("auto", "cpu"):
        raise ValueError(f"--engine {wanted.engine} runs on the CPU, not on {wanted.device!r}; use --engine {TORCH}")
    listing = read_listing(path)
    for card in listing.cards:
        card.check()
    if not wanted.views:
        listing = replace(listing, cards=tuple(replace(card, views=ORIGINAL) for card in listing.cards))
    if wanted.hop_ms is not None:
        listing = listing.every(wanted.hop_ms)
    notes: list[str] = []
    engine = _automatic(listing, wanted, notes) if wanted.engine == AUTO else _asked(listing, wanted)
    return Classifier(engine, listing, efforts(listing), notes)


def efforts(listing: Listing) -> tuple[Effort, ...]:
    """From everything down to the least: first fewer views, two at a time, then fewer members, the weightiest last."""
    by_weight = sorted(range(len(listing.cards)), key=lambda member: -listing.cards[member].weight)
    everybody = tuple(range(len(by_weight)))
    most = max(card.views.count for card in listing.cards)
    fewer_views = [Effort(everybody, views) for views in dict.fromkeys((*range(most, 0, -2), 1))]
    fewer_members = [Effort(tuple(sorted(by_weight[:count])), 1) for count in range(len(by_weight) - 1, 0, -1)]
    return (*fewer_views, *fewer_members)


def _automatic(listing: Listing, wanted: Wanted, notes: list[str]) -> Engine:
    if wanted.device not in ("auto", "cpu") or (wanted.device == "auto" and _gpu_for_torch()):
        return _torch(listing, wanted)
    if kept.find(listing, kept.INT8) is not None:
        try:
            return _int8(listing, wanted)
        except ValueError as error:
            notes.append(f"{error}; using float32")
    try:
        return _onnx(listing, wanted)
    except (ValueError, ModuleNotFoundError) as error:
        notes.append(f"{error}; using PyTorch, which is slower")
    return _torch(listing, wanted)


def _asked(listing: Listing, wanted: Wanted) -> Engine:
    makers = {TORCH: _torch, ONNX: _onnx, INT8: _int8, OPENVINO: _openvino}
    return makers[wanted.engine](listing, wanted)


def _torch(listing: Listing, wanted: Wanted) -> Engine:
    from models.engines.resident import Resident  # noqa: PLC0415 - loads PyTorch, which no other engine needs
    from models.networks import load_networks  # noqa: PLC0415 - the same

    networks = load_networks(listing.root, device=wanted.device, views=wanted.views, threads=wanted.threads)
    hop = listing.cards[0].design.spec.hop
    return Resident(listing, networks, hop, streams=wanted.streams, precision=wanted.precision, graph=wanted.graph)


def _onnx(listing: Listing, wanted: Wanted) -> Engine:
    from models.engines.golden import differs  # noqa: PLC0415 - an engine is imported when it is asked for
    from models.engines.sessions import session_logits  # noqa: PLC0415 - the same

    found = kept.exported(listing)
    logits = session_logits(found.files, wanted.threads)
    if complaint := differs(listing, logits):
        raise ValueError(
            f"in ONNX Runtime {complaint} from its golden logits; delete {found.folder}, or use --engine {TORCH}"
        )
    return Vote(listing, logits, ONNX, streams=wanted.streams)


def _int8(listing: Listing, wanted: Wanted) -> Engine:
    from models.engines.rounded import distrusted  # noqa: PLC0415 - an engine is imported when it is asked for
    from models.engines.sessions import session_logits  # noqa: PLC0415 - the same

    found = kept.find(listing, kept.INT8)
    if found is None:
        raise ValueError(
            f"{listing.root} has no form in eight bits; make one with 'python -m train quantise --checkpoint "
            f"{listing.root} --data DATA', or use --engine {ONNX}"
        )
    logits = session_logits(found.files, wanted.threads)
    if complaint := distrusted(listing, found, logits):
        raise ValueError(f"the form of {listing.root} in eight bits cannot be trusted here ({complaint})")
    return Vote(listing, logits, INT8, streams=wanted.streams)


def _openvino(listing: Listing, wanted: Wanted) -> Engine:
    try:
        from models.engines.vino import Vino  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ValueError(
            f"--engine {OPENVINO} needs {error.name}, which is not installed: pip install 'myostream[openvino]'"
        ) from error
    vino = Vino(listing, kept.exported(listing).files, wanted.threads)
    return Vote(listing, vino.logits, OPENVINO, f"cpu ({vino.precision})", wanted.streams)


def _gpu_for_torch() -> bool:
    """Whether there is an NVIDIA GPU and a PyTorch that uses it; PyTorch is loaded only if there is a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return False
    import torch  # noqa: PLC0415 - a second that only who has a GPU waits for

    return torch.cuda.is_available()
