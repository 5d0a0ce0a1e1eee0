"""Follows a study's folder and shows its runs on W&B: a process of its own, so that training can neither fail nor wait because of it.

Everything it needs is in the files that the runs leave (`run.json`, `metrics.jsonl`, `scores.parquet`, `videos/*.mp4`). Offline unless the
user sets `WANDB_MODE`; the id is the fingerprint, so a run logged again continues the same W&B run. A run is logged once: a mark in
`wandb/logged/` says so. Ends when its standard input ends, that is when the driver ends, however it does.
"""

import json
import os
import select
import sys
from pathlib import Path
from typing import Any

import filelock

from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.spec import short
from physscale.records.store import Store, write_atomic

_LOOK_S = 2.0
_ENDED = frozenset({State.DONE, State.DIVERGED})
PROJECT = "physscale"


def follow(store: Store) -> None:
    """Logs each run that has ended, until standard input ends; one follower a study is at work, others leave it to that one."""
    lock = filelock.FileLock(store.root / "wandb" / ".lock", blocking=False)
    ended = False
    while not ended:
        ended = bool(select.select([sys.stdin], [], [], _LOOK_S)[0]) and not os.read(0, 1)
        try:
            with lock:
                for run in unlogged(store):
                    log_run(run, store=store)
        except filelock.Timeout:
            continue


def unlogged(store: Store) -> list[str]:
    """The fingerprints of runs that have ended and were not logged yet."""
    entries = Ledger(store.ledger).entries()
    return [
        run
        for run, entry in entries.items()
        if entry.state in _ENDED and store.run(run).metrics.exists() and not _mark(store, run).exists()
    ]


def log_run(run: str, *, store: Store) -> None:
    """One whole run: configuration, history, scores as summary, videos as encoded files."""
    import wandb

    os.environ.setdefault("WANDB_MODE", "offline")
    folder = store.run(run)
    planned = _planned(store).get(run, {})
    spec = json.loads(folder.spec.read_text())
    session = wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        id=short(run),
        name=planned.get("label", short(run)),
        group=store.root.name,
        job_type=planned.get("group"),
        config=spec,
        dir=str(store.root),
        resume="allow",
        settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True, save_code=False),
    )
    for line in read_metrics(folder.metrics):
        session.log({key: value for key, value in line.items() if key != "step"}, step=line["step"])
    videos = sorted((folder.root / "videos").glob("*.mp4"))
    session.log({f"videos/{file.stem}": wandb.Video(str(file), format="mp4") for file in videos})
    session.summary.update(_summary(folder.scores))
    session.finish()
    write_atomic(_mark(store, run), b"")


def _summary(scores: Path) -> dict[str, Any]:
    """`split/metric` of the model, `split/metric/source` of floors and baselines."""
    import pyarrow.parquet as pq

    if not scores.exists():
        return {}
    rows = pq.read_table(scores, columns=["split", "metric", "source", "value"]).to_pylist()
    return {"/".join([row["split"], row["metric"], *([row["source"]] if row["source"] != "model" else [])]): row["value"] for row in rows}


def _planned(store: Store) -> dict[str, dict[str, Any]]:
    return {row["fingerprint"]: row for row in json.loads(store.study.read_text())["runs"]} if store.study.exists() else {}


def _mark(store: Store, run: str) -> Path:
    return store.root / "wandb" / "logged" / short(run)


if __name__ == "__main__":
    follow(Store(Path(sys.argv[1])))
