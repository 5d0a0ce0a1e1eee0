"""The questions of `physscale probe`, and its answers as lines of text."""

from collections.abc import Callable
from typing import Any, Literal

Question = Literal["attributes", "memory", "hull", "twins", "features"]
Record = dict[str, Any]
"""What a probe found, as JSON values."""


def lines_of(record: Record, *, what: Question) -> list[str]:
    """The record of `what` as lines of text."""
    return _LINES[what](record)


def _attribute_lines(record: Record) -> list[str]:
    lines = []
    for row in record["conflicts"]:
        first, second = row["pair"]
        names = {
            "first": f"{first} wins",
            "second": f"{second} wins",
            "kept": "both kept",
            "swapped": "both changed",
            "lost": "not seen",
        }
        lines.append(
            f"{first} against {second}, {row['videos']} videos; true frames: "
            f"{_share(row['true_frames']['kept'])} both kept"
        )
        lines += [f"  {words:16} {_share(row['outcomes'][name])}" for name, words in names.items()]
    ranking = record["ranking"]
    if ranking["verdict"] == "order":
        lines.append(
            f"order: {' > '.join(ranking['order'])}, in {ranking['confidence']:.1%} of the draws"
        )
    elif ranking["verdict"] == "cycle":
        lines.append(
            f"no order: the attributes beat each other in a cycle, in {ranking['cyclic']:.1%} of "
            "the draws"
        )
    else:
        best = (
            f"; most often {' > '.join(ranking['order'])}, {ranking['confidence']:.1%}"
            if ranking["order"]
            else ""
        )
        lines.append(
            f"undetermined: no order in 95 % of the draws{best}; a cycle in {ranking['cyclic']:.1%}"
        )
    lines.append(
        f"colour > size > velocity > shape, as the paper found: in {ranking['papers_order']:.1%} "
        "of the draws"
    )
    return lines


def _memory_lines(record: Record) -> list[str]:
    lines = []
    for run in record["runs"]:
        for row in run["splits"]:
            lines.append(
                f"{run['run']} {row['name']}, {row['videos']} videos: reversed "
                f"{_share(row['reversed'])}"
            )
            for space in ("state", "motion"):
                found = row[space]
                lines += [
                    f"  in {space:6} copies {_share(found['copies'])}, for true videos at most "
                    f"{found['false_alarms']:.0%}; "
                    f"nearer to training than the truth is {_share(found['pulled'])}",
                    f"            nearest training video {_number(found['model_m'])} m, for true "
                    f"videos {_number(found['truth_m'])} m",
                ]
    return lines


def _hull_lines(record: Record) -> list[str]:
    lines = []
    for run in record["runs"]:
        for row in run["splits"]:
            error = (
                f"{row['velocity_error']:.3g} m/s" if "velocity_error" in row else "not measured"
            )
            lines.append(
                f"{run['run']} {row['name']:14} hull {row['hull']:.3f}, nearest "
                f"{row['nearest']:.3f}, velocity error {error}"
            )
        for name, words in (
            ("hull", "outside the hull"),
            ("nearest", "from the nearest training state"),
        ):
            if (found := run[name]) is None:
                lines.append(
                    f"  {words}: fewer than three measured videos, or one distance for all: "
                    "nothing to say"
                )
                continue
            slope, correlation = _number(found["slope"]), _number(found["spearman"])
            lines.append(
                f"  {words}: log error rises by {slope} per half trained range, rank correlation "
                f"{correlation}"
            )
            if found["factor"]:
                lines.append(
                    f"    mean error beyond 0 is {_number(found['factor'])} times that at 0"
                )
            curve = "  ".join(
                f"{at:.2f}: {_number(value)}"
                for at, value in zip(found["at"], found["isotonic"], strict=True)
            )
            lines.append(f"    monotone curve {curve}")
    return lines


def _twin_lines(record: Record) -> list[str]:
    return [
        f"{run['run']} {row['split']:14} {row['twin']:10} true preferred {_share(row['rate'])}, "
        f"log ratio {_number(row['log_ratio'])}; "
        f"by content alone {row['blind']['value']:.0%}"
        for run in record["runs"]
        for row in run["twins"]
    ]


def _feature_lines(record: Record) -> list[str]:
    return [
        f"{run['run']} {row['target']:8} {row['layer']:20} R² "
        + ", ".join(f"{name} {_number(value)}" for name, value in row["r2"].items())
        + f"; shuffled {row['shuffled']['value']:.2f}"
        for run in record["runs"]
        for row in run["probes"]
    ]


_LINES: dict[Question, Callable[[Record], list[str]]] = {
    "attributes": _attribute_lines,
    "memory": _memory_lines,
    "hull": _hull_lines,
    "twins": _twin_lines,
    "features": _feature_lines,
}


def _share(rate: Record) -> str:
    return f"{rate['value']:.0%} [{rate['low']:.0%}, {rate['high']:.0%}]"


def _number(value: Record) -> str:
    return f"{value['value']:.3g} [{value['low']:.3g}, {value['high']:.3g}]"
