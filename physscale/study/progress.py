"""The live table of a sweep, drawn from the files that the runs write: it shows other drivers' runs
too, and can never slow one down."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from physscale.records.json_lines import read_lines
from physscale.records.ledger import FINAL, Entry, Ledger, State
from physscale.records.store import RunFolder, Store
from physscale.study.plan import Row
from physscale.study.plan import standing as standing_of

_COLOURS = {
    "DONE": "green",
    "RUNNING": "cyan",
    "FAILED": "red",
    "DIVERGED": "magenta",
    "PREEMPTED": "yellow",
    "PLANNED": "dim",
}
_AROUND = 6
"""Lines of the terminal that are not runs."""

_FIT_IS_DEAD_S = 120.0
"""A codec's training that has been silent for so long has stopped."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One run as its files show it now."""

    row: Row
    step: int
    loss: float | None
    left_s: float
    fit: "Fit | None" = None


@dataclass(frozen=True)
class Fit:
    """How far a run is that trains its codec first."""

    step: int
    steps: int
    left_s: float

    @property
    def text(self) -> str:
        return f"codec {self.step}/{self.steps}"


class LiveTable:
    """Reads ledger and histories again and again, and remembers when it first saw each run
    running."""

    def __init__(self, rows: Sequence[Row], *, store: Store) -> None:
        self._rows = rows
        self._store = store
        self._first: dict[str, tuple[float, int]] = {}

    def look(self) -> list[Standing]:
        """Every run as it stands now."""
        entries = Ledger(self._store.ledger).entries()
        return [self._stand(row, entry=entries.get(row.fingerprint)) for row in self._rows]

    def _stand(self, row: Row, *, entry: Entry | None) -> Standing:
        folder = self._store.run(row.fingerprint)
        now = replace(
            row,
            state=standing_of(entry, folder=folder),
            attempts=entry.attempts if entry else 0,
        )
        if now.state in FINAL:
            return Standing(row=now, step=row.steps, loss=None, left_s=0.0)
        last = last_metrics(folder.metrics)
        step, loss = int(last.get("step", 0)), last.get("loss")
        if now.state != State.RUNNING:
            left_s = 0.0 if now.state == State.FAILED else row.estimated_s * (1 - step / row.steps)
            return Standing(row=now, step=step, loss=None, left_s=left_s)
        fit = fit_of(folder) if not step else None
        if fit is not None:
            return Standing(
                row=now, step=0, loss=None, left_s=fit.left_s + row.estimated_s, fit=fit
            )
        begun_s, first_step = self._first.setdefault(row.fingerprint, (time.monotonic(), step))
        gone_s = time.monotonic() - begun_s
        guess_s = max(1.0, row.estimated_s - gone_s)
        if step > first_step:
            guess_s = gone_s * (row.steps - step) / (step - first_step)
        return Standing(row=now, step=step, loss=loss, left_s=guess_s)


def fit_of(folder: RunFolder) -> Fit | None:
    """How far the codec's training is, if one is running. A training that was killed and started
    again counts from its new start."""
    lines = read_lines(folder.codec_fit)
    if (
        not lines
        or lines[-1]["step"] == lines[-1]["steps"]
        or time.time() - lines[-1]["time_s"] > _FIT_IS_DEAD_S
    ):
        return None
    begun = max(
        (at for at in range(1, len(lines)) if lines[at]["step"] <= lines[at - 1]["step"]), default=0
    )
    first, last = lines[begun], lines[-1]
    done, left = last["step"] - first["step"], last["steps"] - last["step"]
    return Fit(
        last["step"],
        last["steps"],
        left_s=(last["time_s"] - first["time_s"]) * left / done if done else 0.0,
    )


def last_metrics(path: Path) -> dict[str, Any]:
    """The newest line of a history that has a loss; empty if there is none yet."""
    return next((line for line in reversed(read_lines(path)) if "loss" in line), {})


def remaining_s(standings: Sequence[Standing], *, at_a_time: int) -> float:
    """Time until all are done: the work left, divided among `at_a_time` runs (or among more, if
    more are running), or the longest run if that is more."""
    left = [standing.left_s for standing in standings]
    going = sum(standing.row.state == State.RUNNING for standing in standings)
    return max([sum(left) / max(at_a_time, going), *left], default=0.0)


def span(seconds: float) -> str:
    """`4 s`, `3 min`, `2 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def gigabytes(count: int) -> str:
    """`765 MB`, `2.9 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


@contextmanager
def progress(
    rows: Sequence[Row], *, store: Store, at_a_time: int, console: Console
) -> Iterator[Callable[[], None]]:
    """Yields what to call repeatedly while the runs go on: a live table in a terminal,
    one line per change elsewhere."""
    table = LiveTable(rows, store=store)
    begun_s = time.monotonic()
    if not console.is_terminal:
        seen = {standing.row.fingerprint: standing.row.state for standing in table.look()}
        yield lambda: _lines(table.look(), seen=seen, at_a_time=at_a_time, console=console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda: live.update(
            _table(
                table.look(),
                at_a_time=at_a_time,
                height=console.height,
                elapsed_s=time.monotonic() - begun_s,
            ),
            refresh=True,
        )


def _lines(
    standings: Sequence[Standing], *, seen: dict[str, str], at_a_time: int, console: Console
) -> None:
    done = sum(standing.row.state in FINAL for standing in standings)
    for standing in standings:
        row = standing.row
        if seen[row.fingerprint] != row.state:
            seen[row.fingerprint] = row.state
            left_s = remaining_s(standings, at_a_time=at_a_time)
            left = f"{done} of {len(standings)} done, {span(left_s)} left"
            line = f"{_beginning(row)} {row.label}  ({left})"
            console.print(line, soft_wrap=True, markup=False, highlight=False)
        fit = standing.fit
        if fit is not None and seen.get(_fit_key(row)) != (
            tenth := f"{10 * fit.step // fit.steps}"
        ):
            seen[_fit_key(row)] = tenth
            line = f"{_beginning(row)} {fit.text}  ({span(fit.left_s)} left of the codec)"
            console.print(line, soft_wrap=True, markup=False, highlight=False)


def _beginning(row: Row) -> str:
    """How a run's line begins."""
    return f"{time.strftime('%H:%M:%S')} {row.state:9} {row.fingerprint[:12]}"


def _fit_key(row: Row) -> str:
    return f"codec of {row.fingerprint}"


def _table(
    standings: Sequence[Standing], *, at_a_time: int, height: int, elapsed_s: float
) -> Group:
    table = status_table(standings, lines=max(3, height - _AROUND))
    done = sum(standing.row.state in FINAL for standing in standings)
    bar = ProgressBar(total=len(standings), completed=done, width=40)
    left = span(remaining_s(standings, at_a_time=at_a_time))
    return Group(
        table,
        Text(
            f"\n{done} of {len(standings)} runs done · {span(elapsed_s)} gone · {left} left · "
            "Ctrl-C saves and stops"
        ),
        bar,
    )


def status_table(standings: Sequence[Standing], *, lines: int) -> Table:
    """At most `lines` runs, each with state, step, loss and time left."""
    table = Table(box=None, pad_edge=False)
    for name, justify in (
        ("state", "left"),
        ("run", "left"),
        ("group", "left"),
        ("what", "left"),
        ("step", "right"),
        ("loss", "right"),
        ("left", "right"),
    ):
        table.add_column(
            name,
            justify=justify,  # type: ignore[arg-type]
            no_wrap=True,
            overflow="ellipsis",
            min_width=9 if name == "state" else None,
        )
    for standing in _shown(standings, lines=lines):
        row = standing.row
        loss = "" if standing.loss is None else f"{standing.loss:.4f}"
        left = span(standing.left_s) if row.state == State.RUNNING else ""
        state = Text(row.state, style=_COLOURS[row.state])
        step = f"{standing.step}/{row.steps}" if standing.fit is None else standing.fit.text
        table.add_row(state, row.fingerprint[:12], row.group, row.label, step, loss, left)
    return table


def _shown(standings: Sequence[Standing], *, lines: int) -> list[Standing]:
    """As many as fit: running and failed ones first, then the next planned ones, then the last
    finished ones; in the plan's order."""
    rank = {
        State.RUNNING: 0,
        State.FAILED: 1,
        State.DIVERGED: 2,
        State.PREEMPTED: 3,
        State.PLANNED: 4,
        State.DONE: 5,
    }
    chosen = sorted(
        range(len(standings)), key=lambda at: (rank[State(standings[at].row.state)], at)
    )[:lines]
    return [standings[at] for at in sorted(chosen)]
