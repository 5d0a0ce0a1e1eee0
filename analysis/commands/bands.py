"""`python -m analysis bands DRAWS.parquet --at N=1e9,D=1e10`: intervals and predictions from stored
draws, without the runs."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physscale.records.errors import UserError

if TYPE_CHECKING:
    from analysis.fit.draws import Draws


def add_bands(commands: Any) -> None:  # noqa: ANN401 - argparse keeps this class to itself
    """Adds the parser."""
    bands = commands.add_parser(
        "bands", help="intervals and predictions from the draws that `fit --draws` stored"
    )
    bands.add_argument("draws", type=Path, help="Parquet file of draws")
    bands.add_argument(
        "--at",
        action="append",
        default=[],
        help="where to predict, such as N=1e9,D=1e10 (may be repeated)",
    )
    bands.add_argument(
        "--level", type=float, default=0.95, help="level of intervals and bands (default 0.95)"
    )
    bands.add_argument("--json", action="store_true", help="one JSON object on standard output")
    bands.set_defaults(run=_bands)


def _bands(chosen: argparse.Namespace) -> int:
    from analysis.fit.draws import read_draws

    if not 0 < chosen.level < 1:
        raise UserError(f"--level {chosen.level}: use a number between 0 and 1")
    places = [_place(words) for words in chosen.at]
    found = {
        name: _object(draws, places, level=chosen.level)
        for name, draws in read_draws(chosen.draws).items()
    }
    if chosen.json:
        print(json.dumps({"level": chosen.level, "splits": found}, indent=1, allow_nan=False))
        return 0
    for name, part in found.items():
        print(
            f"{f'split {name}: ' if name else ''}{part['law']}, {part['draws']} draws, "
            f"{chosen.level:.0%} intervals"
        )
        for parameter, row in part["parameters"].items():
            print(
                f"  {parameter:10s} {row['estimate']:12.6g}   [{_number(row['low'])}, "
                f"{_number(row['high'])}]"
            )
        for row in part["predictions"]:
            place = ", ".join(f"{axis} {value:g}" for axis, value in row["at"].items())
            print(f"  at {place}: {row['value']:.6g}   [{row['low']:.6g}, {row['high']:.6g}]")
    return 0


def _object(draws: "Draws", places: list[dict[str, float]], *, level: float) -> dict[str, Any]:
    import numpy as np

    parameters, predictions = {}, []
    for name, value in draws.estimate.items():
        low, high = draws.interval(name, level=level)
        parameters[name] = {
            "estimate": value,
            "low": low,
            "high": high,
            "open": low is None or high is None,
        }
    for place in places:
        if set(place) != set(draws.law.axes):
            raise UserError(
                f"--at {','.join(place)}: law {draws.law.name} needs "
                f"{', '.join(draws.law.axes) or 'no axis'}"
            )
        at = {axis: np.array([value]) for axis, value in place.items()}
        low, high = draws.band(at, level=level)[:, 0].tolist()
        predictions.append(
            {"at": place, "value": float(draws.predict(at)[0]), "low": low, "high": high}
        )
    return {
        "law": draws.law.name,
        "draws": len(draws.theta),
        "parameters": parameters,
        "predictions": predictions,
    }


def _place(words: str) -> dict[str, float]:
    found = {}
    for word in words.split(","):
        axis, _, value = word.partition("=")
        try:
            found[axis.strip()] = float(value)
        except ValueError as error:
            raise UserError(f"--at {words!r}: write AXIS=NUMBER, such as N=1e9,D=1e10") from error
    if not all(0 < value < float("inf") for value in found.values()):
        raise UserError(f"--at {words!r}: axes must be positive")
    return found


def _number(value: float | None) -> str:
    return "open" if value is None else f"{value:.6g}"
