"""`physscale study-page`: people rate videos on a local page, and the command then reports how far
they agree.

```
physscale study-page results/quickstart/runs --each 5
physscale study-page results/quickstart/runs --agreement --detector auto
```

The first command serves the page until Ctrl-C and writes `DIR/answers.jsonl`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from physscale.raters.agreement import Kappa
from physscale.records.command_line import AsJson
from physscale.records.errors import UserError
from physscale.records.leaving import until_stopped

ANSWERS = "answers.jsonl"


def study_page(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder with Arrow files of rows with frames, or mp4 files, at any depth.",
        ),
    ],
    each: Annotated[int, typer.Option(help="Number of videos drawn from each Arrow file.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the draw and of each rater's order.")] = 0,
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any free one.")] = 8421,
    answers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of answers; by default DIR/answers.jsonl."),
    ] = None,
    agreement: Annotated[
        bool,
        typer.Option(
            "--agreement",
            help="Print rates and agreement of the answers so far, and serve no page.",
        ),
    ] = False,
    detector: Annotated[
        str,
        typer.Option(
            metavar="auto|FILE",
            help="Agreement with the detector too: auto runs it; FILE is its Parquet file.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Let people rate videos by first impression, on a page that only this machine serves.

    `--agreement` says how far they agree."""
    file = answers or folder / ANSWERS
    if agreement:
        _agreement(folder, file=file, detector=detector, as_json=as_json)
    elif detector:
        raise UserError("--detector needs --agreement; raters must not see the detector's answers")
    else:
        _serve(folder, file=file, each=each, seed=seed, port=port, as_json=as_json)


def _serve(folder: Path, *, file: Path, each: int, seed: int, port: int, as_json: bool) -> None:
    from physscale.raters.answers import read_answers
    from physscale.raters.clips import clips_of
    from physscale.raters.server import HumanStudy, StudyServer

    clips = clips_of(folder, each=each, seed=seed)
    read_answers(file)
    with StudyServer(HumanStudy(folder, clips, file, seed), port=port) as server:
        if as_json:
            typer.echo(json.dumps({"url": server.url, "clips": len(clips), "answers": str(file)}))
        else:
            typer.echo(f"{len(clips)} videos at {server.url}   answers: {file}   Ctrl-C ends")
        with until_stopped():
            server.serve_forever(poll_interval=0.1)
        typer.echo("", err=True)
        if server.fault is not None:
            raise server.fault


def _agreement(folder: Path, *, file: Path, detector: str, as_json: bool) -> None:
    from physscale.raters.answers import read_answers
    from physscale.raters.summary import AUTO, detected_rows, read_detections, summarise

    if not file.is_file():
        raise UserError(
            f"{file}: no answers yet; `physscale study-page {folder}` opens the page for raters"
        )
    said = read_answers(file)
    detections = None
    if detector:
        detections = (
            detected_rows(said, folder=folder)
            if detector == AUTO
            else read_detections(Path(detector))
        )
    summary = summarise(said, detections=detections)
    if as_json:
        typer.echo(json.dumps(summary.as_json(), allow_nan=False))
        return
    typer.echo(
        f"{len(said)} answers: "
        f"{', '.join(f'{name} {count}' for name, count in summary.raters.items())}"
    )
    typer.echo("abnormal, averaged over raters")
    for source, rate in summary.rates.items():
        typer.echo(
            f"  {rate.value:6.1%}  {rate.low:6.1%} to {rate.high:6.1%}  {rate.count:4} videos  "
            f"{source!r}"
        )
    if summary.all_raters is not None:
        typer.echo(f"agreement of all raters (Fleiss): {_words(summary.all_raters)}")
    for pair in [*summary.pairs, *summary.with_detector]:
        typer.echo(f"  {pair.first} and {pair.second} (Cohen): {_words(pair.kappa)}")


def _words(kappa: Kappa) -> str:
    of = f"{kappa.agreement:.0%} alike on {kappa.count} videos"
    if kappa.value is None:
        return f"no kappa, all said the same ({of})"
    return f"kappa {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}), {of}"
