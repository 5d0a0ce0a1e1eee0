"""The commands that make, show and check data.

```
# states only; frames are rendered on read
physscale simulate collision --videos 30000 --out data/collision
# with frames in the shards
physscale simulate hole_2_3 --videos 1000 --out data/hole --size 128
# the frames that PHYRE paints itself
physscale simulate phyre_six --videos 600 --out data/phyre --engine phyre --size 512 --style phyre
# build/show/ambiguous_gap.png and .mp4
physscale show ambiguous_gap
physscale check data/collision --against data/held_out
```
"""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from physscale.cli.terminal import counting_bar
from physscale.dataset.check import Inspection, known
from physscale.dataset.file import with_frames
from physscale.dataset.mp4 import write_mp4
from physscale.dataset.sheet import contact_sheet, side_by_side, write_png
from physscale.dataset.source import open_source
from physscale.records.command_line import AsJson, print_json
from physscale.records.spec import fingerprint, short
from physscale.records.video import Videos
from physscale.run.stored_data import canvas_of, first_videos, stored_data
from physscale.simulate.named import named_data
from physscale.simulate.spec import kind_of

Scenario = Annotated[
    str,
    typer.Argument(metavar="SCENARIO", help="A scenario or one of the paper's data sets, by name."),
]
Frames = Annotated[
    int | None, typer.Option(help="Frames per video; by default the scenario's own number.")
]
Size = Annotated[int, typer.Option("--size", help="Side length of the frames, in pixels.")]
StyleName = Annotated[
    str | None,
    typer.Option(
        "--style",
        help="exact, paper (as the official generator draws) or hard (by pixel centres, as PHYRE "
        "paints). Unless given, the scenario's own.",
    ),
]
PICTURE_FRAMES_PER_S = 8


def simulate(
    scenario: Scenario,
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of this data set alone; run again to continue."),
    ],
    videos: Annotated[
        int | None, typer.Option(help="Number of videos; by default 1000, or all of a finite set.")
    ] = None,
    frames: Frames = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the draw; another seed gives other videos.")
    ] = 0,
    engine: Annotated[
        str | None,
        typer.Option(
            help="What moves the bodies: analytic, pymunk or box2d; for PHYRE's sets box2d, or "
            "phyre: the real one. Unless given, the scenario's own."
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            help="Store frames of this side length; without it they are rendered when read.",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="How frames are stored: rgb, or palette (the default for hard edges)."),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            help="exact, paper, hard, or phyre (frames as the engine phyre paints them). Unless "
            "given, the scenario's own.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a data set to a folder of shards; an interrupted one is continued."""
    data = named_data(scenario, videos=videos, frames=frames, seed=seed, engine=engine)
    stored = stored_data(data, size_px=size, encoding=encoding, style=style)
    started = time.monotonic()
    with counting_bar(Console(stderr=True), hidden=as_json) as bar:
        task = bar.add_task(scenario, total=data.videos)
        stored.write(out, after_shard=lambda rows: bar.update(task, completed=rows))
    held = sum(path.stat().st_size for path in out.iterdir())
    written = {
        "path": str(out),
        "data": short(fingerprint(data)),
        "videos": data.videos,
        "bytes": held,
        "seconds": round(time.monotonic() - started, 3),
    }
    _print(
        written,
        as_json=as_json,
        text=f"{out}: {data.videos} videos, {held / 1e6:.1f} MB, data {written['data']}",
    )


def show(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|FILE|DIR", help="A scenario's name, a file of videos or a data set."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the picture and the mp4 go.")
    ] = Path("build/show"),
    videos: Annotated[int, typer.Option(help="Number of videos.", min=1, max=64)] = 6,
    frames: Frames = None,
    size: Size = 96,
    style: StyleName = None,
    as_json: AsJson = False,
) -> None:
    """Make a contact sheet (PNG) and an mp4 of a scenario, a file or a data set."""
    chosen = first_videos(what, videos=videos, frames=frames)
    canvas = canvas_of(size, style=style or kind_of(str(chosen.scenario[0])).style)
    shown = (
        chosen
        if _has_frames_of_its_own(what, chosen)
        else with_frames(chosen.with_pixels(None), canvas=canvas)
    )
    stem = Path(what).stem if Path(what).exists() and Path(what).is_file() else Path(what).name
    sheet, movie = out / f"{stem}.png", out / f"{stem}.mp4"
    write_png(sheet, contact_sheet(shown.frames))
    write_mp4(movie, side_by_side(shown.frames), frames_per_s=PICTURE_FRAMES_PER_S)
    _print(
        {"sheet": str(sheet), "mp4": str(movie), "videos": len(shown)},
        as_json=as_json,
        text=f"{sheet}\n{movie}",
    )


def check(
    path: Annotated[
        Path, typer.Argument(metavar="DIR|FILE", help="A data set or one file of videos.")
    ],
    against: Annotated[
        Path | None,
        typer.Option(metavar="DIR|FILE", help="Training data that must share no scene with it."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Look for NaN, repeated, frozen, leaked and torn rows.

    The exit code is 1 if there are any, 5 if a file is damaged."""
    inspection = Inspection(
        training=None
        if against is None
        else known(part.with_pixels(None) for part in open_source(against).parts())
    )
    for part in open_source(path).parts():
        inspection.look(part)
    rows, found = inspection.rows, list(inspection.problems())
    _print(
        {"path": str(path), "rows": rows, "problems": found},
        as_json=as_json,
        text="\n".join([f"{path}: {rows} rows, {len(found)} problems", *found]),
    )
    return 1 if found else 0


def _has_frames_of_its_own(what: str, videos: Videos) -> bool:
    """Whether the file holds frames, which are then shown as they are (a model's samples above
    all)."""
    return Path(what).exists() and videos.pixels is not None


def _print(found: dict[str, Any], *, as_json: bool, text: str) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(text)
