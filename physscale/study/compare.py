"""Why two fingerprints differ: the fields of the two descriptions, side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physscale.records.errors import DamagedData, UserError
from physscale.records.json_file import read_json
from physscale.records.spec import plain, short
from physscale.study.spec import load_study, study_names

_LEFT_OUT = "(left out: its neutral value)"


@dataclass(frozen=True)
class Found:
    """One run, wherever it was planned or executed."""

    fingerprint: str
    where: str
    spec: dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One field."""

    field: str
    old: Any
    new: Any


def find_run(beginning: str, *, results: Path) -> Found:
    """The one run whose fingerprint begins so, among the results of all studies and the plans of
    all experiments.

    Raises:
        UserError: if there is none, or more than one.
    """
    name = beginning.lower()
    if not name or set(name) - set("0123456789abcdef"):
        raise UserError(
            f"run {beginning[:64]!r}: give the beginning of a fingerprint (0-9, a-f), as "
            "`physscale plan` shows it"
        )
    found: dict[str, Found] = {}
    for one in _candidates(name, results=results):
        found.setdefault(one.fingerprint, one)
    if not found:
        raise UserError(f"run {beginning[:64]!r}: none begins so, in {results} or in experiments/")
    if len(found) > 1:
        raise UserError(
            f"run {beginning[:64]!r}: {len(found)} begin so "
            f"({', '.join(short(full) for full in list(found)[:4])}); give more"
        )
    return next(iter(found.values()))


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
    """The fields in which two descriptions differ, by their path, in the order of the first."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    return [
        Difference(field, before.get(field, _LEFT_OUT), after.get(field, _LEFT_OUT))
        for field in dict.fromkeys([*before, *after])
        if before.get(field, _LEFT_OUT) != after.get(field, _LEFT_OUT)
    ]


def _candidates(beginning: str, *, results: Path) -> Iterator[Found]:
    """Those that were run come first: their own file is what counts."""
    for file in sorted(results.glob(f"*/runs/{short(beginning)}*/run.json")):
        try:
            record = read_json(file)
            full, spec = str(record["fingerprint"]), dict(record["spec"])
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedData(
                f"{file}: not a run's description ({type(error).__name__})"
            ) from error
        if full.startswith(beginning):
            yield Found(full, f"results of {file.parents[2].name}", spec)
    for name in study_names():
        for full, run in load_study(name).runs.items():
            if full.startswith(beginning):
                yield Found(full, f"plan of {name}", plain(run))


def _leaves(value: Any, *, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Every plain value by its path; a list of plain values is one."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, path=f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for position, item in enumerate(value):
            yield from _leaves(item, path=f"{path}.{position}")
    else:
        yield path, value
