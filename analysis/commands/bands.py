"""`bands`: intervals and predictions from stored draws, without the runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError

if TYPE_CHECKING:
    from analysis.fit.draws import Draws


def bands(
    *,
    draws: Annotated[Path, typer.Argument(help="Parquet file that `fit --draws` wrote.")],
    at: Annotated[
        list[str] | None,
        typer.Option("--at", help="Where to predict, as in N=1e9,D=1e10; may be repeated."),
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Level of intervals and bands.")] = 0.95,
    as_json: AsJson = False,
) -> None:
    """Intervals and predictions from the draws that `fit --draws` stored."""
    from analysis.fit.draws import read_draws

    if not 0 < level < 1:
        raise UserError(f"--level {level}: use a number between 0 and 1")
    places = [_place(words) for words in at or []]
    found = {name: _object(split, places, level=level) for name, split in read_draws(draws).items()}
    if as_json:
        print_json({"level": level, "splits": found})
        return
    for name, part in found.items():
        place = f"split {name}: " if name else ""
        print(f"{place}{part['law']}, {part['draws']} draws, {level:.0%} intervals")
        for parameter, row in part["parameters"].items():
            low, high = _number(row["low"]), _number(row["high"])
            print(f"  {parameter:10s} {row['estimate']:12.6g}   [{low}, {high}]")
        for row in part["predictions"]:
            place = ", ".join(f"{axis} {value:g}" for axis, value in row["at"].items())
            print(f"  at {place}: {row['value']:.6g}   [{row['low']:.6g}, {row['high']:.6g}]")
            for axis, times in row["beyond"].items():
                print(
                    f"  warning: {axis} lies {times:.3g} times beyond the fitted runs; the "
                    "interval holds only if the law does there"
                )


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
            {
                "at": place,
                "value": float(draws.predict(at)[0]),
                "low": low,
                "high": high,
                "beyond": draws.beyond(place),
            }
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
