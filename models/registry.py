"""Which families there are and what each can do, known without PyTorch; ``models.families`` builds them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Family:
    """Where a family lives and what it can do.

    Attributes:
        module: to import.
        stackable: ``build`` takes ``members``, so that an ensemble of it runs as one network.
        lean: it has a form for few windows on a GPU.
        pretrained: it can start from weights that were trained on something else.
        portable: it can be written as an ONNX file and captured as a CUDA graph; one that computes on the way what no
            network does cannot, and only PyTorch runs it.
        mixes: its network also takes ``own``, the share of each window's own features in a mixture
            (``models.blocks.mixed``).
        extra: the optional dependency group that it needs, or None.
    """

    module: str
    stackable: bool = False
    lean: bool = False
    portable: bool = True
    pretrained: bool = False
    mixes: bool = False
    extra: str | None = None

    def load(self) -> Any:
        """Imports the family's module.

        Raises:
            ValueError: an optional dependency is not installed; the sentence names the extra.
        """
        try:
            return import_module(self.module)
        except ModuleNotFoundError as error:
            if self.extra is None:
                raise
            raise ValueError(
                f"{self.module} needs {error.name}, which is not installed: pip install 'myostream[{self.extra}]'"
            ) from error


FAMILIES: dict[str, Family] = {
    "efficientnet": Family("models.efficientnet", extra="transformers"),
    "hht_cnn": Family("models.hht_cnn", portable=False),
    "gpt2": Family("models.gpt2", extra="transformers", pretrained=True),
    "inception_se_tcn": Family("models.inception_se_tcn"),
    "resnet_gru": Family("models.resnet_gru"),
    "se_resnet": Family("models.se_resnet", stackable=True, lean=True),
    "semg_net": Family("models.semg_net"),
    "tangent": Family("models.tangent", mixes=True),
}


def family_of(name: str) -> Family:
    """The family called ``name``.

    Raises:
        ValueError: there is none; the known ones are listed.
    """
    if name not in FAMILIES:
        raise ValueError(f"there is no family {name!r}; known are {', '.join(sorted(FAMILIES))}")
    return FAMILIES[name]
