"""A study in an object store (S3, GCS, any file system that pyarrow knows): what ended, and what
another cluster needs to continue.

```
URI/STUDY/ledger/TIME-SHA12.json           one small object per event, never changed
URI/STUDY/runs/FP12/...                    the run's files, with its newest whole checkpoint
URI/STUDY/runs/FP12/mirror.json            names, sizes, SHA-256; written last
URI/STUDY/study.json scores.parquet ...    the tables, and what `tune` and `next` found
```

As `mirror.json` is written last, a run in the store is complete or invisible.

Runs work on a folder that their nodes share. The store keeps the study when the cluster is gone:
`push` copies what changed, `pull` brings back what is missing here. An object store has no leases.
Two clusters that run one study at the same time, each on its own folder, both do all the work; one
after the other, they share it."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import fs

from physscale.records.errors import DamagedData, UserError, one_line
from physscale.records.json_lines import read_lines
from physscale.records.json_value import parsed
from physscale.records.ledger import FINAL, Ledger, State
from physscale.records.regular import regular
from physscale.records.spec import is_sha256, short
from physscale.records.store import RunFolder, Store, checked_name, write_atomic

_INDEX = "mirror.json"
_TABLES = (
    "study.json",
    "scores.parquet",
    "outcomes.parquet",
    "frames.parquet",
    "frame_scores.parquet",
    "tuned.json",
    "metrics.json",
    "dashboard.json",
    "report/index.html",
)


@dataclass(frozen=True)
class Mirror:
    """A study's place in the store."""

    files: fs.FileSystem
    root: PurePosixPath

    def read(self, name: str) -> bytes | None:
        """A whole object; None if there is none."""
        try:
            with self.files.open_input_file(str(self.root / name)) as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        path = self.root / name
        if isinstance(self.files, (fs.LocalFileSystem, fs.SubTreeFileSystem)):
            self.files.create_dir(str(path.parent), recursive=True)
        with self.files.open_output_stream(str(path)) as file:
            file.write(data)

    def names(self, folder: str) -> list[str]:
        """The names directly below a folder."""
        found = self.files.get_file_info(
            fs.FileSelector(str(self.root / folder), allow_not_found=True)
        )
        return sorted(item.base_name for item in found)


@dataclass(frozen=True)
class Copied:
    """What a push or pull did."""

    runs: list[str]
    bytes: int


def mirror_at(uri: str, *, study: str) -> Mirror:
    """The study's place below a URI: `s3://bucket/prefix`, `gs://...`, a folder.

    Raises:
        UserError: for a URI that pyarrow cannot open.
    """
    checked_name(study, what="study")
    try:
        files, path = fs.FileSystem.from_uri(uri if "://" in uri else Path(uri).absolute().as_uri())
        if not path:
            raise ValueError("no bucket")
    except (pa.ArrowException, ValueError, OSError) as error:
        raise UserError(
            f"store {uri[:200]!r}: {one_line(error)}; use s3://BUCKET/PREFIX, gs://BUCKET/PREFIX "
            "or a folder"
        ) from error
    return Mirror(files, PurePosixPath(path) / study)


def push(store: Store, mirror: Mirror) -> Copied:
    """Copy what changed: every run that has ended or stopped, the ledger's events, the tables. Runs
    still at work are left for the next push.

    Raises:
        UserError: if there is nothing to push, or the store refuses it.
    """
    if not store.ledger.exists():
        raise UserError(
            f"{store.root}: no ledger there; is it the right --results, and was the study run?"
        )
    pushed, sent = [], 0
    try:
        for full, entry in Ledger(store.ledger).entries().items():
            if entry.state in {State.RUNNING, State.PLANNED} or not store.run(full).root.is_dir():
                continue
            size = _push_run(store, full, mirror=mirror, state=entry.state)
            if size is not None:
                pushed.append(full)
                sent += size
        known = set(mirror.names("ledger"))
        for line in read_lines(store.ledger):
            data = json.dumps(line, sort_keys=True).encode()
            name = f"{line['time_s']:017.6f}-{hashlib.sha256(data).hexdigest()[:12]}.json"
            if name not in known:
                mirror.write(f"ledger/{name}", data)
        for name in (*_TABLES, *_proposals(path.name for path in store.root.glob("next/*.json"))):
            if (store.root / name).exists():
                mirror.write(name, regular(store.root / name).read_bytes())
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"store {mirror.root}: {one_line(error)}; push again when it answers"
        ) from error
    return Copied(pushed, sent)


def pull(store: Store, mirror: Mirror) -> Copied:
    """Fetch the runs that are unfinished here and further along in the store, with their ledger
    entries.

    Raises:
        UserError: when the store has no such study, or does not answer.
        DamagedData: if an object is not what its index says. Nothing of that run was copied.
    """
    try:
        events = [_event(mirror, name) for name in mirror.names("ledger")]
        if not events:
            raise UserError(f"store {mirror.root}: no such study there")
        last = {
            event["run"]: event
            for event in events
            if event["state"] not in {State.RUNNING, State.PLANNED}
        }
        here = Ledger(store.ledger).entries()
        pulled, taken = [], 0
        for full, event in last.items():
            settled = full in here and here[full].state in FINAL | {State.RUNNING}
            index = None if settled else mirror.read(f"runs/{short(full)}/{_INDEX}")
            if index is None or (event["state"] not in FINAL and store.run(full).root.exists()):
                continue
            taken += _pull_run(
                store.run(full), mirror=mirror, files=_files(index, mirror=mirror, full=full)
            )
            pulled.append(full)
            Ledger(store.ledger).adopt(event)
        for name in (*_TABLES, *_proposals(mirror.names("next"))):
            data = None if (store.root / name).exists() else mirror.read(name)
            if data is not None:
                write_atomic(store.root / name, data)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"store {mirror.root}: {one_line(error)}") from error
    return Copied(pulled, taken)


def _proposals(names: Iterable[str]) -> list[str]:
    """Runs that `physscale run --next` made part of the study."""
    return [f"next/{name}" for name in sorted(names)]


def _push_run(store: Store, full: str, *, mirror: Mirror, state: State) -> int | None:
    """The bytes sent; None if the store has everything."""
    folder, place = store.run(full), f"runs/{short(full)}"
    index = mirror.read(f"{place}/{_INDEX}")
    known = {} if index is None else _files(index, mirror=mirror, full=full)
    files, sent = {}, 0
    for path in _wanted(folder):
        name = str(path.relative_to(folder.root))
        stat = path.stat()
        before = known.get(name)
        if before is not None and (before["bytes"], before["changed_ns"]) == (
            stat.st_size,
            stat.st_mtime_ns,
        ):
            files[name] = before
            continue
        data = regular(path).read_bytes()
        mirror.write(f"{place}/{name}", data)
        files[name] = {
            "bytes": len(data),
            "changed_ns": stat.st_mtime_ns,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        sent += len(data)
    if files == known:
        return None
    mirror.write(
        f"{place}/{_INDEX}", json.dumps({"state": state.value, "files": files}, indent=1).encode()
    )
    return sent


def _wanted(folder: RunFolder) -> Iterator[Path]:
    """The files of a run to keep, with its newest checkpoint alone."""
    newest = max(folder.checkpoints.glob("step_*"), default=None)
    for path in sorted(item for item in folder.root.rglob("*") if item.is_file()):
        inside = path.relative_to(folder.root).parts
        hidden = any(part.startswith(".") for part in inside) or path.name == "waiting.json"
        if not hidden and (
            inside[0] != folder.checkpoints.name or (newest is not None and newest in path.parents)
        ):
            yield path


def _event(mirror: Mirror, name: str) -> dict[str, Any]:
    """A line of a ledger, as `push` writes it."""
    try:
        event: dict[str, Any] = parsed(mirror.read(f"ledger/{name}") or b"{}")
        if not is_sha256(event["run"]):
            raise ValueError(f"run {str(event['run'])[:40]!r}")
        return {**event, "state": State(event["state"]), "time_s": float(event["time_s"])}
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedData(
            f"store {mirror.root}: ledger/{name[:80]}: no line of a ledger ({one_line(error)})"
        ) from error


def _files(index: bytes, *, mirror: Mirror, full: str) -> dict[str, dict[str, Any]]:
    """What `push` wrote about every file of a run, by its name below the run's folder."""
    try:
        files: dict[str, dict[str, Any]] = parsed(index)["files"]
        for entry in files.values():
            if not is_sha256(entry["sha256"]):
                raise ValueError("no SHA-256")
        return files
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedData(
            f"store {mirror.root}: runs/{short(full)}/{_INDEX}: no list of files "
            f"({one_line(error)}); push that run again"
        ) from error


def _pull_run(folder: RunFolder, *, mirror: Mirror, files: dict[str, dict[str, Any]]) -> int:
    temporary = folder.root.with_name(f".{folder.root.name}.pull.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    taken = 0
    for name, recorded in files.items():
        path = temporary / name
        if not path.resolve().is_relative_to(temporary.resolve()):
            raise DamagedData(
                f"store {mirror.root}: {folder.root.name}/{_INDEX} names a file outside the run: "
                f"{name[:80]!r}"
            )
        data = mirror.read(f"runs/{folder.root.name}/{name}")
        if data is None or hashlib.sha256(data).hexdigest() != recorded["sha256"]:
            raise DamagedData(
                f"store {mirror.root}: runs/{folder.root.name}/{name} is not what {_INDEX} says; "
                "push that run again"
            )
        write_atomic(path, data)
        taken += len(data)
    if folder.root.exists():
        shutil.rmtree(folder.root)
    temporary.rename(folder.root)
    return taken
