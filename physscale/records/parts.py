"""A folder that several processes write together: complete or invisible, as `store.write_folder`
leaves it.

Each process writes its files into one temporary folder and lists them last. One of them then reads
all lists, writes the manifest and renames the folder. Until then no reader sees anything."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from physscale.records.errors import DamagedData
from physscale.records.fault import point
from physscale.records.json_value import parsed
from physscale.records.store import describe, publish, write_atomic

__all__ = ["complete", "unfinished", "write_part"]

_LOOK_S = 0.1


def unfinished(path: Path, *, token: str) -> Path:
    """The temporary folder of `path`; the writers share the token."""
    return path.with_name(f".{path.name}.{token}.tmp")


def write_part(temporary: Path, *, part: int, write: Callable[[Path], list[Path]]) -> None:
    """`write(temporary)` writes this process's files and returns them. They are on the disk when
    their list is."""
    temporary.mkdir(parents=True, exist_ok=True)
    files = {file.name: describe(file) for file in write(temporary)}
    point("part written")
    write_atomic(_list_of(temporary, part=part), json.dumps(files).encode())


def complete(temporary: Path, *, path: Path, parts: int, patience_s: float) -> None:
    """Make `path` of what all parts listed. `patience_s`: how long a list may take to become
    visible on a shared file system.

    Raises:
        DamagedData: when a list is missing; the temporary folder is removed.
    """
    lists = [_list_of(temporary, part=part) for part in range(parts)]
    deadline = time.monotonic() + patience_s
    while missing := [part for part, file in enumerate(lists) if not file.exists()]:
        if time.monotonic() > deadline:
            shutil.rmtree(temporary, ignore_errors=True)
            raise DamagedData(
                f"{path}: parts {missing} of {parts} were not written within {patience_s:g} s; "
                "nothing of it is kept"
            )
        time.sleep(_LOOK_S)
    files = {name: item for file in lists for name, item in parsed(file.read_text()).items()}
    files = dict(sorted(files.items()))
    for file in lists:
        file.unlink()
    publish(temporary, path=path, files=files)


def _list_of(temporary: Path, *, part: int) -> Path:
    return temporary / f"part_{part:05d}.json"
