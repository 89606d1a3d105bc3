"""GPT-2 on patches of the window: its blocks, but a projection of samples instead of an embedding of words.

Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, as ``transformers`` has it; patches after
Dosovitskiy et al., ICLR 2021; that blocks which read language serve other signals when most of them stay as they are,
after Lu et al., "Frozen Pretrained Transformers as Universal Computation Engines", AAAI 2022. In the system that this
family comes from samples were written out as text, and nothing was frozen although that was meant.

The head reads the mean over the patches, not the last one: a gesture is held through the window, every patch tells of
it, and in a network that was trained on text no token is made for the end. Frozen are whole blocks only. Projection,
positions (which mean time here, not words), last normalisation and head are always trained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import GPT2Config, GPT2Model

from models import checks
from models.blocks import Decorrelation

SAME = (
    *("n_inner", "activation_function", "layer_norm_epsilon", "scale_attn_weights"),
    *("scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn"),
)
"""Settings that are as in the published GPT-2 and that no ``Config`` changes."""


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        patch: samples that become one token; zeros are put before the oldest where they do not come out even.
        width: of the transformer, a multiple of ``heads``.
        heads: of its attention.
        blocks: of the transformer.
        positions: the most tokens that it can tell the place of.
        trained: how many of the last blocks are trained; those before them are frozen.
        dropout: everywhere in the transformer and before the head, from 0 to below 1.
        pretrained: a name or a local folder, whose weights training starts from; "" for a random start. Only
            ``sized`` and ``start`` look at it.
    """

    channels: int = 8
    classes: int = 5
    patch: int = 12
    width: int = 64
    heads: int = 4
    blocks: int = 4
    positions: int = 256
    trained: int = 4
    dropout: float = 0.1
    pretrained: str = ""

    def __post_init__(self) -> None:
        checks.at_least(1, channels=self.channels, patch=self.patch, width=self.width)
        checks.at_least(1, heads=self.heads, blocks=self.blocks, positions=self.positions)
        checks.at_least(0, trained=self.trained)
        checks.distinct(self.classes)
        checks.share(dropout=self.dropout)
        if self.width % self.heads:
            raise ValueError(f"width is {self.width}; it must be a multiple of heads, which is {self.heads}")
        # With pretrained weights the number of blocks is theirs, and not known before sized.
        if self.trained > self.blocks and not self.pretrained:
            raise ValueError(f"trained is {self.trained}; there are only {self.blocks} blocks")


class GPT2(nn.Module):
    """``(B, C, T)`` to logits ``(B, K)``; T is at most ``patch * positions``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.patch, self.positions = config.patch, config.positions
        self.decorrelate: nn.Module = Decorrelation(config.channels)
        self.project = nn.Conv1d(config.channels, config.width, config.patch, config.patch)
        self.transformer = GPT2Model(_settings(config))
        del self.transformer.wte  # of words
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width, config.classes)
        for block in self.transformer.h[: max(0, config.blocks - config.trained)]:
            block.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class.

        Raises:
            ValueError: the window is too long.
        """
        length = x.shape[-1]
        if length > self.patch * self.positions:
            raise ValueError(
                f"a window of {length} samples is longer than {self.positions} patches of {self.patch}; "
                "build the network with a greater patch or more positions"
            )
        # An axis of height 1, which two-dimensional convolutions have (blocks.widened), ends here.
        tokens = self.project(pad(self.decorrelate(x), (-length % self.patch, 0))).flatten(2).transpose(1, 2)
        states = self.transformer(inputs_embeds=tokens, use_cache=False, return_dict=True).last_hidden_state
        logits: Tensor = self.head(self.dropout(states.mean(1)))
        return logits

    def settle(self) -> None:
        """Folds the mixing of the channels into the projection, for serving (``blocks.fold``)."""
        if isinstance(self.decorrelate, Decorrelation):
            self.project = self.decorrelate.fold_into(self.project)
            self.decorrelate = nn.Identity()


def build(config: Config) -> GPT2:
    """A fresh network, started at random whatever ``pretrained`` says; see ``start``."""
    return GPT2(config)


def sized(config: Config) -> Config:
    """The config with the sizes of its pretrained model; without one, as it is.

    Raises:
        ValueError: there is no such model, or it is no GPT-2 of the published kind, or has fewer blocks than are to
            be trained.
    """
    if not config.pretrained:
        return config
    try:
        found: Any = GPT2Config.from_pretrained(config.pretrained, **_where(config))
    except (OSError, ValueError) as error:
        raise ValueError(_absent(config, error)) from error
    usual = GPT2Config()
    if found.model_type != usual.model_type:
        raise ValueError(f"the model {config.pretrained} is a {found.model_type!r}; this family takes a 'gpt2'")
    for name in SAME:
        if getattr(found, name) != getattr(usual, name):
            raise ValueError(
                f"the model {config.pretrained} has {name} {getattr(found, name)!r}; this family is the published "
                f"GPT-2, with {getattr(usual, name)!r}"
            )
    sizes = {"width": found.n_embd, "heads": found.n_head, "blocks": found.n_layer, "positions": found.n_positions}
    if config.trained > found.n_layer:
        raise ValueError(f"trained is {config.trained}; the model {config.pretrained} has only {found.n_layer} blocks")
    return replace(config, **sizes)


def start(network: GPT2, config: Config) -> None:
    """Puts the weights of the pretrained model into a fresh network, in place; frozen blocks stay frozen.

    Args:
        network: built from ``config``.
        config: as ``sized`` gave it; one that names no model changes nothing.

    Raises:
        ValueError: the model cannot be had, or has other sizes.
    """
    if not config.pretrained:
        return
    if (right := sized(config)) != config:
        wrong = ", ".join(
            f"{name} {getattr(right, name)}"
            for name in ("width", "heads", "blocks", "positions")
            if getattr(right, name) != getattr(config, name)
        )
        raise ValueError(f"the model {config.pretrained} has {wrong}, unlike this network; build it from sized(config)")
    try:
        model = GPT2Model.from_pretrained(config.pretrained, use_safetensors=True, **_where(config))
    except (OSError, ValueError) as error:
        raise ValueError(_absent(config, error)) from error
    weights = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("wte.")}
    with torch.no_grad():
        network.transformer.load_state_dict(weights)


def _settings(config: Config) -> Any:
    return GPT2Config(
        vocab_size=1,
        n_positions=config.positions,
        n_embd=config.width,
        n_layer=config.blocks,
        n_head=config.heads,
        resid_pdrop=config.dropout,
        embd_pdrop=config.dropout,
        attn_pdrop=config.dropout,
        bos_token_id=None,
        eos_token_id=None,
    )


def _where(config: Config) -> dict[str, bool]:
    """A folder is read as it is; only a name is looked for elsewhere."""
    return {"local_files_only": Path(config.pretrained).is_dir()}


def _absent(config: Config, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"the model {config.pretrained!r} cannot be had ({reason}); give a name that is online or a local folder"
