"""`train.steps=100` on the command line: one typed change to every run of a study.

The path is walked through the runs' frozen dataclasses (`test_splits.0.data.videos`,
`test_splits.*.data.videos` for all of a list), the value is read as the field's declared type
(`records/typed_value.py`), and the dataclasses are rebuilt, so that their own checks hold.

`seed=7` is the seed of the whole run, as an experiment's seed is: of the training videos, the first
weights and the noise. `data.seed=7` is that of the training videos alone."""

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from physscale.records.errors import UserError, one_line
from physscale.records.nearest import nearest
from physscale.records.typed_value import read_value
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
        hint = nearest(key, names)
        raise UserError(
            f"override {whole[:80]}: no key {key[:40]!r} in {type(owner).__name__}; {hint}"
        )
    new = (
        _step(getattr(owner, key), rest, value=value, whole=whole)
        if rest
        else _typed(owner, key=key, value=value, whole=whole)
    )
    try:
        return replace(owner, **{key: new})
    except (ValueError, UserError) as error:
        raise UserError(f"override {whole[:80]}={value[:80]}: {one_line(error)}") from error


def _step(item: Any, rest: list[str], *, value: str, whole: str) -> Any:  # noqa: ANN401
    if not rest:
        raise UserError(
            f"override {whole[:80]}: names a whole {type(item).__name__}; go on to one of its "
            f"keys, as in {whole[:80]}.KEY=VALUE"
        )
    if not (dataclasses.is_dataclass(item) or isinstance(item, tuple)):
        raise UserError(
            f"override {whole[:80]}: {rest[0][:40]!r} goes below a plain value ({str(item)[:40]})"
        )
    return _set(item, path=rest, value=value, whole=whole)


def _positions(owner: tuple[Any, ...], *, key: str, whole: str) -> range:
    if key == "*":
        return range(len(owner))
    if key in (places := [str(place) for place in range(len(owner))]):
        return range(places.index(key), places.index(key) + 1)
    raise UserError(
        f"override {whole[:80]}: {key[:40]!r} is no position in a list of {len(owner)}; use 0 to "
        f"{len(owner) - 1}, or * for all"
    )


def _typed(owner: Any, *, key: str, value: str, whole: str) -> Any:  # noqa: ANN401
    """The text read as the field's type."""
    declared = typing.get_type_hints(type(owner))[key]
    if dataclasses.is_dataclass(declared) or dataclasses.is_dataclass(getattr(owner, key)):
        raise UserError(
            f"override {whole[:80]}: names a whole {type(getattr(owner, key)).__name__}; go on to "
            "one of its keys"
        )
    try:
        return read_value(value, declared=declared)
    except ValueError as error:
        raise UserError(f"override {whole[:80]}={value[:80]}: {error}") from error
