"""The animation of the README: true videos above the model's, at trained speeds and beyond them.

`python -m docs.truth_and_model results/quickstart` draws it from the finished runs of a study.
"""

import json
import sys
from pathlib import Path
from typing import Any

import av
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont

from physscale.records.errors import UserError

PANELS = {
    "id": "Trained speeds, 1 to 4 m/s",
    "speed_high": "Speeds never trained, 4.5 to 6 m/s",
}
"""Split of a run → the words above its videos."""

HEADER_PX, GUTTER_PX, FONT_PX = 34, 64, 17
FRAME_MS, LAST_FRAME_MS = 125, 1000
SHADES = 32
TARGET = Path(__file__).parents[1] / "experiments" / "figures" / "truth_and_model.gif"


def largest_run(results: Path) -> Path:
    """The folder of the run of uniform motion with the most training videos and parameters.

    Raises:
        UserError: where no finished run has videos of both splits.
    """
    finished = [
        folder
        for folder in sorted((results / "runs").glob("*"))
        if all((folder / "videos" / f"{split}.mp4").exists() for split in PANELS)
        and _record(folder)["scenario"] == "uniform"
    ]
    if not finished:
        raise UserError(
            f"{str(results)!r} has no uniform run with videos of {' and '.join(PANELS)}; "
            "`physscale run quickstart` makes them"
        )
    return max(finished, key=_size_of)


def _size_of(folder: Path) -> tuple[int, int, int]:
    """Training videos, parameters, and the negative seed, so that seed 0 comes first."""
    record = _record(folder)
    return record["videos"], record["parameters"], -record["seed"]


def _record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return record


def velocity_error_m_s(folder: Path, *, split: str) -> float:
    """The model's velocity error on one split."""
    scores = pq.read_table(folder / "scores.parquet")
    wanted = (
        (pc.field("split") == split)
        & (pc.field("source") == "model")
        & (pc.field("metric") == "velocity_error")
    )
    (value,) = scores.filter(wanted)["value"].to_pylist()
    return float(value)


def panel(folder: Path, *, split: str) -> list[Image.Image]:
    """The frames of one split, with its title and its two row labels."""
    title = f"{PANELS[split]}: velocity error {velocity_error_m_s(folder, split=split):.2f} m/s"
    with av.open(folder / "videos" / f"{split}.mp4") as video:
        return [_labelled(frame.to_image(), title=title) for frame in video.decode(video=0)]


def _labelled(frame: Image.Image, *, title: str) -> Image.Image:
    row_px = frame.width // 6  # six square videos per row, two rows, then an empty margin
    shown = frame.crop((0, 0, frame.width, 2 * row_px))
    sheet = Image.new("RGB", (GUTTER_PX + shown.width, HEADER_PX + shown.height), "white")
    sheet.paste(shown, (GUTTER_PX, HEADER_PX))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=FONT_PX)
    pen.text((GUTTER_PX, HEADER_PX / 2), title, fill="black", font=font, anchor="lm")
    for row, label in enumerate(("truth", "model")):
        middle_px = HEADER_PX + row_px * (row + 0.5)
        pen.text((GUTTER_PX - 8, middle_px), label, fill="black", font=font, anchor="rm")
    return sheet


def _palette() -> Image.Image:
    """White to red for the discs, white to black for words and lines."""
    steps = [round(255 * step / (SHADES - 1)) for step in range(SHADES)]
    colours = [(255, step, step) for step in steps] + [(step, step, step) for step in steps]
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in colours for channel in colour])
    return palette


def draw(results: Path, *, target: Path) -> None:
    """Write the GIF: one panel per split, one below the other."""
    folder = largest_run(results)
    panels = [panel(folder, split=split) for split in PANELS]
    palette, frames = _palette(), []
    for parts in zip(*panels, strict=True):
        sheet = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)), "white")
        top_px = 0
        for part in parts:
            sheet.paste(part, (0, top_px))
            top_px += part.height
        frames.append(sheet.quantize(palette=palette, dither=Image.Dither.NONE))
    durations_ms = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=durations_ms, loop=0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m docs.truth_and_model RESULTS")
    try:
        draw(Path(sys.argv[1]), target=TARGET)
    except UserError as error:
        print(f"docs.truth_and_model: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
