"""The resident classifier on a CUDA device: one armband and thousands, with the graph and without, by precision.

Besides the times it gives what they are to be held against: the arithmetic of a decision over the fastest matrix
product that this device makes in the same precision, and the bytes that have to cross to the device over its fastest
copy.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from dsp.flow import Window
from models.classifier import Classifier
from models.engines.precision import PRECISIONS
from models.ensemble import load_ensemble
from models.loading import Wanted, load_classifier
from stream.foresight import LEAD_S

CHECKPOINT = Path(__file__).parents[2] / "models" / "checkpoints" / "synapse"
RATE_HZ = 25.0
"""Decisions a second of each armband."""

HOP_MS = 1e3 / RATE_HZ
STREAMS = (1000, 5000, 8000)
RUNS = 1000


def measure() -> dict[str, Any]:
    """Milliseconds; empty where there is no CUDA device."""
    if not torch.cuda.is_available():
        return {"skipped": "PyTorch sees no CUDA device"}
    wanted = Wanted("torch", "cuda", hop_ms=HOP_MS)
    one = {
        f"{precision}, {'graph' if graph else 'no graph'}": _one(replace(wanted, precision=precision, graph=graph))
        for precision, graph in (("fp16", True), ("fp16", False), ("tf32", True), ("fp32", True))
    }
    limits = _limits()
    return {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "one_armband_ms": one,
        "gflop_a_decision": round(_gflop(), 3),
        "limits": limits,
        "armbands": [_many(replace(wanted, streams=streams), limits) for streams in STREAMS],
    }


def _one(wanted: Wanted) -> dict[str, dict[str, float]]:
    """From a window that is ready to its probabilities, one after another, and at the rate of a stream."""
    classifier = load_classifier(CHECKPOINT, wanted)
    classifier.warm_up()
    step = _stream(classifier)
    tight = _times(step, RUNS)
    found = {"one after another": tight, f"one every {HOP_MS:g} ms": _times(step, 100, lambda: time.sleep(1 / RATE_HZ))}

    def pause() -> None:
        time.sleep(1 / RATE_HZ - LEAD_S)
        classifier.rehearse()
        time.sleep(LEAD_S)

    found["the same, rehearsed before"] = _times(step, 100, pause)
    return {
        how: {f"p{share * 100:g}": _quantile(times, share) for share in (0.5, 0.99)} for how, times in found.items()
    }


def _stream(classifier: Classifier) -> Callable[[], object]:
    """Decides about the next window of an endless stream."""
    spec = classifier.design.spec
    signal = np.random.default_rng(0).standard_normal((spec.window + 4000 * spec.hop, spec.channels)).astype(np.float32)
    at = 0

    def step() -> object:
        nonlocal at
        first = at % 4000 * spec.hop
        at += 1
        return classifier(Window(signal[first : first + spec.window], first, first + spec.window))

    return step


def _many(wanted: Wanted, limits: dict[str, float]) -> dict[str, Any]:
    """One batch of so many windows, and how far that is from what the device could do at best."""
    classifier = load_classifier(CHECKPOINT, wanted)
    spec, engine, effort = classifier.design.spec, classifier.engine, classifier.efforts[0]
    windows = np.random.default_rng(0).standard_normal((wanted.streams, spec.window, spec.channels)).astype(np.float32)
    engine.take(windows, spec.window)
    engine.answer(effort)
    copied, whole = [], []
    for _ in range(12):
        began = time.perf_counter()
        engine.take(windows, spec.hop)
        copied.append((time.perf_counter() - began) * 1e3)
        engine.answer(effort)
        whole.append((time.perf_counter() - began) * 1e3)
    arithmetic_ms = wanted.streams * _gflop() / limits["fp16_tflops"]
    crossing = wanted.streams * spec.hop * spec.channels * 4
    return {
        "armbands": wanted.streams,
        "ms": round(statistics.median(whole[2:]), 2),
        "of_which_into_pinned_memory_ms": round(statistics.median(copied[2:]), 2),
        "due_every_ms": HOP_MS,
        "arithmetic_limit_ms": round(arithmetic_ms, 2),
        "copy_limit_ms": round(crossing / limits["host_to_device_gb_s"] / 1e6, 3),
        "decisions_a_second": round(wanted.streams / statistics.median(whole[2:]) * 1e3),
    }


def _gflop() -> float:
    """Of one decision: all members and views, a multiplication and an addition counting as two."""
    total = 0
    for member in load_ensemble(CHECKPOINT).members:
        spec, views = member.checkpoint.design.spec, member.checkpoint.views.count
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            member.module(torch.zeros(1, spec.channels, spec.window))
        total += views * counter.get_total_flops()
    return total / 1e9


def _limits() -> dict[str, float]:
    """The fastest matrix product and copies of this device, as measured now."""
    size = 8192
    found = {}
    for name in ("fp16", "fp32"):
        dtype = PRECISIONS[name].dtype
        a, b = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))
        found[f"{name}_tflops"] = round(2 * size**3 / _best(lambda a=a, b=b: a @ b) / 1e12, 1)  # type: ignore[misc]
    host, there = torch.empty(2**26).pin_memory(), torch.empty(2**26, device="cuda")
    seconds = _best(lambda: there.copy_(host, non_blocking=True))
    found["host_to_device_gb_s"] = round(host.numel() * 4 / seconds / 1e9, 1)
    twin = torch.empty_like(there)
    found["on_device_tb_s"] = round(2 * there.numel() * 4 / _best(lambda: twin.copy_(there)) / 1e12, 2)
    return found


def _best(call: Callable[[], object]) -> float:
    """Seconds, the median of a few."""

    def whole() -> None:
        call()
        torch.cuda.synchronize()

    return statistics.median(_times(whole, 12)[2:]) / 1e3


def _times(call: Callable[[], object], runs: int, pause: Callable[[], object] | None = None) -> list[float]:
    """Milliseconds of each call, a pause before each not counted."""
    times = []
    for _ in range(runs):
        if pause is not None:
            pause()
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def _quantile(times: list[float], share: float) -> float:
    return round(sorted(times)[min(int(share * len(times)), len(times) - 1)], 3)
