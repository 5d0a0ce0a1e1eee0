"""What results show without running anything: failures, histories and files that may be removed;
and whether this machine can run a study."""

import importlib.metadata
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physscale.records.errors import Unschedulable
from physscale.records.json_lines import shared_time_s
from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.scheduling.attempt import abandoned_drivers
from physscale.scheduling.resources import Machine, slots
from physscale.scheduling.this_machine import local_nodes
from physscale.study.attempts import all_runs, one_run
from physscale.study.finding import Finding
from physscale.study.gpu_findings import gpu_findings
from physscale.study.head_findings import head_findings
from physscale.study.plan import Row

_FREE_BYTES = 2e9


@dataclass(frozen=True)
class Garbage:
    """Something that no run needs."""

    path: Path
    bytes: int
    why: str


def failures(store: Store, *, rows: Sequence[Row]) -> dict[str, str]:
    """One line for each of the runs that failed, by fingerprint."""
    entries = Ledger(store.ledger).entries()
    failed = [row.fingerprint for row in rows if row.state == State.FAILED]
    return {
        full: f"{entries[full].details.get('kind', 'Failed')}: "
        f"{entries[full].details.get('error', '')}"
        for full in failed
    }


def history(store: Store, *, beginning: str) -> list[dict[str, Any]]:
    """The history of the one run whose fingerprint begins so; with nothing given, the newest line
    of every run.

    Raises:
        UserError: if no run, or more than one, begins so.
    """
    if beginning:
        full = one_run(store, beginning=beginning)
        return read_metrics(store.run(full).metrics, run=full)
    newest = {run: read_metrics(store.run(run).metrics, run=run)[-1:] for run in all_runs(store)}
    return [{"run": run[:12], **line} for run, lines in newest.items() for line in lines]


def garbage(store: Store) -> list[Garbage]:
    """Half-written files, scratch folders of dead drivers, checkpoints that belong to no run, and
    all but the last checkpoint of finished runs. Files of running runs are left alone."""
    entries = Ledger(store.ledger).entries()
    at_work = {
        store.run(run).root for run, entry in entries.items() if entry.state is State.RUNNING
    }
    found = [
        Garbage(path, _bytes(path), "half-written")
        for path in store.root.rglob(".*.tmp")
        if not at_work.intersection(path.parents)
    ]
    found += [
        Garbage(folder, _bytes(folder), "scratch of a driver that is gone")
        for folder in abandoned_drivers(store.root, now_s=shared_time_s(store.ledger))
    ]
    known = {store.run(run).root.name for run in entries}
    for checkpoints in sorted((store.root / "runs").glob("*/checkpoints")):
        if entries and checkpoints.parent.name not in known:
            found.append(
                Garbage(checkpoints, _bytes(checkpoints), "checkpoints of no run of the ledger")
            )
    for run, entry in entries.items():
        if entry.state is State.DONE:
            older = sorted(store.run(run).checkpoints.glob("step_*"))[:-1]
            found += [
                Garbage(path, _bytes(path), "older checkpoint of a finished run") for path in older
            ]
    return found


def remove(found: Iterable[Garbage]) -> None:
    """Removes it all."""
    for item in found:
        if item.path.is_dir() and not item.path.is_symlink():
            shutil.rmtree(item.path)
        else:
            item.path.unlink()


def examine(results: Path) -> list[Finding]:
    """Whether this machine can run a study, and whether its secrets are private."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("ray", "torch", "pyarrow", "numpy", "wandb")
    )
    return [
        Finding("versions", "fine", versions),
        _schedule(),
        *gpu_findings(),
        _writable(results),
        _space(results),
        _shared_memory(),
        _token(),
        *head_findings(),
        _tracking(),
    ]


def _schedule() -> Finding:
    try:
        lines = [
            slots(Machine(), nodes=local_nodes(Machine()), workers=workers).arithmetic
            for workers in (1, 2)
        ]
    except Unschedulable as error:
        return Finding("schedule", "wrong", str(error))
    return Finding("schedule", "fine", "; ".join(lines))


def _place(results: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    whole = results.absolute()
    return next(folder for folder in (whole, *whole.parents) if folder.exists())


def _writable(results: Path) -> Finding:
    place = _place(results)
    try:
        with tempfile.TemporaryFile(dir=place):
            return Finding("results", "fine", f"{place} can be written")
    except OSError as error:
        return Finding(
            "results",
            "wrong",
            f"{place} cannot be written ({error.strerror}): choose another --results",
        )


def _space(results: Path) -> Finding:
    place = _place(results)
    free = shutil.disk_usage(place).free
    return Finding(
        "disk", "fine" if free > _FREE_BYTES else "note", f"{free / 1e9:.1f} GB free at {place}"
    )


def _shared_memory() -> Finding:
    shared = Path("/dev/shm")
    if not shared.exists():
        return Finding("shared memory", "note", "no /dev/shm: Ray uses the disk")
    free = shutil.disk_usage(shared).free
    return Finding(
        "shared memory",
        "fine" if free > _FREE_BYTES / 4 else "note",
        f"{free / 1e9:.1f} GB free in {shared}",
    )


def _token() -> Finding:
    """Ray writes its token so that everybody on the machine can read it."""
    token = Path.home() / ".ray" / "auth_token"
    if os.environ.get("RAY_AUTH_MODE") == "disabled":
        return Finding(
            "ray token",
            "wrong",
            "RAY_AUTH_MODE=disabled: whoever reaches a Ray port runs code as you; unset it",
        )
    if not token.exists():
        return Finding(
            "ray token",
            "fine",
            "local clusters get one of their own; for `ray start`, make one with `ray "
            "get-auth-token --generate`",
        )
    mode = stat.S_IMODE(token.stat().st_mode)
    if mode & 0o077:
        return Finding(
            "ray token",
            "wrong",
            f"{token} can be read by others (mode {mode:o}): chmod 600 {token}",
        )
    return Finding("ray token", "fine", f"{token}, mode {mode:o}")


def _tracking() -> Finding:
    mode = os.environ.get("WANDB_MODE", "offline")
    return Finding(
        "W&B",
        "fine",
        f"{mode}; WANDB_MODE=online sends runs to W&B, WANDB_MODE=disabled switches it off",
    )


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    return sum(file.stat().st_size for file in files)
