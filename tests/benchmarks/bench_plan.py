"""plan: CPU time of a plan of 5,000 runs, half of which the ledger knows as done, fingerprints and
budget included.

The peer is the plain way: canonical JSON by way of JSON types and `json.dumps`, made anew wherever
a fingerprint is asked for (the runs of the study, their groups), as a first version does."""

import json
import tempfile
import time
from pathlib import Path

from physscale.records.ledger import Ledger, Owner, State
from physscale.records.spec import plain
from physscale.records.store import Store
from physscale.study.budget import within_flops
from physscale.study.design import factorial
from physscale.study.plan import plan
from physscale.study.spec import Study
from tests.tiny import tiny_run

ASKED = 4
"""How often a plan asks for each fingerprint: runs, groups, costs, states."""


def study() -> Study:
    """Five axes, 5,000 runs."""
    sizes, videos, epochs = (
        ("d8", "d16", "d32", "d64", "d96"),
        range(100, 1100, 100),
        (1, 2, 4, 8, 16),
    )
    runs = factorial(
        tiny_run(),
        size=sizes,
        videos=videos,
        epochs=epochs,
        resolution=(16, 32, 64, 128),
        seed=range(5),
    )
    return Study(name="large", question="?", groups={"all": runs})


def note_half(store: Store, *, runs: list[str]) -> None:
    """A ledger as a study leaves it: planned, claimed, ended."""
    ledger, owner = Ledger(store.ledger), Owner()
    ledger.plan(runs)
    lines = []
    for run in runs[::2]:
        held = {"host": owner.host, "process": owner.process, "token": owner.token}
        lines += [{"run": run, "state": State.RUNNING, "time_s": 0.0, "owner": held, "claim": True}]
        lines += [{"run": run, "state": State.FAILED, "time_s": 1.0, "seconds": 5.0}]
    with store.ledger.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def cpu_s() -> float:
    """Of a plan with its budget, from a study without fingerprints."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "large")
        note_half(store, runs=list(study().runs))
        fresh, begun = study(), time.process_time()
        rows = plan(fresh, store=store, flops_per_s=1e10)
        within_flops(fresh, rows=rows, flops=sum(row.flops for row in rows) / 2)
        return time.process_time() - begun


def run() -> dict[str, object]:
    """CPU seconds of both."""
    ours = cpu_s()
    runs = study().groups["all"][:250]
    begun = time.process_time()
    for one in runs:
        for _ in range(ASKED):
            json.dumps(plain(one), sort_keys=True, separators=(",", ":"))
    peer = (time.process_time() - begun) * 5000 / len(runs)
    note = "5,000 runs, ledger of 10,000 lines, budget of half; the peer is its fingerprints alone"
    return {
        "name": "plan",
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "unit": "s CPU",
        "note": note,
    }
