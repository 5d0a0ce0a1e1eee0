"""The value of an override or of a machine file, read as its field's declared type.

Lists are YAML's (`[[1, 2], [3, 4]]`), words need no quotes, and numbers are plain: 100, 0.5, 1e-3.
YAML 1.1 reads 0100 as 64 and 1:30 as 90. Here both are refused, as are 1_000, inf and nan."""

import enum
import math
import re
import types
import typing
from typing import Any

import yaml  # of OmegaConf

_PADDED = re.compile(r"[+-]?0\d", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOTHING = ("null", "none", "~", "")


def read_value(text: str, *, declared: Any) -> Any:  # noqa: ANN401 - any field's type
    """The value.

    Raises:
        ValueError: that says what the value must be.
    """
    if declared is str:
        return text
    try:
        given = yaml.load(text, Loader=yaml.BaseLoader)  # lists and words, no numbers, no objects
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"must be {type_name(declared)}") from error
    return typed(given, declared=declared)


def typed(given: Any, *, declared: Any) -> Any:  # noqa: ANN401
    """The value of what `yaml.BaseLoader` makes of a text: words, and lists of them.

    Raises:
        ValueError: that says what the value must be.
    """
    try:
        return _read(given, declared=declared)
    except ValueError as error:
        why = f" ({error})" if str(error) else ""
        raise ValueError(f"must be {type_name(declared)}{why}") from error


def _read(given: Any, *, declared: Any) -> Any:  # noqa: ANN401
    kind, inner = typing.get_origin(declared), typing.get_args(declared)
    if kind is tuple:
        return _tuple(given, inner=inner)
    if not isinstance(given, str):
        raise ValueError
    if kind in (typing.Union, types.UnionType):
        return _one_of(given, kinds=inner)
    if kind is typing.Literal:
        return _choice(given, {str(choice): choice for choice in inner})
    if isinstance(declared, type) and issubclass(declared, enum.Enum):
        return _choice(given, {str(item.value): item for item in declared})
    if declared is bool:
        return _choice(given.lower(), {"true": True, "false": False})
    if declared is str:
        return given
    return _number(given, kind=declared)


def _tuple(given: Any, *, inner: tuple[Any, ...]) -> tuple[Any, ...]:  # noqa: ANN401
    if not isinstance(given, list):
        raise ValueError
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = inner[:1] * len(given)
    if len(inner) != len(given):
        raise ValueError(f"{len(given)} items instead of {len(inner)}")
    return tuple(_read(item, declared=kind) for item, kind in zip(given, inner, strict=True))


def _one_of(given: str, *, kinds: tuple[Any, ...]) -> Any:  # noqa: ANN401
    if types.NoneType in kinds and given.lower() in _NOTHING:
        return None
    for kind in kinds:
        if kind is not types.NoneType:
            try:
                return _read(given, declared=kind)
            except ValueError:
                continue
    raise ValueError


def _choice(given: str, choices: dict[str, Any]) -> Any:  # noqa: ANN401
    if given not in choices:
        raise ValueError
    return choices[given]


def _number(given: str, *, kind: Any) -> int | float:  # noqa: ANN401
    if _PADDED.match(given):
        raise ValueError("without zeros in front")
    if kind is int and _INTEGER.fullmatch(given):
        return int(given)
    if kind is float and _NUMBER.fullmatch(given) and math.isfinite(float(given)):
        return float(given)
    raise ValueError("a finite number" if kind is float else "")


def type_name(declared: Any) -> str:  # noqa: ANN401
    """The type for a reader."""
    if typing.get_origin(declared) is typing.Literal:
        return "one of " + ", ".join(repr(choice) for choice in typing.get_args(declared))
    if not typing.get_args(declared):
        return str(getattr(declared, "__name__", declared))
    return str(declared).replace("typing.", "")
