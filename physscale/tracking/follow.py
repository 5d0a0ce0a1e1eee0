"""The follower: a separate process that watches a study's folder and shows its runs in a tracker,
so that training neither fails nor waits because of it.

It reads only files that the runs write (`run.json`, `metrics.jsonl`, `scores.parquet`,
`videos/*.mp4`), so a killed follower can simply be started again. It follows a running run live.
When a run has ended, it adds the scores and videos, and writes to `tracking/TRACKER/` whether the
run is `online` or `offline`. The follower ends when its standard input ends, which is when the
driver ends."""

import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock

from physscale.records.json_file import read_json
from physscale.records.json_lines import entry_of
from physscale.records.ledger import FINAL, Ledger, State
from physscale.records.planned import planned_runs
from physscale.records.spec import short
from physscale.records.store import Store, write_atomic
from physscale.tracking.display import Session, ShownRun, Tracker

_LOOK_S = 2.0
_AT_A_TIME = 16
"""Number of runs that are followed live; the others are shown when they have ended."""


@dataclass
class Tail:
    """The lines of a training history that have not been read yet."""

    path: Path
    offset: int = 0
    step: int = -1

    def new(self) -> Iterator[dict[str, Any]]:
        """New whole lines, without the steps that a resumed run has written again."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self.offset += len(line)
                values = entry_of(line, where=str(self.path))
                if values["step"] > self.step:
                    self.step = values["step"]
                    yield values


@dataclass
class Follower:
    """The runs on display, and how much of each is shown."""

    store: Store
    tracker: Tracker
    _live: dict[str, tuple[Session, Tail]] = field(default_factory=dict)

    def look(self) -> None:
        """Shows what is new in the files."""
        for full, entry in Ledger(self.store.ledger).entries().items():
            folder = self.store.run(full)
            if where(self.store, full, tracker=self.tracker.name) is not None:
                continue
            shown = folder.metrics.exists() and folder.spec.exists()
            if shown and (
                entry.state in FINAL
                or (
                    entry.state is State.RUNNING
                    and (full in self._live or len(self._live) < _AT_A_TIME)
                )
            ):
                self._show_new(full)
                if entry.state in FINAL:
                    self._finish(full)
            elif full in self._live:
                self._live.pop(full)[0].leave()

    def _show_new(self, full: str) -> None:
        if full not in self._live:
            session = self.tracker.open(shown_run(self.store, full))
            self._live[full] = (
                session,
                Tail(self.store.run(full).metrics, step=session.first_step - 1),
            )
        session, tail = self._live[full]
        for line in tail.new():
            session.log(
                {key: value for key, value in line.items() if key not in ("step", "run")},
                step=line["step"],
            )

    def _finish(self, full: str) -> None:
        folder = self.store.run(full)
        videos = {file.stem: file for file in sorted((folder.root / "videos").glob("*.mp4"))}
        went = self._live.pop(full)[0].finish(summary(folder.scores), videos=videos)
        write_atomic(mark(self.store, full, tracker=self.tracker.name), went.encode())


def follow(store: Store, *, tracker: Tracker) -> None:
    """Shows the runs until standard input ends. One follower per study works; others stand by to
    take its place."""
    follower = Follower(store, tracker)
    lock = filelock.FileLock(store.root / "tracking" / f".{tracker.name}.lock", blocking=False)
    ended = False
    while not ended:
        ended = bool(select.select([sys.stdin], [], [], _LOOK_S)[0]) and not os.read(0, 1)
        try:
            lock.acquire()
        except filelock.Timeout:
            continue
        follower.look()


def shown_run(store: Store, full: str) -> ShownRun:
    """A run as the tracker gets it."""
    rows = planned_runs(store.study)
    planned: dict[str, Any] = next((row for row in rows if row["fingerprint"] == full), {})
    folder = store.run(full)
    return ShownRun(
        fingerprint=full,
        study=store.root.name,
        label=planned.get("label", short(full)),
        group=planned.get("group", ""),
        config=read_json(folder.spec),
        folder=folder,
        root=store.root,
    )


def summary(scores: Path) -> dict[str, float]:
    """Scores by name: `split/metric` for the model, `split/metric/source` for floors and
    baselines."""
    from physscale.records.tables import read_scores  # pyarrow: only where there are scores

    if not scores.exists():
        return {}
    return {
        "/".join(
            [row["split"], row["metric"], *([row["source"]] if row["source"] != "model" else [])]
        ): row["value"]
        for row in read_scores(scores).to_pylist()
    }


def mark(store: Store, full: str, *, tracker: str) -> Path:
    """The file that says where a finished run is on display."""
    return store.root / "tracking" / tracker / short(full)


def where(store: Store, full: str, *, tracker: str) -> str | None:
    """`online` or `offline`; None while the run is not completely on display."""
    path = mark(store, full, tracker=tracker)
    return path.read_text() if path.exists() else None


def waiting_for_display(
    store: Store, *, tracker: str, among: frozenset[str] = frozenset({"online", "offline"})
) -> list[str]:
    """The runs that have ended but are not yet on display in any of these ways."""
    entries = Ledger(store.ledger).entries()
    return [
        full
        for full, entry in entries.items()
        if entry.state in FINAL
        and store.run(full).metrics.exists()
        and where(store, full, tracker=tracker) not in among
    ]
