"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsp.storage import write_json
from models.blocks import Decorrelation, with_differences
from models.families import build, start
from train import metrics
from train.batches import Batches
from train.board import show
from train.frozen import fingerprint_of, freeze, rest
from train.keep import keep
from train.losses import smooth, soft_cross_entropy
from train.parallel import company, joined
from train.progress import Advance, progress, say
from train.recipe import Recipe
from train.schedule import learning_rate
from train.state import Progress, restore, save, snapshot, step_seed
from train.task import Task

STATE = "state.safetensors"
HISTORY = "history.json"
AT_ONCE = 512
"""Windows in a forward pass without gradients."""

T = TypeVar("T")


class Run:
    """One training run: network, optimiser and what has been reached.

    Attributes:
        task: recipe and data.
        network: being trained.
        done: how far it is.
    """

    def __init__(self, task: Task, device: torch.device) -> None:
        recipe = task.recipe
        torch.manual_seed(recipe.seed)
        self.task = task
        self.device = device
        self.network = build(task.recipe.family, task.config).to(device)
        if task.start is not None:
            self.network.load_state_dict(task.start.network.state_dict())
        else:
            start(task.recipe.family, self.network, task.config)
            if recipe.decorrelate:
                decorrelate(self.network, task)
        freeze(self.network, recipe.freeze)
        self._company = company()
        least = self._company.size * (2 if recipe.augment.mixup_features else 1)  # who is mixed must be together
        if recipe.batch % least:
            raise ValueError(f"batch={recipe.batch} cannot be shared out evenly; make it a multiple of {least}")
        self._called = joined(self.network)
        self._weights = class_weights(recipe, task.corpus.labels, device)
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(
            trained, recipe.lr, weight_decay=recipe.weight_decay, fused=device.type == "cuda"
        )
        self.done = Progress()
        self._batches = Batches(task, device)
        self.steps = self._batches.steps

    @property
    def facts(self) -> dict[str, Any]:
        """What must be the same when the run is resumed."""
        corpus = self.task.corpus
        return {
            "recipe": self.task.name,
            **self.task.recipe.to_json(),
            "data": corpus.name,
            "labels": list(corpus.labels),
            "recordings": len(corpus.entries),
            "votes": None if corpus.votes is None else sha256(corpus.votes.tobytes()).hexdigest()[:16],
            "people": [list(self.task.split.train), list(self.task.split.validation)],
            "fingerprint": self.task.design.fingerprint,
            "from": None if self.task.start is None else fingerprint_of(self.task.start.network),
        }

    def train(self, out: Path, *, resume: bool = False, board: bool = False) -> dict[str, Tensor]:
        """Trains to the end and returns the weights to keep.

        Args:
            out: folder for the state and the history, written after every epoch.
            resume: go on from the state there, if there is one.
            board: write the history for TensorBoard as well.

        Raises:
            ValueError: the state there belongs to another run.
        """
        state = out / STATE
        if resume and state.exists():
            self.done = restore(state, self.facts, self.network, self.optimiser)
            say(f"going on after epoch {self.done.epoch}")
        recipe = self.task.recipe
        with progress(f"training {self.task.name}", recipe.epochs * self.steps, self.done.epoch * self.steps) as bar:
            while self.done.epoch < recipe.epochs and not self._out_of_patience():
                self._epoch(bar)
                if self._company.speaks:
                    save(state, self.facts, self.network, self.optimiser, self.done)
                    write_json(out / HISTORY, self.done.history)
                    if board:
                        show(out, self.done.history)
                    if recipe.keep_every and self.done.epoch % recipe.keep_every == 0:
                        kept = self.done.average or snapshot(self.network)
                        keep(self.task, kept, self.done, out / "epochs" / str(self.done.epoch))
        if self._company.speaks:
            write_json(out / HISTORY, self.done.history)  # a run that was killed between the two files
        return self.done.best

    def _out_of_patience(self) -> bool:
        patience = self.task.recipe.patience
        return bool(patience and self.task.split.validation and self.done.epoch - self.done.best_epoch >= patience)

    def _epoch(self, bar: Advance) -> None:
        began, loss, hits = time.monotonic(), 0.0, 0.0
        epoch = self.done.epoch + 1
        self.network.train()
        rest(self.network, self.task.recipe.freeze)
        steps = range(self.done.epoch * self.steps, epoch * self.steps)
        for step, reached in one_behind((step, self._step(step)) for step in steps):
            step_loss, step_hits = self._read(reached, step)
            loss, hits = loss + step_loss, hits + step_hits
            bar(1, f"epoch {epoch} loss {step_loss:.3f}")
        row: dict[str, Any] = {"epoch": epoch, "loss": loss / self.steps, "accuracy": hits / self.steps}
        kept = self.done.average or snapshot(self.network)
        if not all(bool(value.isfinite().all()) for value in kept.values() if value.is_floating_point()):
            raise ValueError(
                f"after epoch {epoch} weights are no numbers; train with a lower lr (now {self.task.recipe.lr:g})"
            )
        row |= self._validate(kept)
        row["seconds"] = round(time.monotonic() - began, 2)
        self.done.epoch = epoch
        self.done.history.append(row)
        score = row.get("val_window_accuracy")
        if score is None or score > self.done.best_score:
            self.done.best = {name: value.clone() for name, value in kept.items()}
            self.done.best_epoch = epoch
            self.done.best_score = -math.inf if score is None else score
        say(_sentence(row))

    def _step(self, step: int) -> Tensor:
        """One step; mean loss and share of hits, on the device."""
        recipe = self.task.recipe
        seed = step_seed(recipe.seed, step)
        torch.manual_seed(seed + self._company.rank)  # for dropout: unlike in every share
        windows, targets, own = self._batches.draw(seed)
        targets = smooth(targets, recipe.label_smoothing)
        mass = None if self._weights is None else (targets * self._weights).sum() / self._company.size
        windows, targets = self._company.share(windows), self._company.share(targets)
        rate = learning_rate(recipe, step, recipe.epochs * self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.bf16):
            logits = self._called(windows) if own is None else self._called(windows, self._company.share(own))
        loss = soft_cross_entropy(logits, targets, self._weights, mass)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimiser.step()
        if recipe.ema:
            self._average(step)
        hits = (logits.argmax(1) == targets.argmax(1)).float().mean()
        return self._company.mean(torch.stack([loss.detach().float(), hits]))

    def _read(self, reached: Tensor, step: int) -> tuple[float, float]:
        loss, hits = reached.tolist()
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} at step {step}; train with a lower lr (now {self.task.recipe.lr:g}), "
                "weight_decay or augment.gain"
            )
        return loss, hits

    def _divergence(self, places: NDArray[np.int64], probabilities: NDArray[np.float32]) -> float | None:
        """Mean Kullback-Leibler divergence of the answers from the votes, nats; None where nobody voted."""
        votes, starts = self.task.corpus.votes, self.task.track.starts
        assert votes is not None  # noqa: S101 - it is asked only where there are some
        said = votes[np.searchsorted(starts[1:], places, side="right")]
        return metrics.divergence(said, probabilities)

    def _average(self, step: int) -> None:
        """Running mean of the weights; early steps weigh more, so that the random start is soon forgotten."""
        decay = min(self.task.recipe.ema, (step + 1) / (step + 10))
        now = self.network.state_dict()
        if not self.done.average:
            self.done.average = snapshot(self.network)
        means = self.done.average
        floats = [name for name, mean in means.items() if mean.is_floating_point()]
        torch._foreach_lerp_([means[name] for name in floats], [now[name] for name in floats], 1 - decay)
        for name in means.keys() - set(floats):
            means[name].copy_(now[name])

    def _validate(self, weights: dict[str, Tensor]) -> dict[str, float | None]:
        people = self.task.split.validation
        if not people:
            return {}
        present = snapshot(self.network)
        self.network.load_state_dict(weights)
        places, truth = self.task.windows(people)
        probabilities = forward(self.network, self.task, places, self.device)
        self.network.load_state_dict(present)
        counts = metrics.confusion(truth, probabilities.argmax(1), len(self.task.corpus.labels))
        divergence = (
            {} if self.task.corpus.votes is None else {"val_divergence": self._divergence(places, probabilities)}
        )
        return divergence | {
            "val_loss": metrics.log_loss(probabilities, truth),
            "val_window_accuracy": metrics.accuracy(counts),
            "val_macro_f1": metrics.macro_f1(counts),
        }


def one_behind(items: Iterable[T]) -> Iterator[T]:
    """The same items, each only once the next one was made: who reads an accelerator's result then finds it ready."""
    waiting: list[T] = []
    for item in items:
        yield from waiting
        waiting = [item]
    yield from waiting


def forward(network: nn.Module, task: Task, places: NDArray[np.int64], device: torch.device) -> NDArray[np.float32]:
    """Probabilities ``(n, K)`` of the windows that begin at ``places`` in the track."""
    steps = np.arange(task.design.spec.window)
    network.eval()
    answers: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for first in range(0, len(places), AT_ONCE):
            rows = places[first : first + AT_ONCE, None] + steps
            windows = torch.from_numpy(task.track.samples[rows]).to(device).transpose(1, 2)
            answers.append(network(windows).softmax(1).cpu().numpy())
    network.train()
    return np.concatenate(answers) if answers else np.empty((0, len(task.corpus.labels)), np.float32)


def decorrelate(network: nn.Module, task: Task) -> None:
    """Fits every ``Decorrelation`` of a network to the covariance of the training side, in place.

    Like the scale of the processing, it takes in the people set apart for early stopping: their labels are not used.
    """
    for module in network.modules():
        if isinstance(module, Decorrelation):
            module.fit(covariance(task, module.differences))


def covariance(task: Task, differences: int = 0) -> Tensor:
    """Mean product of each two rows of ``models.blocks.with_differences`` over all recordings, ``(D, D)`` float64."""
    samples, starts = task.track.samples, task.track.starts
    size = samples.shape[1] * (1 + differences)
    total = torch.zeros(size, size, dtype=torch.float64)
    for begin, end in pairwise(starts.tolist()):
        for first in range(begin, end, AT_ONCE * AT_ONCE):  # what an hour of recording needs at once is bounded
            part = samples[first : min(end, first + AT_ONCE * AT_ONCE)].astype(np.float64)
            rows = with_differences(torch.from_numpy(part.T)[None], differences)[0]
            total += rows @ rows.T
    return total / len(samples)


def class_weights(recipe: Recipe, labels: Sequence[str], device: torch.device) -> Tensor | None:
    """What a window of each gesture counts, ``(K,)``; None where all count alike.

    Raises:
        ValueError: the recipe has weights for another number of gestures.
    """
    if not recipe.class_weights:
        return None
    if len(recipe.class_weights) != len(labels):
        raise ValueError(
            f"class_weights holds {len(recipe.class_weights)} weights, but the data have {len(labels)} gestures "
            f"({', '.join(labels)}); give one for each, or none"
        )
    return torch.tensor(recipe.class_weights, device=device)


def _sentence(row: dict[str, Any]) -> str:
    score = row.get("val_window_accuracy")
    beside = "" if score is None else f", validation windows {100 * score:.1f} %"
    own = f"epoch {row['epoch']}: loss {row['loss']:.3f}, training windows {100 * row['accuracy']:.1f} %"
    return f"{own}{beside}, {row['seconds']:.0f} s"
