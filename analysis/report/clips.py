"""Videos of a run (truth above, sample below), as embedded in the page."""

import base64
from dataclasses import dataclass

from analysis.data.study import StudyRun
from analysis.figures.style import split_words
from physscale.records.regular import regular

_LARGEST_BYTES = 2_000_000


@dataclass(frozen=True)
class Clip:
    """One mp4 as a data URI with its caption."""

    split: str
    caption: str
    uri: str


def clips_of(run: StudyRun, *, label: str) -> list[Clip]:
    """The videos of a run, in distribution first; files too large to embed are left out."""
    folder = run.folder / "videos"
    files = (
        sorted(folder.glob("*.mp4"), key=lambda path: (path.stem != "id", path.stem))
        if folder.is_dir()
        else []
    )
    return [
        Clip(
            path.stem,
            f"{label}: {split_words(path.stem)}",
            "data:video/mp4;base64," + base64.b64encode(regular(path).read_bytes()).decode(),
        )
        for path in files
        if path.stat().st_size <= _LARGEST_BYTES
    ]
