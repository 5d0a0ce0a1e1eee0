"""Reads every file of a folder by every reader, with Ray Data's types registered."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import ray.data  # noqa: F401 - registers its extension types

from analysis.data.load import load
from analysis.fit.draws import read_draws
from physscale.dataset.source import read_whole
from physscale.raters.summary import read_detections
from physscale.records.errors import UserError
from physscale.records.latents import open_latents
from physscale.records.scores import SCORES
from physscale.records.tables import read_parquet

READERS: dict[str, Callable[[Path], object]] = {
    "videos": read_whole,
    "scores": lambda path: read_parquet(path, SCORES),
    "latents": lambda path: open_latents(
        path, first=0, shape=(1, 1, 1, 1), identity="a", canvas="b"
    ),
    "runs": lambda path: load(path).table.to_pylist(),
    "detections": read_detections,
    "draws": read_draws,
}
TAKES = ("runs",)
"""They take tables with any columns of plain types."""


def seen(folder: Path) -> list[str]:
    """The extension types that Ray Data has put in the place of what the files claim."""
    names = set()
    for file in folder.glob("*.plain.more.arrow"):
        with suppress(Exception), pa.ipc.open_file(file) as reader:
            names |= {
                field.type.extension_name
                for field in reader.schema
                if isinstance(field.type, pa.ExtensionType)
            }
    return sorted(names)


folder, canary = map(Path, sys.argv[1:])
wrong = []
for file in sorted(folder.iterdir()):
    for name, read in READERS.items():
        try:
            read(file)
            said = "" if name in TAKES else "accepted"
        except UserError as refused:
            said = "" if "\n" not in str(refused) and len(str(refused)) < 600 else str(refused)
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"[:200]
        if canary.exists():
            canary.rmdir()
            said = "ran code"
        if said:
            wrong.append([file.name, name, said])
print(json.dumps({"wrong": wrong, "seen": seen(folder)}))
