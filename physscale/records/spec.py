"""A configuration as canonical JSON, and its fingerprint.

A run is named by what it is: `fingerprint = SHA-256(canonical JSON)`, where every dataclass carries
its class name (two scenarios with equal fields must not share a fingerprint), keys are sorted and
floats are written in their shortest exact form. Anything that only changes speed (machine, workers,
logging) stays out of a fingerprinted dataclass, or is named in its `NEUTRAL`.

A class or a field that was renamed keeps the name under which it is written: `WRITTEN_AS:
ClassVar[str]` of the class, and `WRITTEN_FIELDS: ClassVar[dict[str, str]]` from a field to its
written name. Old fingerprints and old files stay valid."""

import dataclasses
import enum
import functools
import hashlib
import json
import math
from json.encoder import encode_basestring_ascii
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from physscale.records.errors import UserError
from physscale.records.registry import registry_of

SHORT_LENGTH = 12

Spec = TypeVar("Spec")


class _Anything:
    """Equal to every value."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


ANYTHING = _Anything()
"""In a class's `NEUTRAL`: the field never changes a result, so it is left out whatever its
value."""


def plain(value: Any) -> Any:  # noqa: ANN401 - the whole point is any configuration value
    """The value as JSON types: dataclasses as `{"type": ClassName, ...}`, enums by value, tuples as
    lists.

    A dataclass may hold `NEUTRAL: ClassVar[dict]`: a field that has its neutral value is left out,
    so that a field added later (at the value which reproduces the old behaviour), or one that never
    changes a result, does not change old fingerprints.

    Raises:
        TypeError: for anything that has no canonical form (a NaN, an array, a function).
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        neutral = getattr(value, "NEUTRAL", {})
        names = written_fields(type(value))
        fields = {name: getattr(value, name) for name in names}
        kept = {
            names[name]: plain(item)
            for name, item in fields.items()
            if name not in neutral or item != neutral[name]
        }
        return {"type": written_name(type(value))} | kept
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(
                f"a dictionary with keys other than strings has no canonical form: {value!r}"
            )
        return {key: plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise TypeError(f"{value!r} ({type(value).__name__}) has no canonical form")


def written_name(kind: type) -> str:
    """The name under which a class is written."""
    name: str = vars(kind).get("WRITTEN_AS", kind.__name__)
    return name


def written_fields(kind: Any) -> dict[str, str]:  # noqa: ANN401 - any dataclass
    """The name under which each field of a dataclass is written."""
    renamed = vars(kind).get("WRITTEN_FIELDS", {})
    return {field.name: renamed.get(field.name, field.name) for field in dataclasses.fields(kind)}


def from_plain(kind: type[Spec], value: Any) -> Spec:  # noqa: ANN401
    """The inverse of `plain`, given the dataclass that was written: fields left out have their
    neutral values, which are their defaults.

    Raises:
        UserError: for another class, or a field that it does not have (a file of another version).
        ValueError: for a value that `plain` did not write.
    """
    if not isinstance(value, dict) or "type" not in value:
        raise ValueError(f"not a written {kind.__name__}: {value!r}"[:200])
    built: Spec = _rebuilt(kind, value)
    return built


def _rebuilt(hint: Any, value: Any) -> Any:  # noqa: ANN401
    """A value converted to its type hint."""
    if isinstance(value, dict) and "type" in value:
        kind: Any = _written_kind(hint, str(value["type"]))
        hints = get_type_hints(kind)
        fields = {written: name for name, written in written_fields(kind).items()}
        unknown = sorted(value.keys() - fields.keys() - {"type"})
        if unknown:
            raise UserError(
                f"{written_name(kind)} has no field {unknown[0]!r}: this file is of another "
                "version of physscale"
            )
        return kind(
            **{
                fields[key]: _rebuilt(hints[fields[key]], item)
                for key, item in value.items()
                if key in fields
            }
        )
    if isinstance(value, list):
        part = next((kind for kind in (hint, *get_args(hint)) if get_origin(kind) is tuple), None)
        if part is None:
            return [_rebuilt(Any, item) for item in value]
        inner = get_args(part)
        each = inner[:1] * len(value) if len(inner) == 2 and inner[1] is Ellipsis else inner
        return tuple(_rebuilt(kind, item) for kind, item in zip(each, value, strict=True))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if not any(_is(value, kind) for kind in (get_args(hint) if _joins(hint) else (hint,))):
        raise ValueError(f"{str(value)[:40]!r} is not {str(getattr(hint, '__name__', hint))[:80]}")
    return value


def _joins(hint: Any) -> bool:  # noqa: ANN401
    return get_origin(hint) in (Union, UnionType)


def _is(value: Any, kind: Any) -> bool:  # noqa: ANN401
    """Whether a plain value is of this type; a whole number is a float, too."""
    if not isinstance(kind, type):
        return kind is Any or get_origin(kind) is dict or value in get_args(kind)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _written_kind(hint: Any, name: str) -> Any:  # noqa: ANN401
    """The class that is written under this name, for a value of this type."""
    hints = (hint, *get_args(hint))
    for registry in filter(None, map(registry_of, hints)):
        return registry.named(name)
    kinds = [kind for kind in hints if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    known = {written_name(kind): kind for kind in kinds}
    if name not in known:
        raise UserError(
            f"a description of type {name!r}: allowed here are "
            f"{', '.join(sorted(known)) or 'plain values'}"
        )
    return known[name]


def canonical(value: Any) -> str:  # noqa: ANN401
    """Canonical JSON of a configuration: sorted keys, no blanks, ASCII. It equals the JSON of
    `plain(value)` and takes a quarter of the time."""
    kind: Any = type(value)
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is int or (kind is float and math.isfinite(value)):
        return repr(value)
    if kind is tuple or kind is list:
        return f"[{','.join([canonical(item) for item in value])}]"
    layout = _layout(kind)
    if layout is None:
        return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    neutral = getattr(value, "NEUTRAL", {})
    parts = []
    for name, key, own in layout:
        if own is not None:
            parts.append(own)
            continue
        item = getattr(value, name)
        if name not in neutral or item != neutral[name]:
            parts.append(key + canonical(item))
    return f"{{{','.join(parts)}}}"


class _Key(NamedTuple):
    """A field of a dataclass as it appears in the text. `own` is the whole entry if it does not
    depend on the value (the class name)."""

    name: str
    text: str
    own: str | None


@functools.cache
def _layout(kind: type) -> tuple[_Key, ...] | None:
    """The entries of a dataclass in their order; None for any other class."""
    if not dataclasses.is_dataclass(kind):
        return None
    fields = {written: name for name, written in written_fields(kind).items()}
    entries = [
        (written, _Key(name, f"{encode_basestring_ascii(written)}:", None))
        for written, name in fields.items()
    ]
    if "type" not in fields:
        entries.append(
            ("type", _Key("type", "", f'"type":{encode_basestring_ascii(written_name(kind))}'))
        )
    return tuple(key for _, key in sorted(entries, key=lambda entry: entry[0]))


def fingerprint(*values: Any) -> str:  # noqa: ANN401
    """SHA-256 (64 hex digits) of the canonical JSON of the values, in order."""
    return hashlib.sha256("\n".join(canonical(value) for value in values).encode()).hexdigest()


def is_sha256(text: str) -> bool:
    """Whether the text is 64 digits of 0-9 and a-f."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def short(full: str) -> str:
    """The first twelve digits, as folders and tables show them."""
    return full[:SHORT_LENGTH]
