"""`physscale probe`: mechanisms behind the errors of finished runs, or of any file of generated
videos. `physscale.cli.main` adds it to its own.

```
physscale probe results/attributes --what attributes
physscale probe results/quickstart 4f2a --what twins --json
physscale probe samples.arrow --trained data/uniform --what memory
```
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from physscale.dataset.source import read_whole
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError
from physscale.records.store import Store

What = Literal["attributes", "memory", "hull", "twins", "features"]
OF_MODELS = ("twins", "features")
ATTRIBUTES = ("colour", "size", "velocity", "shape")


def probe(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS|FILE", help="A study's folder, or an Arrow file of generated videos."
        ),
    ],
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Beginnings of fingerprints; else every finished run."),
    ] = None,
    what: Annotated[
        What,
        typer.Option(
            help="Who wins crossed attributes, copies, distance from training, broken twins, "
            "features."
        ),
    ] = "memory",
    trained: Annotated[
        Path | None,
        typer.Option(metavar="DATA", help="Of a file: the training rows (a data set or a file)."),
    ] = None,
    pair: Annotated[
        str, typer.Option(metavar="A,B", help="Of a file: the crossed attributes, as colour,size.")
    ] = "",
    condition_frames: Annotated[int, typer.Option(help="Of a file: given frames.", min=1)] = 3,
    as_json: AsJson = False,
) -> None:
    """Probe why videos are wrong: attributes, copies, distance from training, twins, features.

    Which attribute wins, what is copied, how far the videos are from training, whether the model
    prefers the law, and what its layers know."""
    if source.is_file():
        if runs or what in OF_MODELS:
            raise UserError(
                f"{source}: a file holds no model and no runs; {' and '.join(OF_MODELS)} need a "
                "study's folder"
            )
        record = _of_file(
            source, what=what, trained=trained, pair=pair, condition_frames=condition_frames
        )
    elif trained is not None or pair:
        raise UserError(
            "--trained and --pair belong to a file; a study's runs say themselves what they were "
            "trained on"
        )
    else:
        record = _of_runs(source, runs=runs or [], what=what)
    if as_json:
        print_json(record)
        return
    for line in WORDS[what](record):
        typer.echo(line)


def _of_file(
    source: Path, *, what: What, trained: Path | None, pair: str, condition_frames: int
) -> dict[str, Any]:
    from physscale.finished.probes import attribute_record, hull_record, memory_record, probed_file

    if trained is None:
        raise UserError(f"{source}: say with --trained DATA what the model was trained on")
    chosen = _pair(pair)
    if what == "attributes" and chosen is None:
        raise UserError(
            f"--what attributes of a file needs --pair A,B with two of {', '.join(ATTRIBUTES)}"
        )
    samples, training = (read_whole(path) for path in (source, trained))
    case = probed_file(
        samples, name=source.name, training=training, condition_frames=condition_frames, pair=chosen
    )
    if what == "attributes":
        return attribute_record([case])
    record = memory_record([case]) if what == "memory" else hull_record([case])
    return {"runs": [{"run": source.name, **record}]}


def _of_runs(source: Path, *, runs: list[str], what: What) -> dict[str, Any]:
    from physscale.finished.model_probes import feature_record, twin_record
    from physscale.finished.probes import (
        attribute_record,
        hull_record,
        memory_record,
        probed_videos,
    )
    from physscale.finished.runs import finished_runs

    if not source.is_dir():
        raise UserError(f"{source}: neither a study's folder nor a file of videos")
    found = finished_runs(Store(source), beginnings=runs)
    if what == "attributes":
        return attribute_record([case for one in found for case in probed_videos(one)])
    if what in OF_MODELS:
        of_model = twin_record if what == "twins" else feature_record
        return {"runs": [of_model(one) for one in found]}
    of_cases = memory_record if what == "memory" else hull_record
    return {"runs": [{"run": one.name, **of_cases(list(probed_videos(one)))} for one in found]}


def _pair(text: str) -> Any:  # noqa: ANN401 - a pair of literals, checked here
    names = tuple(text.split(",")) if text else None
    if names is not None and (len(set(names)) != 2 or not set(names) <= set(ATTRIBUTES)):
        raise UserError(
            f"--pair {text[:40]!r}: name two different ones of {', '.join(ATTRIBUTES)}, as "
            "colour,size"
        )
    return names


def _attributes(record: dict[str, Any]) -> list[str]:
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
            f"no order: the attributes beat each other in a circle, in {ranking['cyclic']:.1%} of "
            "the draws"
        )
    else:
        best = (
            f"; most often {' > '.join(ranking['order'])}, {ranking['confidence']:.1%}"
            if ranking["order"]
            else ""
        )
        lines.append(
            f"undetermined: no order in 95 % of the draws{best}; a circle in "
            f"{ranking['cyclic']:.1%}"
        )
    lines.append(
        f"colour > size > velocity > shape, as the paper found: in {ranking['papers_order']:.1%} "
        "of the draws"
    )
    return lines


def _memory(record: dict[str, Any]) -> list[str]:
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
                    f"  in {space:6} copies {_share(found['copies'])}, of true videos at most "
                    f"{found['false_alarms']:.0%}; "
                    f"nearer to training than the truth is {_share(found['pulled'])}",
                    f"            nearest training case {_number(found['model_m'])} m, of true "
                    f"videos {_number(found['truth_m'])} m",
                ]
    return lines


def _hull(record: dict[str, Any]) -> list[str]:
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


def _twins(record: dict[str, Any]) -> list[str]:
    return [
        f"{run['run']} {row['split']:14} {row['twin']:10} true preferred {_share(row['rate'])}, "
        f"log ratio {_number(row['log_ratio'])}; "
        f"by content alone {row['blind']['value']:.0%}"
        for run in record["runs"]
        for row in run["twins"]
    ]


def _features(record: dict[str, Any]) -> list[str]:
    return [
        f"{run['run']} {row['target']:8} {row['layer']:20} R² "
        + ", ".join(f"{name} {_number(value)}" for name, value in row["r2"].items())
        + f"; shuffled {row['shuffled']['value']:.2f}"
        for run in record["runs"]
        for row in run["probes"]
    ]


WORDS = {
    "attributes": _attributes,
    "memory": _memory,
    "hull": _hull,
    "twins": _twins,
    "features": _features,
}


def _share(rate: dict[str, Any]) -> str:
    return f"{rate['value']:.0%} [{rate['low']:.0%}, {rate['high']:.0%}]"


def _number(value: dict[str, Any]) -> str:
    return f"{value['value']:.3g} [{value['low']:.3g}, {value['high']:.3g}]"
