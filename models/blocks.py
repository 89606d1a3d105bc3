"""Building blocks that families share, and what turns trained networks into one that serves.

Every block takes ``members``: the channels of M networks of one architecture lie side by side, and each convolution
is grouped by M, so that an ensemble runs as one network in one forward pass.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

QUIET = 1e-6
"""Mean square below which a window counts as silent; of a window of typical size it is 1."""


def conv_norm(inputs: int, outputs: int, kernel: int, *, stride: int = 1, members: int = 1) -> nn.Sequential:
    """A 1-D convolution and its batch normalisation, ``(B, M*inputs, T)`` to ``(B, M*outputs, ceil(T/stride))``.

    Args:
        inputs: channels that one member reads.
        outputs: channels that one member writes.
        kernel: length of the convolution, odd.
        stride: step of the convolution.
        members: M.
    """
    conv = nn.Conv1d(members * inputs, members * outputs, kernel, stride, kernel // 2, groups=members, bias=False)
    return nn.Sequential(conv, nn.BatchNorm1d(members * outputs))


def with_differences(x: Tensor, orders: int) -> Tensor:
    """Each channel, then the first differences of each, their differences, and so on; 0 stands at the beginning.

    Args:
        x: ``(B, C, T)``.
        orders: of differences; 0 for none.

    Returns:
        ``(B, C*(1+orders), T)``.
    """
    parts = [x]
    for _ in range(orders):
        parts.append(torch.diff(parts[-1], dim=-1, prepend=parts[-1][..., :1]))
    return torch.cat(parts, 1) if orders else x


class Decorrelation(nn.Module):
    """Mixes the input's channels by a fixed matrix, so that over the training people they are uncorrelated.

    Electrodes around one arm hear much the same: of the variance of eight monopolar channels four fifths lie in one
    direction, and what tells gestures apart in the others. The matrix is the inverse square root of the covariance
    (ZCA, Bell & Sejnowski, Vision Res 37:3327-3338, 1997), which keeps each channel as near to itself as can be;
    the identity until ``fit`` is called. It is a buffer: stored, never trained.

    With ``differences`` it mixes the channels and their differences in time together, D = C*(1+differences) rows.

    Args:
        channels: C.
        members: M; every member reads the same input and may have a matrix of its own.
        differences: see ``with_differences``.
    """

    matrix: Tensor

    def __init__(self, channels: int, members: int = 1, differences: int = 0) -> None:
        super().__init__()
        self.differences = differences
        self.register_buffer("matrix", torch.eye(channels * (1 + differences)).repeat(members, 1))

    def fit(self, covariance: Tensor, floor: float = 1e-4) -> None:
        """Takes the matrix from a ``(D, D)`` covariance of normalised samples and their differences.

        Eigenvalues below ``floor`` of the largest are raised to it, so that a dead channel is not blown up.
        """
        values, vectors = torch.linalg.eigh(covariance.double().cpu())
        values = values.clamp_min(float(values.max()) * floor)
        self.matrix.copy_((vectors * values.rsqrt()) @ vectors.T)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T)`` to ``(B, M*D, T)``."""
        return self.matrix @ with_differences(x, self.differences)

    def fold_into(self, conv: nn.Conv1d) -> nn.Conv1d:
        """A convolution of the plain input that does what ``conv`` does after this mixing of channels, up to rounding.

        Args:
            conv: reads M*C channels in M groups.
        """
        members, channels = conv.groups, self.matrix.shape[1]
        kernels = conv.weight.detach().view(members, -1, channels, conv.kernel_size[0])
        mixed = torch.einsum("mock,mci->moik", kernels, self.matrix.view(members, channels, channels))
        kernel, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
        folded = nn.Conv1d(channels, conv.out_channels, kernel, stride, padding, bias=conv.bias is not None)
        folded.weight = nn.Parameter(mixed.flatten(0, 1), requires_grad=False)
        if conv.bias is not None:
            folded.bias = nn.Parameter(conv.bias.detach(), requires_grad=False)
        return folded


def mixed(rows: Tensor, own: Tensor) -> Tensor:
    """Each of B rows blended with the one half a batch further on: MixUp of whatever a network makes of its windows.

    Verma et al., "Manifold Mixup", ICML 2019. Batches are drawn at random, so that a fixed partner is a random one; and
    in equal shares of a batch, every Nth row in each, partners stay together.

    Args:
        rows: ``(B, F)``, features or labels; B even.
        own: ``(B,)``, the share of the row itself.
    """
    own = own.to(rows.dtype)[:, None]
    return own * rows + (1 - own) * rows.roll(len(rows) // 2, 0)


class Levelled(nn.Module):
    """Divides each window by its own root mean square over all channels: instance-wise normalisation of signals.

    Loud and quiet windows then look alike; how the channels compare stays as it is. A window of silence stays silent.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T)``, or ``(B, C, 1, T)``, to the same."""
        return x * (x.square().mean((1, -1), keepdim=True) + QUIET).rsqrt()


class Newest(nn.Module):
    """A network behind the newest part of a longer window, in another scale; see ``models.reading``.

    Args:
        network: takes the newest samples, in its own scale.
        skip: samples before them.
        gain: of each channel; empty for none.
    """

    gain: Tensor

    def __init__(self, network: nn.Module, skip: int, gain: Sequence[float]) -> None:
        super().__init__()
        self.network, self.skip = network, skip
        self.register_buffer("gain", torch.tensor(gain, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, N)``, or ``(B, C, 1, N)``, to what the network makes of it."""
        x = x[..., self.skip :]
        if len(self.gain):
            x = x * self.gain.to(x.dtype).view(-1, *[1] * (x.ndim - 2))
        out: Tensor = self.network(x)
        return out


class SqueezeExcitation(nn.Module):
    """What each channel is to be weighed by, from what all of them did over the whole window.

    Hu, Shen and Sun, "Squeeze-and-Excitation Networks", CVPR 2018, equations 2 to 4.
    """

    def __init__(self, channels: int, ratio: int, members: int = 1) -> None:
        super().__init__()
        narrow = max(1, channels // ratio)
        self.squeeze = nn.Conv1d(members * channels, members * narrow, 1, groups=members)
        self.excite = nn.Conv1d(members * narrow, members * channels, 1, groups=members)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, M*channels, T)`` to the weights of its channels, ``(B, M*channels, 1)``, by which to multiply it."""
        mean = x.mean(-1, keepdim=True)
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(mean))))


def fold(module: nn.Module) -> nn.Module:
    """A copy in eval mode whose batch normalisations are folded into the convolutions before them.

    It computes the same function up to rounding. A normalisation is found where it directly follows a convolution
    in an ``nn.Sequential``, as ``conv_norm`` builds it. A network with a method ``settle`` then folds what only it
    knows.
    """
    folded = copy.deepcopy(module).eval()
    for parent in list(folded.modules()):
        if not isinstance(parent, nn.Sequential):
            continue
        for after in reversed(range(1, len(parent))):
            conv, norm = parent[after - 1], parent[after]
            if isinstance(conv, nn.Conv1d | nn.Conv2d) and isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                parent[after - 1] = fuse_conv_bn_eval(conv, norm)
                del parent[after]
    for part in list(folded.modules()):  # which settling changes
        if (settle := getattr(part, "settle", None)) is not None:
            settle()
    return folded


Network = TypeVar("Network", bound=nn.Module)


def lie_like_samples(network: Network) -> Network:
    """Lays the kernels out as samples are, ``(T, C)``, in place: a GPU's convolutions then need not turn either."""
    for conv in network.modules():
        if isinstance(conv, nn.Conv1d):
            conv.weight.data = conv.weight.data.transpose(1, 2).contiguous().transpose(1, 2)
    return network


def widened(module: nn.Module) -> nn.Module:
    """A copy whose 1-D convolutions are 2-D ones of height 1, for input ``(B, C, 1, T)`` instead of ``(B, C, T)``.

    It computes the same where the rest of the network does not mind the additional axis; the caller must compare.
    """
    wide = copy.deepcopy(module)
    for parent in list(wide.modules()):
        for name, conv in list(parent.named_children()):
            if isinstance(conv, nn.Conv1d) and isinstance(conv.padding, tuple):
                setattr(parent, name, _widened(conv))
    return wide


def _widened(conv: nn.Conv1d) -> nn.Conv2d:
    sizes = [(1, conv.kernel_size[0]), (1, conv.stride[0]), (0, int(conv.padding[0])), (1, conv.dilation[0])]
    kernel, stride, padding, dilation = sizes
    wide = nn.Conv2d(
        conv.in_channels, conv.out_channels, kernel, stride, padding, dilation, conv.groups, conv.bias is not None
    )
    wide.weight = nn.Parameter(conv.weight.detach().unsqueeze(2), requires_grad=False)
    if conv.bias is not None:
        wide.bias = nn.Parameter(conv.bias.detach(), requires_grad=False)
    return wide


def stack_states(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The state of M networks of one architecture as the state of one with ``members=M``.

    Raises:
        ValueError: there are none, or they have different names.
    """
    if not states or any(state.keys() != states[0].keys() for state in states):
        raise ValueError(
            "only networks of one architecture can be stacked; these have different parameters or are none"
        )
    # Scalars (the count of batches that a normalisation saw) have no member axis and do not matter in serving.
    return {
        name: torch.cat([state[name] for state in states]) if first.dim() else first.clone()
        for name, first in states[0].items()
    }
