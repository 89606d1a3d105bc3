"""Frozen settings to plain JSON values and back, with errors that name the known keys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)
else:
    Settings = TypeVar("Settings")


def to_json(settings: DataclassInstance) -> dict[str, Any]:
    """The fields of a dataclass as plain values; tuples become lists."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()}


def from_json(cls: type[Settings], plain: object, what: str) -> Settings:
    """The inverse of ``to_json``; a key that is absent takes its default.

    Args:
        cls: a dataclass whose fields all have defaults; a value must be of the kind of its field's default.
        plain: a mapping, usually out of a JSON file.
        what: how an error calls the whole, such as "the config of 'se_resnet'".

    Raises:
        ValueError: not a mapping, an unknown key (the known ones are listed), a value of another kind or one that
            the dataclass itself refuses.
    """
    if not isinstance(plain, Mapping):
        raise ValueError(f"{what} must be a table of keys and values, not {type(plain).__name__}")
    known = {field.name: field for field in fields(cls)}
    if unknown := sorted(str(key) for key in plain if key not in known):
        raise ValueError(f"{what} has unknown keys {', '.join(unknown)}; known are {', '.join(known)}")
    values = {key: _of_kind(value, _default(known[key]), f"{what}: {key}") for key, value in plain.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def read_json(text: bytes) -> Any:
    """Parses strict JSON: no NaN, no infinity.

    Raises:
        ValueError: it is none.
    """
    try:
        return json.loads(text.decode(), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _of_kind(value: object, default: object, what: str) -> object:
    """Returns ``value`` as the kind that ``default`` is of: bool, int, float, str or a tuple of one of these."""
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(_of_kind(one, default[0], what) for one in value) if default else tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if default is None or default is MISSING:
        return value
    if type(value) is not type(default) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{what} is {value!r}, but it must be of the kind of {default!r}")
    return value
