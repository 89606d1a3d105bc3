"""SE-ResNet-1D: residual convolutions over time, each unit with squeeze-and-excitation.

Residual units after He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (figure 2, option B for the
skip); squeeze-and-excitation before the addition, after Hu, Shen and Sun, CVPR 2018 (figure 3). The source of the
system leaves widths and depth open; the defaults are this project's choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from models import checks
from models.blocks import Decorrelation, SqueezeExcitation, conv_norm, lie_like_samples
from models.columns import FEW, Aside, Columns, Pointwise, product


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        widths: channels of each stage; every stage but the first halves the length.
        depth: residual units in a stage.
        kernel: length of every convolution but the 1x1, odd.
        stem_stride: step of the first convolution.
        ratio: how much narrower squeeze-and-excitation is inside than outside.
        dropout: before the linear head, from 0 to below 1.
    """

    channels: int = 8
    classes: int = 5
    widths: tuple[int, ...] = (32, 64, 128)
    depth: int = 2
    kernel: int = 7
    stem_stride: int = 2
    ratio: int = 8
    dropout: float = 0.3

    def __post_init__(self) -> None:
        checks.at_least(1, channels=self.channels, depth=self.depth, kernel=self.kernel)
        checks.at_least(1, stem_stride=self.stem_stride, ratio=self.ratio)
        checks.distinct(self.classes)
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths is {self.widths}; give the channels of at least one stage, each at least 1")
        checks.odd("kernel", self.kernel)
        checks.share(dropout=self.dropout)


class Residual(nn.Module):
    """conv-BN-ReLU-conv-BN-SE, plus the input, ReLU; ``(B, M*inputs, T)`` to ``(B, M*outputs, ceil(T/stride))``."""

    def __init__(self, inputs: int, outputs: int, stride: int, config: Config, members: int) -> None:
        super().__init__()
        self.enter = conv_norm(inputs, outputs, config.kernel, stride=stride, members=members)
        self.leave = conv_norm(outputs, outputs, config.kernel, members=members)
        self.weigh = SqueezeExcitation(outputs, config.ratio, members)
        same = inputs == outputs and stride == 1
        self.skip = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride=stride, members=members)

    def forward(self, x: Tensor) -> Tensor:
        """One residual unit."""
        y = self.leave(torch.relu(self.enter(x)))
        return torch.relu(torch.addcmul(self.skip(x), y, self.weigh(y)))


class SEResNet(nn.Module):
    """``(B, C, T)`` of any length T to logits ``(B, K)``, or ``(B, M, K)`` with more than one member.

    Args:
        config: the architecture.
        members: how many networks of it run side by side on the same input; ``blocks.stack_states`` makes their
            common state.
    """

    def __init__(self, config: Config, members: int = 1) -> None:
        super().__init__()
        self.members = members
        self.classes = config.classes
        first, last = config.widths[0], config.widths[-1]
        self.decorrelate: nn.Module = Decorrelation(config.channels, members)
        self.stem = conv_norm(config.channels, first, config.kernel, stride=config.stem_stride, members=members)
        units = [Residual(first, first, 1, config, members) for _ in range(config.depth)]
        for before, width in pairwise(config.widths):
            units.append(Residual(before, width, 2, config, members))
            units += [Residual(width, width, 1, config, members) for _ in range(config.depth - 1)]
        self.units = nn.Sequential(*units)
        self.dropout = nn.Dropout(config.dropout)
        # A linear layer on (B, M*width, 1): as a 1x1 convolution it can be grouped by member.
        self.head = nn.Conv1d(members * last, members * config.classes, 1, groups=members)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        features = self.units(torch.relu(self.stem(self.decorrelate(x)))).mean(-1, keepdim=True)
        logits: Tensor = self.head(self.dropout(features)).flatten(1)
        return logits if self.members == 1 else logits.view(-1, self.members, self.classes)

    def settle(self) -> None:
        """Folds the mixing of the channels into the stem, for serving (``blocks.fold``)."""
        stem = self.stem[0]
        if isinstance(self.decorrelate, Decorrelation) and isinstance(stem, nn.Conv1d):
            self.stem[0] = self.decorrelate.fold_into(stem)
            self.decorrelate = nn.Identity()


def build(config: Config, members: int = 1) -> SEResNet:
    """A fresh network with PyTorch's default initialisation."""
    return SEResNet(config, members)


class Lean(nn.Module):
    """A folded network for few windows, in as few steps one after another as there can be.

    Rows ``(B*T + 1, C)`` to logits ``(B, K)``; see ``models.columns``.

    Args:
        network: of one member, folded (``blocks.fold``).
        windows: B.
        length: T.
    """

    def __init__(self, network: SEResNet, windows: int, length: int) -> None:
        super().__init__()
        self.windows = windows
        stem = _conv(network.stem)
        aside = Aside(stem.weight.device)
        self.stem = Columns(stem, windows, length, relu=True)
        self.units = nn.ModuleList()
        length = self.stem.length
        for unit in network.units:
            lean = LeanResidual(cast("Residual", unit), windows, length, aside)
            self.units.append(lean)
            length = lean.leave.length
        self.head = Pointwise(network.head)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        y = self.stem(self.stem.columns(x))
        for unit in self.units:
            y = unit(y)
        logits: Tensor = self.head(y[:-1].view(self.windows, -1, y.shape[1]).mean(1))
        return logits


class LeanResidual(nn.Module):
    """A ``Residual`` on rows; ``(B*T + 1, inputs)`` to ``(B*T' + 1, outputs)``.

    What squeezing needs of the second convolution is its mean over time. Both are linear, so together they are one
    product with what flows into it (``gate``), and the weights can be had while the convolution is still going on.
    """

    memory: Tensor
    gate: Tensor
    offset: Tensor
    held: Tensor

    def __init__(self, unit: Residual, windows: int, length: int, aside: Aside) -> None:
        super().__init__()
        self.windows, self.aside = windows, aside
        leave, squeeze = _conv(unit.leave), unit.weigh.squeeze
        self.enter = Columns(_conv(unit.enter), windows, length, relu=True)
        self.leave = Columns(leave, windows, self.enter.length, relu=False)
        self.excite = Pointwise(unit.weigh.excite)
        self.skip = Pointwise(_conv(unit.skip)) if isinstance(unit.skip, nn.Sequential) else None
        gate, offset = _squeezed_mean(leave, squeeze, self.enter.length)
        self.register_buffer("gate", gate)
        self.register_buffer("offset", offset)
        self.register_buffer("memory", torch.zeros_like(self.leave.memory))

    def forward(self, x: Tensor) -> Tensor:
        """One residual unit."""
        under = self.enter.columns(x)
        inside = self.enter(under)
        with self.aside:
            squeezed = product(inside[:-1].view(self.windows, -1), self.gate, self.offset, relu=True)
            weights = torch.sigmoid_(self.excite(squeezed))
        # PyTorch has few streams, so that another network's may be this same one: it would get the memory of what was
        # made there as soon as that is let go of, while it is still read here.
        self.held = weights
        # What the skip's kernel of one sample reads is what lies under the middle of the other kernel.
        skip = x[:-1] if self.skip is None else self.skip(under[:, self.enter.middle])
        y = self.leave(self.leave.columns(inside))[:-1].view(self.windows, self.leave.length, -1)
        self.aside.join()
        out = self.memory[:-1].view_as(y)
        torch.relu_(torch.addcmul(skip.view_as(y), y, weights[:, None], out=out))
        return self.memory


class Swift(nn.Module):
    """A folded network for many windows: convolutions, and nothing written twice that need not be.

    Rows ``(B*T + 1, C)`` to logits ``(B, K)``.

    Args:
        network: of one member, folded; changed to kernels that lie like the samples.
        windows: B.
        length: T.
    """

    def __init__(self, network: SEResNet, windows: int, length: int) -> None:
        super().__init__()
        self.windows, self.length = windows, length
        self.network = lie_like_samples(network)
        self.squeeze = nn.ModuleList(Pointwise(unit.weigh.squeeze, relu=True) for unit in _units(network))
        self.excite = nn.ModuleList(Pointwise(unit.weigh.excite) for unit in _units(network))
        self.head = Pointwise(network.head)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        y = x[:-1].view(self.windows, self.length, -1).transpose(1, 2)
        y = torch.relu_(self.network.stem(y))
        for unit, squeeze, excite in zip(_units(self.network), self.squeeze, self.excite, strict=True):
            inner = unit.leave(torch.relu_(unit.enter(y)))
            weights = torch.sigmoid_(excite(squeeze(inner.mean(-1))))
            y = torch.relu_(torch.addcmul(unit.skip(y), inner, weights[..., None]))
        logits: Tensor = self.head(y.mean(-1))
        return logits


def lean(network: SEResNet, windows: int, length: int) -> nn.Module:
    """The same network for a GPU and a fixed number of windows: ``Lean`` for few, ``Swift`` for many."""
    return (Lean if windows <= FEW else Swift)(network, windows, length)


def _squeezed_mean(conv: nn.Conv1d, squeeze: nn.Conv1d, length: int) -> tuple[Tensor, Tensor]:
    """The mean over time of a convolution of step 1 and then a squeeze, as one product.

    Args:
        conv: C to O channels, with a bias, padded by half its kernel.
        squeeze: O to n channels, kernel 1.
        length: T of the input and the output.

    Returns:
        ``(T*C, n)`` for input laid out ``(B, T*C)``, and ``(n,)`` to be added.
    """
    taps, padding = conv.kernel_size[0], int(conv.padding[0])
    narrow = squeeze.weight.detach().double()[:, :, 0]
    each = torch.einsum("no,ock->kcn", narrow, conv.weight.detach().double())
    # Sample s meets tap k where there is an output at s - k + padding.
    output = torch.arange(length)[:, None] - torch.arange(taps) + padding
    meets = ((output >= 0) & (output < length)).to(each)
    gate = torch.einsum("sk,kcn->scn", meets, each).flatten(0, 1) / length
    offset = narrow @ _bias_of(conv).double() + _bias_of(squeeze).double()
    return gate.to(conv.weight), offset.to(conv.weight)


def _bias_of(conv: nn.Conv1d) -> Tensor:
    return torch.zeros_like(conv.weight[:, 0, 0]) if conv.bias is None else conv.bias.detach()


def _units(network: SEResNet) -> list[Residual]:
    return [cast("Residual", unit) for unit in network.units]


def _conv(folded: nn.Sequential) -> nn.Conv1d:
    """What is left of ``conv_norm`` after folding."""
    return cast("nn.Conv1d", folded[0])
