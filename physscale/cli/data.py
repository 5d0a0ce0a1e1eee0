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

import functools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from physscale.dataset.check import Inspection, known
from physscale.dataset.file import with_frames
from physscale.dataset.folder import DESCRIPTION, Layout, open_dataset, write_dataset
from physscale.dataset.frames import Encoding
from physscale.dataset.mp4 import write_mp4
from physscale.dataset.sheet import contact_sheet, side_by_side, write_png
from physscale.dataset.source import read_parts
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError
from physscale.records.spec import canonical, fingerprint, short
from physscale.records.video import Videos
from physscale.render.canvas import Canvas, Style
from physscale.simulate.named import named_data
from physscale.simulate.simulate import own_frames
from physscale.simulate.simulate import simulate as make_rows
from physscale.simulate.spec import DataSpec

Scenario = Annotated[
    str,
    typer.Argument(metavar="SCENARIO", help="A scenario or one of the paper's data sets, by name."),
]
Frames = Annotated[
    int | None,
    typer.Option(help="Frames per video; unless given, as many as the scenario has by default."),
]
Size = Annotated[int, typer.Option("--size", help="Side of the frames in pixels.")]
StyleName = Annotated[
    str,
    typer.Option(
        "--style",
        help="exact, paper (as the official generator draws) or hard (by pixel centres, as PHYRE "
        "paints).",
    ),
]
PICTURE_FRAMES_PER_S = 8
OWN_FRAMES = "phyre"
"""The style of frames that PHYRE paints itself."""

SHARD_BYTES = 1 << 28


@dataclass(frozen=True)
class _Stored:
    """What a command writes: the folder's layout, and how to draw what is not painted already."""

    layout: Layout
    canvas: Canvas | None


def simulate(
    scenario: Scenario,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder of its own; run again to continue.")
    ],
    videos: Annotated[
        int | None, typer.Option(help="How many; 1000, or all of a listed set.")
    ] = None,
    frames: Frames = None,
    seed: Annotated[int, typer.Option(help="Another seed, other videos.")] = 0,
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
            "--size", help="Store frames of this side; without it they are rendered on read."
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="How frames are stored: rgb, or palette (for hard edges the default)."),
    ] = None,
    style: Annotated[
        str,
        typer.Option(
            "--style",
            help="exact, paper, hard, or phyre: the frames of engine phyre, as it paints.",
        ),
    ] = "exact",
    as_json: AsJson = False,
) -> None:
    """Write a data set to a folder of shards; an interrupted one is continued."""
    data = named_data(scenario, videos=videos, frames=frames, seed=seed, engine=engine)
    stored = _layout(data, size=size, encoding=encoding, style=style)
    started = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task(scenario, total=data.videos)
        write_dataset(
            out,
            stored.layout,
            make=functools.partial(_filmed if style == OWN_FRAMES else _made, data),
            canvas=stored.canvas,
            after_shard=lambda rows: bar.update(task, completed=rows),
        )
    held = sum(path.stat().st_size for path in out.iterdir())
    facts = {
        "path": str(out),
        "data": short(fingerprint(data)),
        "videos": data.videos,
        "bytes": held,
        "seconds": round(time.monotonic() - started, 3),
    }
    _tell(
        facts,
        as_json=as_json,
        text=f"{out}: {data.videos} videos, {held / 1e6:.1f} MB, data {facts['data']}",
    )


def _made(data: DataSpec, indices: np.ndarray) -> Videos:
    return make_rows(data, indices=indices)


def _filmed(data: DataSpec, indices: np.ndarray) -> Videos:
    return make_rows(data, indices=indices).with_pixels(own_frames(data, indices=indices))


def _layout(data: DataSpec, *, size: int | None, encoding: str | None, style: str) -> _Stored:
    """What goes to disk, and the canvas of what is drawn now."""
    if encoding is not None and encoding not in get_args(Encoding):
        raise UserError(f"encoding {encoding[:40]!r}: use one of {', '.join(get_args(Encoding))}")
    chosen: Any = encoding or ("palette" if style in ("hard", OWN_FRAMES) else "rgb")
    if style == OWN_FRAMES:
        side = data.scenario.own_frames_px(data.engine)
        if side is None or size not in (None, side):
            needs = (
                "needs a set of PHYRE's and --engine phyre"
                if side is None
                else f"paints {side} px, leave --size {size} out"
            )
            raise UserError(f"style {style}: {needs}; or draw it with --style hard")
        rows = max(1, SHARD_BYTES // (data.frames * side**2 * 3))
        return _Stored(
            Layout(
                identity=canonical([data, style]),
                videos=data.videos,
                rows_per_shard=rows,
                encoding=chosen,
            ),
            None,
        )
    if size is None:
        return _Stored(Layout(identity=canonical(data), videos=data.videos), None)
    canvas = _canvas(size, style=style)
    return _Stored(
        Layout(identity=canonical([data, canvas]), videos=data.videos, encoding=chosen), canvas
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
    videos: Annotated[int, typer.Option(help="How many videos.", min=1, max=64)] = 6,
    frames: Frames = None,
    size: Size = 96,
    style: StyleName = "exact",
    as_json: AsJson = False,
) -> None:
    """Make a contact sheet (PNG) and an mp4 of a scenario, a file or a data set."""
    canvas = _canvas(size, style=style)
    chosen = _some(what, videos=videos, frames=frames)
    shown = (
        chosen
        if _has_frames_of_its_own(what, chosen)
        else with_frames(chosen.with_pixels(None), canvas=canvas)
    )
    assert shown.pixels is not None
    stem = Path(what).stem if Path(what).exists() and Path(what).is_file() else Path(what).name
    sheet, movie = out / f"{stem}.png", out / f"{stem}.mp4"
    write_png(sheet, contact_sheet(shown.pixels))
    write_mp4(movie, side_by_side(shown.pixels), frames_per_s=PICTURE_FRAMES_PER_S)
    _tell(
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
        else known(part.with_pixels(None) for part in read_parts(against))
    )
    for part in read_parts(path):
        inspection.look(part)
    rows, found = inspection.rows, list(inspection.problems())
    facts = {"path": str(path), "rows": rows, "problems": found}
    _tell(
        facts,
        as_json=as_json,
        text="\n".join([f"{path}: {rows} rows, {len(found)} problems", *found]),
    )
    return 1 if found else 0


def _some(what: str, *, videos: int, frames: int | None) -> Videos:
    path = Path(what)
    if path.is_dir() and (path / DESCRIPTION).exists():
        folder = open_dataset(path)
        return folder.rows(np.arange(min(videos, folder.layout.videos)))
    if path.is_file():
        return next(iter(read_parts(path))).take(slice(0, videos))
    data = named_data(what, videos=None, frames=frames)
    shown = min(videos, data.videos)
    step = 1 if data.scenario.count is None else data.videos // shown
    return make_rows(data, indices=np.arange(shown) * step)


def _has_frames_of_its_own(what: str, videos: Videos) -> bool:
    """A file's frames are what it is looked at for (a model's samples above all)."""
    return Path(what).exists() and videos.pixels is not None


def _canvas(size: int, *, style: str) -> Canvas:
    if style not in get_args(Style):
        raise UserError(f"style {style[:40]!r}: use one of {', '.join(get_args(Style))}")
    checked: Any = style
    return Canvas(size_px=size, style=checked)


def _tell(facts: dict[str, Any], *, as_json: bool, text: str) -> None:
    if as_json:
        print_json(facts)
    else:
        typer.echo(text)
