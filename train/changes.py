"""How a person changes parts of a recipe: ``key=value``, parts of parts with a dot."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any

from models.families import config_of
from train.recipe import FROM_DATA, Recipe

YES = ("true", "yes", "on", "1")
NO = ("false", "no", "off", "0")


def override(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """A recipe with parts changed.

    Args:
        recipe: to start from.
        changes: ``key=value``, parts of parts with a dot: ``epochs=2``, ``model.widths=16,32``, ``dsp.hop_ms=20``.

    Raises:
        ValueError: a key is unknown (the message lists the known ones), or a value of the wrong type or impossible.
    """
    known = dict(keys(recipe))
    flat: dict[str, Any] = {}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"{change!r} is not understood; write key=value, for example epochs=2")
        if key not in known:
            raise ValueError(f"{key!r} is no key of this recipe; known are {', '.join(sorted(known))}")
        flat[key] = _parse(key, text, known[key])
    changed = _replaced(recipe, flat)
    config_of(changed.family, changed.model)
    return changed


def keys(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """Every key that can be changed, with its type."""
    for part, hint in typing.get_type_hints(Recipe).items():
        value = getattr(recipe, part)
        if is_dataclass(value):
            for name, inner in typing.get_type_hints(type(value)).items():
                yield f"{part}.{name}", inner
        elif part == "model":
            config = config_of(recipe.family, recipe.model)
            for name, inner in typing.get_type_hints(type(config)).items():
                if name not in FROM_DATA:
                    yield f"{part}.{name}", inner
        elif part != "family":
            yield part, hint


def settings(recipe: Recipe) -> Iterator[str]:
    """``key=value`` for every key that can be changed, with the value it has."""
    for key, _ in keys(recipe):
        part, _, name = key.partition(".")
        value = getattr(recipe, part)
        if part == "model":
            value = getattr(config_of(recipe.family, recipe.model), name)
        elif name:
            value = getattr(value, name)
        yield f"{key}={','.join(map(str, value)) if isinstance(value, tuple) else value}"


def _replaced(recipe: Recipe, flat: dict[str, Any]) -> Recipe:
    changes: dict[str, Any] = {key: value for key, value in flat.items() if "." not in key}
    for part in fields(recipe):
        inner = {key.partition(".")[2]: value for key, value in flat.items() if key.startswith(part.name + ".")}
        if inner:
            now = getattr(recipe, part.name)
            changes[part.name] = {**now, **inner} if isinstance(now, Mapping) else replace(now, **inner)
    return replace(recipe, **changes)


def _parse(key: str, text: str, hint: Any) -> Any:
    """The value that ``text`` stands for, of the type ``hint``."""
    if typing.get_origin(hint) in (UnionType, typing.Union):
        kinds = typing.get_args(hint)
        if NoneType in kinds and text.lower() in ("none", "auto"):
            return None
        return _parse(key, text, next(kind for kind in kinds if kind is not NoneType))
    if typing.get_origin(hint) is tuple:
        kinds = typing.get_args(hint)
        if not text.strip("()[] ") and kinds[-1] is Ellipsis:
            return ()
        parts = text.strip("()[] ").rstrip(",").split(",")
        if kinds[-1] is not Ellipsis and len(parts) != len(kinds):
            raise ValueError(f"{key}={text} gives {len(parts)} values; it takes {len(kinds)}, separated by commas")
        return tuple(_parse(key, part, kinds[0]) for part in parts)
    if hint is bool:
        if text.lower() not in YES + NO:
            raise ValueError(f"{key}={text} is no yes or no; write true or false")
        return text.lower() in YES
    try:
        return hint(text.strip())
    except ValueError:
        wanted = {int: "a whole number", float: "a number"}.get(hint, hint.__name__)
        raise ValueError(f"{key}={text} is not understood; it takes {wanted}") from None
