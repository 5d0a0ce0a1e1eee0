"""Bootstrap draws on disk. Every published interval and band can be computed again from them,
without the runs.

One Parquet file with one row per draw: its split, number and objective, the readable parameters in
full precision (`alpha`, `E`, ...) and those that the law computes with (`theta_0`, ...). Row -1 of
a split is the estimate. The schema's metadata (JSON under `physscale.draws`) holds the law, delta
and seed. For each split, it also holds the configurations and the ends that a profile left open.
Draws with the same number come from the same resample in every split, so differences between splits
are paired."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from analysis.estimate.uncertainty import Estimate
from analysis.fit.fit import Fit
from analysis.laws.law import Built, Columns, Law
from analysis.laws.registry import law_named
from physscale.records.arrow_types import UNREADABLE, refuse_code
from physscale.records.errors import DamagedData, UserError, one_line
from physscale.records.json_value import parsed

_KEY = b"physscale.draws"
_VERSION = 2
"""1 holds no digest."""


@dataclass(frozen=True)
class Draws:
    """The draws of one split, read back. `axes` are those of the fitted configurations; `opened`
    names the open ends ("low", "high") of each parameter."""

    law: Law
    axes: Columns
    built: Built
    estimate: Mapping[str, float]
    readable: Mapping[str, Float[np.ndarray, " resamples"]]
    opened: Mapping[str, tuple[str, ...]]
    theta_hat: Float[np.ndarray, " parameters"]
    theta: Float[np.ndarray, "resamples parameters"]
    objective: Float[np.ndarray, " resamples"]

    def interval(self, name: str, *, level: float = 0.95) -> tuple[float | None, float | None]:
        """Percentile interval of a parameter; None for an open end."""
        low, high = np.quantile(self.readable[name], [(1 - level) / 2, (1 + level) / 2]).tolist()
        opened = self.opened.get(name, ())
        return None if "low" in opened else low, None if "high" in opened else high

    def beyond(self, at: Mapping[str, float]) -> dict[str, float]:
        """By how many times each axis passes the last or the first of the fitted runs, for those
        that do."""
        passed = {
            axis: max(value / float(self.axes[axis].max()), float(self.axes[axis].min()) / value)
            for axis, value in at.items()
        }
        return {axis: times for axis, times in passed.items() if times > 1}

    def predict(self, at: Columns) -> Float[np.ndarray, " targets"]:
        """The law's response at new axes."""
        return self.built.predict(self.theta_hat[None], at)[0]

    def band(self, at: Columns, *, level: float = 0.95) -> Float[np.ndarray, "2 targets"]:
        """Pointwise band of the law, like `Fit.band`."""
        return np.quantile(
            self.built.predict(self.theta, at), [(1 - level) / 2, (1 + level) / 2], axis=0
        )


def write_draws(path: Path, fits: Mapping[str, Fit], *, seed: int) -> None:
    """Writes the draws of every split.

    Raises:
        UserError: if there are no draws or the file cannot be written.
    """
    from physscale.records.store import write_atomic

    if any(len(fitted.draws) < 2 for fitted in fits.values()):
        raise UserError("--draws: there are no draws to store; use --bootstrap 200 or more")
    table = pa.concat_tables([_rows(name, fitted) for name, fitted in fits.items()])
    record = {
        "version": _VERSION,
        "seed": seed,
        "splits": {name: _record(fitted) for name, fitted in fits.items()},
    }
    record["digest"] = _digest(table, record)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata({_KEY: json.dumps(record).encode()}), sink, compression="zstd"
    )
    try:
        write_atomic(path, sink.getvalue().to_pybytes())
    except OSError as error:
        raise UserError(f"--draws {path}: cannot write there ({error.strerror})") from error


def _digest(table: pa.Table, record: Mapping[str, Any]) -> str:
    """SHA-256 of every value of the table and of the record."""
    said = {key: value for key, value in record.items() if key != "digest"}
    total = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in table.column_names:
        column = table[name]
        values = (
            json.dumps(column.to_pylist()).encode()
            if name == "split"
            else column.to_numpy().tobytes()
        )
        total.update(f"{name} {column.type}".encode() + values)
    return total.hexdigest()


def _rows(name: str, fitted: Fit) -> pa.Table:
    theta = np.concatenate([fitted.solution.theta[None], fitted.draws])
    columns: dict[str, Any] = {
        "split": pa.array([name] * len(theta)).dictionary_encode(),
        "draw": np.arange(-1, len(fitted.draws), dtype=np.int32),
        "objective": np.concatenate([[fitted.solution.objective], fitted.draw_objectives]),
    }
    # The estimate is computed alone: one product for all rows rounds its last digit differently.
    parts = [fitted.built.external(rows) for rows in (fitted.solution.theta[None], fitted.draws)]
    columns |= {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return pa.table(columns | {f"theta_{place}": column for place, column in enumerate(theta.T)})


def _record(fitted: Fit) -> dict[str, Any]:
    frozen = fitted.built.frozen.get(0)
    return {
        "law": fitted.law.name,
        "delta": None if fitted.delta is None else repr(fitted.delta),
        "floor": None if frozen is None else float(np.exp(frozen)),
        "noise": fitted.noise.kind,
        "axes": {axis: values.tolist() for axis, values in fitted.points.axes.items()},
        "open": {name: _open_ends(found) for name, found in fitted.parameters.items()},
    }


def _open_ends(found: Estimate) -> list[str]:
    ends = {"low": found.low, "high": found.high}
    return [end for end, value in ends.items() if value is None]


def read_draws(path: Path) -> dict[str, Draws]:
    """The draws of every split.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it holds no draws.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; write one with `python -m analysis fit ... --draws {path.name}`"
        )
    try:
        table = pq.read_table(path)
        refuse_code(table.schema)
        table.validate(full=True)
        record = parsed((table.schema.metadata or {})[_KEY])
        known = record["version"] > 1 or "digest" in record
        if known and record["digest"] != _digest(table, record):
            raise ValueError("its values are not the ones that were written, SHA-256 differs")
        return {name: _split(table, name, found) for name, found in record["splits"].items()}
    except (*UNREADABLE, KeyError, UserError) as error:
        raise DamagedData(f"{path}: not a file of draws ({one_line(error)[:120]})") from error


def _split(table: pa.Table, name: str, record: dict[str, Any]) -> Draws:
    import pyarrow.compute as pc

    law = law_named(record["law"])
    columns = {axis: np.array(values, dtype=float) for axis, values in record["axes"].items()}
    built = law.build(columns, floor=record["floor"])
    part = table.filter(pc.equal(table["split"].cast(pa.string()), name))
    values = {column: part[column].to_numpy() for column in part.column_names if column != "split"}
    theta = np.stack([values[f"theta_{place}"] for place in range(built.model.parameters)], axis=1)
    first, rest = values["draw"] == -1, values["draw"] >= 0
    if first.sum() != 1 or not rest.any():
        raise ValueError(
            f"split {name!r} has {int(first.sum())} estimates and {int(rest.sum())} draws"
        )
    return Draws(
        law=law,
        axes=columns,
        built=built,
        estimate={key: float(values[key][first][0]) for key in built.readings},
        readable={key: values[key][rest] for key in built.readings},
        opened={key: tuple(ends) for key, ends in record["open"].items()},
        theta_hat=theta[first][0],
        theta=theta[rest],
        objective=values["objective"][rest],
    )
