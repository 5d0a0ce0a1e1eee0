"""`train.steps=100` on the command line: one typed change to every run of a study.

The path is walked through the runs' frozen dataclasses (`test_splits.0.data.videos`,
`test_splits.*.data.videos` for all of a list), the value is read by OmegaConf against the field's
declared type, and the dataclasses are rebuilt, so that their own checks hold.

`seed=7` is the seed of the whole run, as an experiment's seed is: of the training videos, the first
weights and the noise. `data.seed=7` is that of the training videos alone."""

import dataclasses
import difflib
import typing
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf

from physscale.records.errors import UserError
from physscale.study.spec import Study


def overridden(study: Study, *, overrides: Sequence[str]) -> Study:
    """The study with the changes made to each of its runs; they are other runs then, by
    fingerprint.

    Raises:
        UserError: for a wrong key or value, naming it and what is allowed.
    """
    pairs = _with_data_seed([_split(text) for text in overrides])
    groups = {}
    for group, runs in study.groups.items():
        changed = runs
        for path, value in pairs:
            changed = [_set(run, path=path.split("."), value=value, whole=path) for run in changed]
        groups[group] = tuple(changed)
    return replace(study, groups=groups, overrides=tuple(overrides))


def seed_note(overrides: Sequence[str]) -> str | None:
    """What `seed=` changes, in one line; None where it is not given."""
    pairs = [_split(text) for text in overrides]
    added = _with_data_seed(pairs)[len(pairs) :]
    if not added:
        return None
    return (
        f"seed={added[-1][1]} is the seed of each run and of its training videos; "
        "data.seed=N changes the videos alone"
    )


def _with_data_seed(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The changes, and the data's seed for each `seed` unless it is set on purpose."""
    if any(path == "data.seed" for path, _ in pairs):
        return pairs
    return pairs + [("data.seed", value) for path, value in pairs if path == "seed"]


def _split(text: str) -> tuple[str, str]:
    path, separator, value = text.partition("=")
    if not separator or not path:
        raise UserError(f"override {text[:80]!r}: write KEY=VALUE, as in train.steps=100")
    return path.strip(), value


def _set(owner: Any, *, path: list[str], value: str, whole: str) -> Any:  # noqa: ANN401 - any dataclass, any field
    key, *rest = path
    if isinstance(owner, tuple):
        chosen = _positions(owner, key=key, whole=whole)
        return tuple(
            _step(owner[at], rest, value=value, whole=whole) if at in chosen else owner[at]
            for at in range(len(owner))
        )
    names = [field.name for field in dataclasses.fields(owner)]
    if key not in names:
        close = difflib.get_close_matches(key, names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names)}"
        raise UserError(f"override {whole}: no key {key!r} in {type(owner).__name__}; {hint}")
    new = (
        _step(getattr(owner, key), rest, value=value, whole=whole)
        if rest
        else _typed(owner, key=key, value=value, whole=whole)
    )
    try:
        return replace(owner, **{key: new})
    except (ValueError, UserError) as error:
        raise UserError(f"override {whole}={value}: {error}") from error


def _step(item: Any, rest: list[str], *, value: str, whole: str) -> Any:  # noqa: ANN401
    if not rest:
        raise UserError(
            f"override {whole}: names a whole {type(item).__name__}; go on to one of its keys, as "
            f"in {whole}.KEY=VALUE"
        )
    if not (dataclasses.is_dataclass(item) or isinstance(item, tuple)):
        raise UserError(f"override {whole}: {rest[0]!r} goes below a plain value ({item!r})")
    return _set(item, path=rest, value=value, whole=whole)


def _positions(owner: tuple[Any, ...], *, key: str, whole: str) -> range:
    if key == "*":
        return range(len(owner))
    if key.isdigit() and int(key) < len(owner):
        return range(int(key), int(key) + 1)
    raise UserError(
        f"override {whole}: {key!r} is no position in a list of {len(owner)}; use 0 to "
        f"{len(owner) - 1}, or * for all"
    )


def _typed(owner: Any, *, key: str, value: str, whole: str) -> Any:  # noqa: ANN401
    """The text read as the field's type, by OmegaConf's structured configs."""
    declared = typing.get_type_hints(type(owner))[key]
    if dataclasses.is_dataclass(declared) or dataclasses.is_dataclass(getattr(owner, key)):
        raise UserError(
            f"override {whole}: names a whole {type(getattr(owner, key)).__name__}; go on to one "
            "of its keys"
        )
    schema = dataclasses.make_dataclass("Value", [(key, _as_list(declared))])
    try:
        # an interpolation would put values of the environment into errors and snapshots
        if "${" in value:
            raise ValueError(value)
        merged = OmegaConf.merge(
            OmegaConf.structured(schema), OmegaConf.from_dotlist([f"{key}={value}"])
        )
        read: Any = OmegaConf.to_container(merged, throw_on_missing=True)
        return _as_declared(read[key], declared=declared)
    except Exception as error:  # OmegaConf and PyYAML raise a dozen kinds for text that is no value
        raise UserError(f"override {whole}={value[:80]}: must be {_type_name(declared)}") from error


def _as_list(declared: Any) -> Any:  # noqa: ANN401
    """Tuples as lists, whose items OmegaConf checks at every depth."""
    if typing.get_origin(declared) is not tuple:
        return declared
    return list[_as_list(typing.get_args(declared)[0])]  # type: ignore[misc]


def _as_declared(value: Any, *, declared: Any) -> Any:  # noqa: ANN401
    """Lists as the declared tuples, of the declared length."""
    if typing.get_origin(declared) is not tuple:
        return value
    item, *rest = typing.get_args(declared)
    if rest != [Ellipsis] and len(value) != 1 + len(rest):
        raise ValueError(f"{len(value)} items")
    return tuple(_as_declared(part, declared=item) for part in value)


def _type_name(declared: Any) -> str:  # noqa: ANN401
    if typing.get_origin(declared) is typing.Literal:
        return "one of " + ", ".join(repr(choice) for choice in typing.get_args(declared))
    return (
        getattr(declared, "__name__", str(declared))
        if not typing.get_args(declared)
        else str(declared).replace("typing.", "")
    )
