"""The GPU door: networks, views and the last window live on the device; what is new comes in, a small tensor goes out.

For each decision only the samples of one hop cross to the device, through pinned memory. There they are appended to a
history that holds the last window of every stream; the views are gathered from it, every member looks at them, and the
weighted mean of the probabilities comes back. On a CUDA device all of that, copies included, is one captured graph:
one launch instead of two hundred. Members are branches of it that run side by side. The same code without the graph
runs on any device that PyTorch knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import families
from models.blocks import fold, lie_like_samples
from models.classifier import Effort, Probabilities, Windows
from models.columns import FEW, Aside
from models.engines.gaze import Gaze, Inlet, Unrolled
from models.engines.golden import differs
from models.engines.precision import Precision, candidates, computing
from models.engines.vote import Vote
from models.listing import Listing
from models.networks import Networks
from models.reading import WHOLE
from models.views import Views

SETTLE = 3
"""Runs before a graph is captured, in which libraries choose and allocate what they need."""


class Resident:
    """An ``Engine``: PyTorch, on the CPU or a CUDA device.

    Args:
        listing: of the checkpoint.
        networks: its members, loaded on the device.
        hop: samples that come in with each window.
        streams: S.
        precision: see ``models.engines.precision.candidates``.
        graph: capture CUDA graphs (a device of another kind has none).

    Attributes:
        precision: in which it computes.

    Raises:
        ValueError: a precision that is not to be had, or in which the golden windows get other answers.
    """

    name = "torch"

    def __init__(
        self,
        listing: Listing,
        networks: Networks,
        hop: int,
        *,
        streams: int = 1,
        precision: str = "auto",
        graph: bool = True,
    ) -> None:
        spec = networks.design.spec
        self._listing, self._networks = listing, networks
        self._views = [card.views for card in listing.cards]
        self._streams, self._hop, self._length = streams, min(hop, spec.window), spec.window
        self._device = networks.device
        self._cuda = self._device.type == "cuda"
        self._graph = graph and self._cuda
        self.precision = self._settled(listing, candidates(precision, self._device))
        shape = (streams, spec.window, spec.channels)
        self._history = torch.zeros(shape, device=self._device, dtype=self.precision.dtype)
        self._inlets = {fresh: self._inlet(shape, fresh) for fresh in {self._hop, spec.window}}
        self._outlet = torch.zeros((streams, len(networks.labels)), pin_memory=self._cuda)
        self._last = np.full(shape[1:], np.nan, np.float32)
        self._fresh = spec.window
        self._beside = [Aside(self._device, few=streams <= FEW) for _ in networks.members]
        self._launches: dict[tuple[int, Effort], Callable[[], None]] = {}

    @property
    def device(self) -> str:
        """Where it computes and how, for people."""
        if not self._cuda:
            return str(self._device)
        how = f"{self.precision.name}, {'one graph' if self._graph else 'no graph'}"
        return f"{self._device} ({torch.cuda.get_device_name(self._device)}, {how})"

    def take(self, windows: Windows, fresh: int) -> None:
        """See ``Engine``. Of one stream it makes sure that the rest is what it has seen, else it takes all."""
        length = self._length
        known = fresh == self._hop and fresh < length
        if self._streams == 1:
            known = known and np.array_equal(windows[0, :-fresh], self._last[fresh:])
            self._last[:] = windows[0]
        self._fresh = self._hop if known else length
        self._inlets[self._fresh].fill(windows[:, length - self._fresh :])

    def answer(self, effort: Effort) -> Probabilities:
        """See ``Engine``."""
        self._launch(self._fresh, effort)()
        self._fresh = 0  # now it is in the history: whoever asks again does not append it again
        if self._cuda:
            torch.cuda.current_stream(self._device).synchronize()
        return self._outlet.numpy().copy()

    def rehearse(self, effort: Effort) -> None:
        """See ``Engine``: looks at the history as it is, without appending to it, and waits for nothing."""
        self._launch(0, effort)()

    def batch(self, windows: NDArray[np.float32], effort: Effort) -> NDArray[np.float32]:
        """See ``Engine``; in the precision that was chosen, a few windows at a time and without a graph."""
        networks = [self._network(member) for member in range(len(self._views))]
        vote = Vote(self._listing, lambda member, rows: self._logits(networks[member], rows), self.name)
        return vote.batch(windows, effort)

    def logits(self, member: int, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(R, C, N)`` to ``(R, K)``, in the precision that was chosen."""
        return self._logits(self._network(member), rows)

    def _logits(self, network: nn.Module, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode(), computing(self._device, self.precision):
            x = torch.from_numpy(np.ascontiguousarray(rows.transpose(0, 2, 1))).to(self._device, self.precision.dtype)
            out: NDArray[np.float32] = network(x.transpose(1, 2)).float().cpu().numpy()
        return out

    def _launch(self, fresh: int, effort: Effort) -> Callable[[], None]:
        key = (fresh, effort)
        launch = self._launches.get(key)
        if launch is None:
            launch = self._launches[key] = self._prepared(*key)
        return launch

    def _settled(self, listing: Listing, wanted: tuple[Precision, ...]) -> Precision:
        """The first precision in which every golden window gets the answer that was stored."""
        for precision in wanted:
            self.precision = precision
            complaint = differs(listing, self.logits, precision.tolerance, precision.tolerance / 10)
            if not complaint:
                return precision
        raise ValueError(
            f"in {precision.name} on {self._device} {complaint} from its golden logits; use --precision fp32, or "
            "another device"
        )

    def _network(self, member: int) -> nn.Module:
        """A member, ``(R, C, N)`` to ``(R, K)``, in the present precision."""
        one = self._networks.members[member]
        network = one.reads(fold(one.module)).requires_grad_(False)
        return lie_like_samples(network.to(self._device, self.precision.dtype))

    def _voter(self, member: int, rows: int) -> nn.Module:
        """A member for a fixed number of rows, ``(R*N + 1, C)`` to ``(R, K)``."""
        network, one = self._network(member), self._networks.members[member]
        whole = one.reading == WHOLE
        lean = families.lean(one.checkpoint.family, network, rows, self._length) if whole else None
        return lean or Unrolled(network, rows)

    def _inlet(self, shape: tuple[int, ...], fresh: int) -> Inlet:
        size, dtype = (shape[0], fresh, shape[2]), self.precision.dtype
        pinned = torch.zeros(size, dtype=dtype, pin_memory=self._cuda)
        return Inlet(pinned, torch.zeros(size, device=self._device, dtype=dtype))

    def _prepared(self, fresh: int, effort: Effort) -> Callable[[], None]:
        """What answers with so much new and so much effort: a graph's replay, or the steps themselves."""
        with torch.inference_mode(), self._computing():
            step = self._step(self._inlets.get(fresh), effort)
            if not self._graph:
                return self._plain(step)
            history = self._history.clone()
            try:
                launch = _captured(step, self._device)
            except RuntimeError as error:
                raise ValueError(_no_graph(error, self._streams)) from error
            self._history.copy_(history)
        return launch

    def _computing(self) -> AbstractContextManager[None]:
        """For many streams speed is worth more than the last bit, which another algorithm would change."""
        return computing(self._device, self.precision, tried=self._streams > FEW)

    def _plain(self, step: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            with torch.inference_mode(), self._computing():
                step()

        return run

    def _step(self, inlet: Inlet | None, effort: Effort) -> Callable[[], None]:
        """Copy in, append, gather the views, ask the members, average, copy out; without an inlet, only look."""
        gazes, networks, shares = self._electorate(effort)
        memory = self._beside[0]

        def step() -> None:
            window = self._history if inlet is None else inlet.appended(self._history)
            with memory:
                if inlet is not None:
                    self._history.copy_(window)
            rows = {gaze: gaze.rows(window) for gaze in dict.fromkeys(gazes)}
            logits = self._side_by_side(networks, [rows[gaze] for gaze in gazes])
            votes = torch.cat([each.view(self._streams, -1, each.shape[1]) for each in logits], dim=1)
            mixed = torch.matmul(shares, votes.softmax(-1, dtype=torch.float32))
            self._outlet.copy_(mixed[:, 0], non_blocking=True)
            memory.join()

        return step

    def _electorate(self, effort: Effort) -> tuple[list[Gaze], list[nn.Module], Tensor]:
        """For each member of an effort what it looks at and its network; and ``(1, 1, V)``, the share of every vote."""
        members = [self._networks.members[place] for place in effort.members]
        total = sum(member.weight for member in members)
        made = {views: self._gaze(views, effort.views) for views in dict.fromkeys(self._views)}
        gazes = [made[self._views[place]] for place in effort.members]
        networks = [
            self._voter(place, self._streams * gaze.count) for place, gaze in zip(effort.members, gazes, strict=True)
        ]
        votes = zip(members, gazes, strict=True)
        shares = [member.weight / total / gaze.count for member, gaze in votes for _ in range(gaze.count)]
        return gazes, networks, torch.tensor(shares, device=self._device)[None, None]

    def _gaze(self, views: Views, at_most: int) -> Gaze:
        spec = self._networks.design.spec
        seen = views.arranged(spec.channels, spec.window)
        return Gaze(seen, at_most, self._streams, self._device, self.precision.dtype)

    def _side_by_side(self, networks: Sequence[nn.Module], rows: Sequence[Tensor]) -> list[Tensor]:
        """Each network's logits; on a GPU the networks run at the same time."""
        logits: list[Tensor] = []
        for beside, network, x in zip(self._beside[1:], networks[1:], rows[1:], strict=False):
            with beside:
                logits.append(network(x))
        first: Tensor = networks[0](rows[0])
        for beside in self._beside[1 : len(networks)]:
            beside.join()
        return [first, *logits]


def _captured(step: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """The replay of a step's CUDA graph."""
    aside = Aside(device)
    with aside:
        for _ in range(SETTLE):
            step()
    aside.join()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def replay(kept: Callable[[], None] = step) -> None:  # noqa: ARG001 - the graph uses memory of what the step holds
        graph.replay()

    return replay


def _no_graph(error: RuntimeError, streams: int) -> str:
    reason = str(error).strip().splitlines()[0]
    if isinstance(error, torch.OutOfMemoryError):
        return f"the GPU's memory does not suffice for {streams} streams ({reason}); ask for fewer"
    return f"the network cannot be captured as a CUDA graph ({reason}); --no-graph runs it without"
